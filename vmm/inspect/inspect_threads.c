/* SPDX-License-Identifier: MIT */
/* inspect_threads.c - processes and their threads, and in which system call each of them sleeps. */
#include <stdio.h>

#include "abi/vcpu_page.h"
#include "vmm/cli/syscall_names.h"
#include "vmm/inspect/inspect.h"
struct listing {
	json_t *threads;
	uint64_t running[CAY_VCPU_MAX]; /* struct thread */
	unsigned nr_cpus, nr_threads;
	/* of the process at hand */
	long long pid, ppid, uid;
	char program[256];
};

static bool is_running(const struct listing *l, uint64_t thread)
{
	for (unsigned i = 0; i < l->nr_cpus; i++)
		if (l->running[i] == thread)
			return true;
	return false;
}

/* The frame on the kernel stack is current only while the thread sleeps in the kernel. */
static void call_of(struct guest_map *m, uint64_t thread, char text[32])
{
	uint64_t frame = guest_number(m, thread, CAY_MAP_THREAD_STACK_TOP);
	int64_t nr = -1;

	text[0] = '\0';
	if (guest_value(m, CAY_MAP_FRAME_CALL) == 0 || frame == 0)
		return;
	nr = (int64_t)guest_pointer(m, frame + guest_value(m, CAY_MAP_FRAME_CALL));
	if (nr >= 0 && nr < 512 && syscall_name((unsigned)nr) != NULL)
		snprintf(text, 32, "%s", syscall_name((unsigned)nr));
	else if (nr >= 0)
		snprintf(text, 32, "call_%lld", (long long)nr);
}

/* Of one that does not run just now. */
static const char *state_word(const struct guest_map *m, uint64_t state)
{
	if (state == guest_value(m, CAY_MAP_STATE_BLOCKED))
		return "sleeping";
	if (state == guest_value(m, CAY_MAP_STATE_RUNNABLE) || state == guest_value(m, CAY_MAP_STATE_WOKEN))
		return "ready";
	return "ended";
}

static bool add_thread(struct guest_map *m, uint64_t thread, void *ctx)
{
	struct listing *l = ctx;
	uint64_t state = guest_number(m, thread, CAY_MAP_THREAD_STATE);
	const char *word = is_running(l, thread) ? "running" : state_word(m, state);
	char name[32], call[32] = "";

	if (++l->nr_threads > INSPECT_THREADS_MAX)
		return false;
	guest_text(m, guest_at(m, thread, CAY_MAP_THREAD_COMM), 16, name, sizeof(name));
	if (state == guest_value(m, CAY_MAP_STATE_BLOCKED))
		call_of(m, thread, call);
	json_array_append_new(l->threads,
			      json_pack("{s:I, s:I, s:I, s:I, s:s, s:s, s:I, s:I, s:s, s:s}", "pid", l->pid, "ppid",
					l->ppid, "tid", (long long)guest_number(m, thread, CAY_MAP_THREAD_TID), "uid",
					l->uid, "state", word, "call", call, "cpu",
					(long long)guest_number(m, thread, CAY_MAP_THREAD_CPU), "cpu_ns",
					(long long)guest_number(m, thread, CAY_MAP_THREAD_CPU_NS), "name", name,
					"program", l->program));
	return true;
}

static bool add_process(struct guest_map *m, uint64_t process, void *ctx)
{
	struct listing *l = ctx;

	l->pid = (int)guest_number(m, process, CAY_MAP_PROCESS_PID);
	l->ppid = (int)guest_number(m, process, CAY_MAP_PROCESS_PPID);
	l->uid = (uint32_t)guest_number(m, process, CAY_MAP_PROCESS_UID);
	guest_text(m, guest_number(m, process, CAY_MAP_PROCESS_EXE), sizeof(l->program) - 1, l->program,
		   sizeof(l->program));
	if (guest_number(m, process, CAY_MAP_PROCESS_ZOMBIE) != 0) {
		char name[32];

		guest_text(m, guest_at(m, process, CAY_MAP_PROCESS_COMM), 16, name, sizeof(name));
		json_array_append_new(l->threads, json_pack("{s:I, s:I, s:I, s:I, s:s, s:s, s:I, s:I, s:s, s:s}", "pid",
							    l->pid, "ppid", l->ppid, "tid", l->pid, "uid", l->uid,
							    "state", "zombie", "call", "", "cpu", 0ll, "cpu_ns", 0ll,
							    "name", name, "program", l->program));
	}
	guest_list(m, guest_at(m, process, CAY_MAP_PROCESS_THREADS), CAY_MAP_THREAD_LINK, INSPECT_THREADS_MAX,
		   add_thread, l);
	return l->nr_threads <= INSPECT_THREADS_MAX;
}

json_t *inspect_threads(struct guest_map *m, const struct inspect_cpus *cpus)
{
	uint64_t offset = guest_value(m, CAY_MAP_CPU_CURRENT);
	struct listing l = {.threads = json_array()};

	for (unsigned i = 0; i < cpus->nr && offset != 0 && offset <= sizeof(struct cay_vcpu_page) - 8; i++)
		__builtin_memcpy(&l.running[l.nr_cpus++], (const char *)cpus->page[i] + offset, sizeof(l.running[0]));
	guest_list(m, guest_value(m, CAY_MAP_PROCESSES), CAY_MAP_PROCESS_LINK, INSPECT_PROCESSES_MAX, add_process, &l);
	return l.threads;
}
