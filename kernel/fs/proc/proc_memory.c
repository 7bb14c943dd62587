/* SPDX-License-Identifier: MIT */
/* proc_memory.c - the memory of a process as procfs shows it: maps, and the texts that exec put on its stack. */
#include <errno.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/mm/vmspace.h"

int proc_show_maps(uint64_t id, struct text *t)
{
	struct thread *th = proc_thread(id);

	if (th == NULL)
		return -ESRCH;
	struct vmspace *vs = th->proc->vs;
	if (vs == NULL)
		return 0;
	vmspace_get(vs); /* the process may end while a path is made up */
	vmspace_print_maps(vs, text_emit, t);
	vmspace_put(vs);
	return 0;
}

/* Hexadecimal digits at *at, up to end. */
static uint64_t take_hex(const char **at, const char *end)
{
	uint64_t v = 0;

	for (; *at < end; ++*at) {
		char c = **at;
		if (c >= '0' && c <= '9')
			v = v << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint64_t)(c - 'a' + 10);
		else
			break;
	}
	return v;
}

/* maps with the size of each area. What is resident in one is not counted: see statm for the whole. */
int proc_show_smaps(uint64_t id, struct text *t)
{
	struct text maps = {0};
	int err = proc_show_maps(id, &maps);

	for (size_t at = 0; err == 0 && at < maps.len;) {
		const char *line = maps.buf + at, *p = line, *end = maps.buf + maps.len;
		size_t len = 0;
		while (line + len < end && line[len] != '\n')
			len++;
		uint64_t from = take_hex(&p, end);
		p++;
		uint64_t to = take_hex(&p, end);
		text_add(t, line, len);
		text_printf(t, "\nSize:           %8llu kB\nKernelPageSize:        4 kB\nMMUPageSize:           4 kB\n",
			    (unsigned long long)(to - from) / 1024);
		at += len + 1;
	}
	if (maps.failed)
		t->failed = true;
	text_free(&maps);
	return err;
}

#define SHOW_MAX (128u << 10) /* of arguments or environment */

/* Program memory [from, to). A program may have unmapped it, and a zombie has none: what there is. */
static int show_range(const struct process *p, uint64_t from, uint64_t to, struct text *t)
{
	struct vmspace *vs = p->vs != NULL && to > from ? vmspace_get(p->vs) : NULL;
	size_t n = 1;

	if (vs == NULL)
		return 0;
	for (to = MIN(to, from + SHOW_MAX); from < to && n > 0; from += n) {
		char chunk[256];

		n = vmspace_read(vs, from, chunk, MIN(to - from, sizeof(chunk)));
		text_add(t, chunk, n);
	}
	vmspace_put(vs);
	return 0;
}

int proc_show_cmdline(uint64_t id, struct text *t)
{
	struct thread *th = proc_thread(id);

	return th != NULL ? show_range(th->proc, th->proc->arg_start, th->proc->arg_end, t) : -ESRCH;
}

int proc_show_environ(uint64_t id, struct text *t)
{
	struct thread *th = proc_thread(id);

	return th != NULL ? show_range(th->proc, th->proc->env_start, th->proc->env_end, t) : -ESRCH;
}

int proc_show_auxv(uint64_t id, struct text *t)
{
	struct thread *th = proc_thread(id);

	return th != NULL ? show_range(th->proc, th->proc->auxv_start, th->proc->auxv_end, t) : -ESRCH;
}
