/* SPDX-License-Identifier: MIT */
/* system_time.c - see system_time.h. Threads and processes: process_time.c. */
#include "kernel/sched/system_time.h"

#include "lib/compiler.h"

#define TIMED_EACH_NS 4096u /* calls that take this long are all timed: two looks at the clock are 1 % of it */
#define GAP_MAX       256u
#define SHARE_ONE     1024u

/* Time in which calls were made that nobody timed. */
static uint64_t kernels_share(const struct system_time *st, uint64_t ns)
{
	uint64_t both_ns = st->in_kernel_ns + st->in_user_ns;

	return both_ns == 0 ? ns / 2 : st->in_kernel_ns * SHARE_ONE / both_ns * ns / SHARE_ONE;
}

/* Both by an eighth. */
static void grow_older(struct system_time *st)
{
	st->in_kernel_ns -= st->in_kernel_ns / 8;
	st->in_user_ns -= st->in_user_ns / 8;
}

uint64_t system_time_enter(struct system_time *st, uint64_t cpu_ns, bool follows)
{
	uint64_t now_ns = cpu_ns - st->exact_ns, ns = now_ns > st->left_ns ? now_ns - st->left_ns : 0;

	if (follows) {
		grow_older(st);
		st->in_user_ns += ns;
	} else {
		st->sampled_ns += kernels_share(st, ns);
	}
	st->left_ns = now_ns;
	return now_ns;
}

uint64_t system_time_leave(struct system_time *st, uint64_t cpu_ns, uint64_t entered_ns, bool follows)
{
	uint64_t now_ns = cpu_ns - st->exact_ns, ns = now_ns > entered_ns ? now_ns - entered_ns : 0;

	if (follows) /* as many calls as stretches of the program before them */
		st->in_kernel_ns += ns;
	st->sampled_ns += ns;
	st->left_ns = now_ns;
	return ns;
}

unsigned system_time_next_gap(uint64_t ns, unsigned gap)
{
	unsigned wanted = (unsigned)MIN(TIMED_EACH_NS / MAX(ns, (uint64_t)1), (uint64_t)GAP_MAX);

	/* It grows slowly, so that a long call among short ones is noticed for a while. */
	wanted = MAX(MIN(wanted, 2 * gap), 1u);
	/* Never the same ones of calls that take turns: the low bits of a duration are as good as random. */
	return wanted == 1 ? 1 : wanted / 2 + 1 + (unsigned)(ns * 7 % wanted);
}

void cpu_time_split(struct cpu_time *shown, uint64_t total_ns, uint64_t system_ns)
{
	uint64_t most_ns = total_ns > shown->user_ns ? total_ns - shown->user_ns : 0;

	system_ns = MAX(MIN(system_ns, most_ns), shown->system_ns);
	*shown = (struct cpu_time){MAX(total_ns > system_ns ? total_ns - system_ns : 0, shown->user_ns), system_ns};
}
