/* SPDX-License-Identifier: MIT */
/* priority.c - nice levels of threads, process groups and users: getpriority(2), setpriority(2). */
#include <errno.h>
#include <linux/capability.h>
#include <sys/resource.h>

#include "kernel/fs/cred.h"
#include "kernel/linux/process_calls.h"
#include "kernel/sched/lending.h"
#include "kernel/sched/thread.h"

static long renice(struct thread *t, int nice)
{
	const struct cred *c = cred_current(), *o = &t->proc->cred;

	if (c->euid != o->uid && c->euid != o->euid && !capable(CAP_SYS_NICE))
		return -EPERM;
	if (nice < t->nice && !capable(CAP_SYS_NICE) && 20 - nice > (int64_t)t->proc->rlimit[RLIMIT_NICE].cur)
		return -EACCES;
	t->nice = nice;
	lending_own_changed(t);
	return 0;
}

/* PRIO_PGRP, PRIO_USER: does (which, who) mean p? who 0 has been resolved. */
static bool is_meant(const struct process *p, int which, int who)
{
	return which == PRIO_PGRP ? p->pgid == who : p->cred.uid == (uint32_t)who;
}

static int resolve_who(int which, int who)
{
	const struct process *p = process_current();

	if (who != 0)
		return who;
	return which == PRIO_PGRP ? p->pgid : (int)p->cred.uid;
}

/* The system call's scale is 20 - nice: 1..40, so that it is never negative. */
long sys_getpriority(int which, int who)
{
	long best = -ESRCH;

	if (which == PRIO_PROCESS) {
		struct thread *t = thread_find_or_current(who);

		return t != NULL ? 20 - t->nice : -ESRCH;
	}
	if (which != PRIO_PGRP && which != PRIO_USER)
		return -EINVAL;
	who = resolve_who(which, who);
	list_for_each (p, &process_all, link, struct process) {
		if (!is_meant(p, which, who))
			continue;
		list_for_each (t, &p->threads, proc_link, struct thread)
			best = MAX(best, 20 - t->nice);
	}
	return best;
}

long sys_setpriority(int which, int who, int nice)
{
	long result = -ESRCH;

	nice = MAX(-20, MIN(19, nice));
	if (which == PRIO_PROCESS) {
		struct thread *t = thread_find_or_current(who);

		return t != NULL ? renice(t, nice) : -ESRCH;
	}
	if (which != PRIO_PGRP && which != PRIO_USER)
		return -EINVAL;
	who = resolve_who(which, who);
	list_for_each (p, &process_all, link, struct process) {
		if (!is_meant(p, which, who))
			continue;
		list_for_each (t, &p->threads, proc_link, struct thread) {
			long err = renice(t, nice);

			if (result == 0 || result == -ESRCH)
				result = err;
		}
	}
	return result;
}
