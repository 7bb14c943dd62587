/* SPDX-License-Identifier: MIT */
/* process_time.c - user and system time of threads and processes: system_time.h. */
#include "kernel/sched/system_time.h"
#include "kernel/sched/thread.h"

uint64_t system_time_begin(void)
{
	return thread_cpu_ns(thread_current());
}

void system_time_end(uint64_t began_ns)
{
	struct thread *t = thread_current();
	uint64_t now_ns = thread_cpu_ns(t);

	if (now_ns > began_ns)
		t->system_time.exact_ns += now_ns - began_ns;
}

struct cpu_time thread_cpu_time(struct thread *t)
{
	struct system_time *st = &t->system_time;

	cpu_time_split(&st->shown, thread_cpu_ns(t), st->exact_ns + st->sampled_ns);
	return st->shown;
}

struct cpu_time process_cpu_time(struct process *p)
{
	uint64_t system_ns = p->system_dead_ns;

	list_for_each (t, &p->threads, proc_link, struct thread)
		system_ns += t->system_time.exact_ns + t->system_time.sampled_ns;
	cpu_time_split(&p->shown, process_cpu_ns(p), system_ns);
	return p->shown;
}
