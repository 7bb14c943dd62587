/* SPDX-License-Identifier: MIT */
/* rlimit.c - limits and accounts of resources. All CPU time counts as user time: nothing tells where it was spent. */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "kernel/fs/cred.h"
#include "kernel/linux/process_calls.h"
#include "kernel/mm/page.h"
#include "kernel/mm/uaccess.h"
#include "kernel/mm/vmspace.h"
#include "kernel/sched/thread.h"
#include "kernel/time/clock.h"

#define NR_OPEN_MAX 1048576 /* /proc/sys/fs/nr_open */
#define CLK_TCK     100
#ifndef RUSAGE_THREAD
#define RUSAGE_THREAD 1
#endif

static long set_limit(struct process *p, unsigned resource, const struct rlimit_pair *new)
{
	struct rlimit_pair *r = &p->rlimit[resource];

	if (new->cur > new->max)
		return -EINVAL;
	if (resource == RLIMIT_NOFILE && new->max > NR_OPEN_MAX)
		return -EPERM;
	if (new->max > r->max && !cred_capable(&p->cred, CAP_SYS_RESOURCE))
		return -EPERM;
	*r = *new;
	return 0;
}

long sys_prlimit64(int pid, unsigned resource, const void *unew, void *uold)
{
	struct thread *t = pid == 0 ? thread_current() : thread_find(pid);
	struct rlimit_pair new, old;
	long err;

	if (resource >= NR_RLIMITS)
		return -EINVAL;
	if (unew != NULL && copy_from_user(&new, unew, sizeof(new)) != 0)
		return -EFAULT;
	if (t == NULL)
		return -ESRCH;
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
	struct rusage ru;
	struct vmspace_usage usage;
	uint64_t cpu_ns = 0;

	memset(&ru, 0, sizeof(ru));
	switch (who) {
	case RUSAGE_CHILDREN: /* none */
		return copy_to_user(urusage, &ru, sizeof(ru));
	case RUSAGE_SELF:
		cpu_ns = process_cpu_ns(p);
		ru.ru_nvcsw = (long)p->nr_blocked_dead;
		ru.ru_nivcsw = (long)p->nr_preempted_dead;
		list_for_each (t, &p->threads, proc_link, struct thread) {
			ru.ru_nvcsw += (long)t->nr_blocked;
			ru.ru_nivcsw += (long)t->nr_preempted;
		}
		break;
	case RUSAGE_THREAD:
		cpu_ns = thread_cpu_ns(self);
		ru.ru_nvcsw = (long)self->nr_blocked;
		ru.ru_nivcsw = (long)self->nr_preempted;
		break;
	default:
		return -EINVAL;
	}
	ru.ru_utime.tv_sec = (long)(cpu_ns / NSEC_PER_SEC);
	ru.ru_utime.tv_usec = (long)(cpu_ns % NSEC_PER_SEC / 1000);
	vmspace_get_usage(p->vs, &usage);
	ru.ru_maxrss = (long)(usage.peak_rss * (PAGE_SIZE / 1024));
	return copy_to_user(urusage, &ru, sizeof(ru));
}

long sys_times(void *ubuf)
{
	struct {
		int64_t utime, stime, cutime, cstime;
	} tms = {(int64_t)(process_cpu_ns(process_current()) / (NSEC_PER_SEC / CLK_TCK)), 0, 0, 0};

	if (ubuf != NULL && copy_to_user(ubuf, &tms, sizeof(tms)) != 0)
		return -EFAULT;
	return (long)(clock_monotonic_ns() / (NSEC_PER_SEC / CLK_TCK));
}
