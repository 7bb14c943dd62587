/* SPDX-License-Identifier: MIT */
/* proc_memory.c - the memory of a process as procfs shows it: maps, and the texts that exec put on its stack. */
#include <errno.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/mm/vmspace.h"

static int show(uint64_t id, enum maps_style style, struct text *t)
{
	struct thread *th = proc_thread(id);

	if (th == NULL)
		return -ESRCH;
	struct vmspace *vs = th->proc->vs;
	if (vs == NULL)
		return 0;
	vmspace_get(vs); /* the process may end while a path is made up */
	vmspace_print_maps(vs, style, text_emit, t);
	vmspace_put(vs);
	return 0;
}

int proc_show_maps(uint64_t id, struct text *t)
{
	return show(id, MAPS_LINES, t);
}

int proc_show_smaps(uint64_t id, struct text *t)
{
	return show(id, MAPS_DETAILED, t);
}

int proc_show_smaps_rollup(uint64_t id, struct text *t)
{
	return show(id, MAPS_SUM, t);
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
