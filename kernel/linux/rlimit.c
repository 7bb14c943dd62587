/* SPDX-License-Identifier: MIT */
/* rlimit.c - limits and accounts of resources. */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "kernel/fs/cred.h"
#include "kernel/linux/family.h"
#include "kernel/linux/process_calls.h"
#include "kernel/mm/page.h"
#include "kernel/mm/uaccess.h"
#include "kernel/mm/vmspace.h"
#include "kernel/sched/thread.h"
#include "kernel/time/clock.h"
#include "kernel/time/process_timers.h"

#define NR_OPEN_MAX 1048576     /* /proc/sys/fs/nr_open */
#define TICK_NS     10000000ull /* of times(2): CLK_TCK is 100 */
#ifndef RUSAGE_THREAD
#define RUSAGE_THREAD 1
#endif

/* prlimit(2): whose real, effective and saved ids are all the caller's real ones, or by a capability. */
static bool may_limit(const struct process *p)
{
	const struct cred *c = cred_current(), *o = &p->cred;

	return p == process_current() || capable(CAP_SYS_RESOURCE) ||
	       (c->uid == o->uid && c->uid == o->euid && c->uid == o->suid && c->gid == o->gid && c->gid == o->egid &&
		c->gid == o->sgid);
}

static long set_limit(struct process *p, unsigned resource, const struct rlimit_pair *new)
{
	struct rlimit_pair *r = &p->rlimit[resource];

	if (new->cur > new->max)
		return -EINVAL;
	if (resource == RLIMIT_NOFILE && new->max > NR_OPEN_MAX)
		return -EPERM;
	if (new->max > r->max && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	*r = *new;
	return resource == RLIMIT_CPU ? cpu_limit_watch(p) : 0;
}

long sys_prlimit64(int pid, unsigned resource, const void *unew, void *uold)
{
	struct rlimit_pair new, old;
	struct thread *t;
	long err;

	if (resource >= NR_RLIMITS)
		return -EINVAL;
	if (unew != NULL && copy_from_user(&new, unew, sizeof(new)) != 0)
		return -EFAULT;
	t = pid == 0 ? thread_current() : thread_find(pid); /* after the copy, which may sleep */
	if (t == NULL)
		return -ESRCH;
	if (!may_limit(t->proc))
		return -EPERM;
	old = t->proc->rlimit[resource];
	err = unew != NULL ? set_limit(t->proc, resource, &new) : 0;
	if (err == 0 && uold != NULL)
		err = copy_to_user(uold, &old, sizeof(old));
	return err;
}

long sys_getrlimit(unsigned resource, void *urlim)
{
	return urlim != NULL ? sys_prlimit64(0, resource, NULL, urlim) : -EFAULT;
}

long sys_setrlimit(unsigned resource, const void *urlim)
{
	return urlim != NULL ? sys_prlimit64(0, resource, urlim, NULL) : -EFAULT;
}

long sys_getrusage(int who, void *urusage)
{
	struct process *p = process_current();
	struct thread *self = thread_current();
	struct process_usage usage;
	struct rusage ru;

	switch (who) {
	case RUSAGE_CHILDREN:
		usage = p->children_usage;
		break;
	case RUSAGE_SELF:
		usage = usage_of_process(p);
		break;
	case RUSAGE_THREAD:
		usage = (struct process_usage){
			.cpu = thread_cpu_time(self), .events = self->events, .max_rss = vmspace_peak_rss(p->vs)};
		break;
	default:
		return -EINVAL;
	}
	usage_to_rusage(&usage, &ru);
	return copy_to_user(urusage, &ru, sizeof(ru));
}

long sys_times(void *ubuf)
{
	struct {
		int64_t utime, stime, cutime, cstime;
	} tms;
	struct process *p = process_current();
	struct cpu_time own = process_cpu_time(p), children = p->children_usage.cpu;

	tms.utime = (int64_t)(own.user_ns / TICK_NS);
	tms.stime = (int64_t)(own.system_ns / TICK_NS);
	tms.cutime = (int64_t)(children.user_ns / TICK_NS);
	tms.cstime = (int64_t)(children.system_ns / TICK_NS);

	if (ubuf != NULL && copy_to_user(ubuf, &tms, sizeof(tms)) != 0)
		return -EFAULT;
	return (long)(clock_monotonic_ns() / TICK_NS);
}
