/* SPDX-License-Identifier: MIT */
/*
 * sched_policy.c - policies and priorities as the program asks for them: sched_setscheduler(2), sched_setattr(2) and
 * what reads them. All ways lead through one struct sched_attr. What a thread may have without CAP_SYS_NICE is bounded
 * by RLIMIT_RTPRIO and RLIMIT_NICE (sched(7)). There is no SCHED_DEADLINE.
 */
#include "kernel/linux/sched_policy.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/resource.h>

#include "kernel/fs/cred.h"
#include "kernel/linux/process_calls.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/lending.h"
#include "kernel/sched/runqueue.h"
#include "kernel/time/timespec.h"

#define RT_PRIORITY_MIN 1
#define RT_PRIORITY_MAX 99
#define KEEP_POLICY     UINT32_MAX

static bool is_realtime(uint32_t policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool is_fair(uint32_t policy)
{
	return policy == SCHED_NORMAL || policy == SCHED_BATCH;
}

static bool is_policy(uint32_t policy)
{
	return is_fair(policy) || policy == SCHED_IDLE || is_realtime(policy);
}

static bool is_same_user(const struct thread *t)
{
	const struct cred *c = cred_current(), *o = &t->proc->cred;

	return c->euid == o->euid || c->euid == o->uid;
}

bool may_schedule(const struct thread *t)
{
	return is_same_user(t) || capable(CAP_SYS_NICE);
}

/* May t have this nice level by RLIMIT_NICE, whose scale is 20 - nice? */
static bool nice_is_allowed(const struct thread *t, int nice)
{
	return 20 - nice <= (int64_t)t->proc->rlimit[RLIMIT_NICE].cur;
}

/* May the caller do this to t without CAP_SYS_NICE? */
static bool is_modest(const struct thread *t, const struct sched_attr *a)
{
	uint64_t rt_limit = t->proc->rlimit[RLIMIT_RTPRIO].cur;

	if (!is_same_user(t) || (t->reset_on_fork && !(a->sched_flags & SCHED_FLAG_RESET_ON_FORK)))
		return false;
	if (is_fair(a->sched_policy) && a->sched_nice < t->nice && !nice_is_allowed(t, a->sched_nice))
		return false;
	if (t->policy == SCHED_IDLE && a->sched_policy != SCHED_IDLE && !nice_is_allowed(t, t->nice))
		return false;
	if (!is_realtime(a->sched_policy))
		return true;
	return ((int)a->sched_policy == t->policy || rt_limit != 0) &&
	       ((int)a->sched_priority <= t->rt_priority || a->sched_priority <= rt_limit);
}

static long apply(struct thread *t, struct sched_attr *a)
{
	if (a->sched_policy == KEEP_POLICY) {
		a->sched_policy = (uint32_t)t->policy;
		if (t->reset_on_fork)
			a->sched_flags |= SCHED_FLAG_RESET_ON_FORK;
	}
	if (!is_policy(a->sched_policy) || a->sched_priority > RT_PRIORITY_MAX ||
	    is_realtime(a->sched_policy) != (a->sched_priority != 0))
		return -EINVAL;
	if (!is_modest(t, a) && !capable(CAP_SYS_NICE))
		return -EPERM;
	t->reset_on_fork = (a->sched_flags & SCHED_FLAG_RESET_ON_FORK) != 0;
	if (a->sched_flags & SCHED_FLAG_KEEP_PARAMS)
		return 0; /* Linux counts the policy among them */
	t->policy = (int)a->sched_policy;
	t->rt_priority = (int)a->sched_priority;
	if (is_fair(a->sched_policy))
		t->nice = a->sched_nice;
	lending_own_changed(t);
	return 0;
}

void sched_policy_inherit(struct thread *child, const struct thread *parent)
{
	bool resets = parent->reset_on_fork;

	child->policy = resets && is_realtime((uint32_t)parent->policy) ? SCHED_NORMAL : parent->policy;
	child->rt_priority = resets ? 0 : parent->rt_priority;
	child->nice = resets && (parent->nice < 0 || child->policy != parent->policy) ? 0 : parent->nice;
	child->rank = rq_own_rank(child); /* not what is lent to the parent */
}

long sys_sched_getscheduler(int pid)
{
	struct thread *t = thread_find_or_current(pid);

	if (pid < 0)
		return -EINVAL;
	return t != NULL ? t->policy | (t->reset_on_fork ? SCHED_RESET_ON_FORK : 0) : -ESRCH;
}

long sys_sched_getparam(int pid, void *uparam)
{
	struct thread *t = thread_find_or_current(pid);

	if (pid < 0 || uparam == NULL)
		return -EINVAL;
	return t != NULL ? put_user_u32(uparam, (uint32_t)t->rt_priority) : -ESRCH;
}

static long set_policy(int pid, uint32_t policy, const void *uparam)
{
	struct sched_attr a = {.sched_policy = policy};
	struct thread *t;

	if (pid < 0 || uparam == NULL)
		return -EINVAL;
	if (get_user_u32(&a.sched_priority, uparam) != 0)
		return -EFAULT;
	t = thread_find_or_current(pid); /* after the copy, which may sleep */
	if (t == NULL)
		return -ESRCH;
	if (policy != KEEP_POLICY && (policy & SCHED_RESET_ON_FORK)) {
		a.sched_policy &= ~(uint32_t)SCHED_RESET_ON_FORK;
		a.sched_flags = SCHED_FLAG_RESET_ON_FORK;
	}
	a.sched_nice = t->nice;
	return apply(t, &a);
}

long sys_sched_setscheduler(int pid, int policy, const void *uparam)
{
	return policy < 0 ? -EINVAL : set_policy(pid, (uint32_t)policy, uparam);
}

long sys_sched_setparam(int pid, const void *uparam)
{
	return set_policy(pid, KEEP_POLICY, uparam);
}

/* The caller's structure may be older or newer than ours; from one that we do not fit we learn nothing but that. */
static long attr_from_user(struct sched_attr *a, const void *uattr)
{
	uint32_t size, known = sizeof(*a);
	int err;

	if (get_user_u32(&size, uattr) != 0)
		return -EFAULT;
	if (size == 0)
		size = SCHED_ATTR_SIZE_VER0;
	err = size < SCHED_ATTR_SIZE_VER0 || size > PAGE_SIZE ? -E2BIG
							      : copy_struct_from_user(a, sizeof(*a), uattr, size);
	if (err == -E2BIG && put_user_u32((void *)uattr, known) != 0)
		return -EFAULT;
	if (err != 0)
		return err;
	if ((a->sched_flags & SCHED_FLAG_UTIL_CLAMP) && size < SCHED_ATTR_SIZE_VER1)
		return -EINVAL;
	a->sched_nice = MAX(-20, MIN(19, a->sched_nice));
	return 0;
}

long sys_sched_setattr(int pid, const void *uattr, unsigned flags)
{
	struct sched_attr a;
	struct thread *t;
	long err;

	if (uattr == NULL || pid < 0 || flags != 0)
		return -EINVAL;
	err = attr_from_user(&a, uattr);
	if (err != 0)
		return err;
	if ((int)a.sched_policy < 0)
		return -EINVAL;
	t = thread_find_or_current(pid);
	if (t == NULL)
		return -ESRCH;
	if (a.sched_flags & SCHED_FLAG_KEEP_POLICY)
		a.sched_policy = KEEP_POLICY;
	if (a.sched_flags & SCHED_FLAG_KEEP_PARAMS) {
		a.sched_priority = (uint32_t)t->rt_priority;
		a.sched_nice = t->nice;
	}
	if (a.sched_flags & ~(uint64_t)SCHED_FLAG_ALL)
		return -EINVAL;
	if (a.sched_flags & SCHED_FLAG_UTIL_CLAMP)
		return -EOPNOTSUPP; /* as Linux without CONFIG_UCLAMP_TASK: the host chooses frequencies */
	return apply(t, &a);
}

long sys_sched_getattr(int pid, void *uattr, unsigned size, unsigned flags)
{
	struct sched_attr a = {0};
	struct thread *t;

	if (uattr == NULL || pid < 0 || size < SCHED_ATTR_SIZE_VER0 || size > PAGE_SIZE || flags != 0)
		return -EINVAL;
	t = thread_find_or_current(pid);
	if (t == NULL)
		return -ESRCH;
	a.size = MIN(size, (uint32_t)sizeof(a));
	a.sched_policy = (uint32_t)t->policy;
	a.sched_flags = t->reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0;
	if (is_realtime(a.sched_policy))
		a.sched_priority = (uint32_t)t->rt_priority;
	else
		a.sched_nice = t->nice;
	return copy_to_user(uattr, &a, a.size);
}

long sys_sched_get_priority_max(int policy)
{
	if (is_realtime((uint32_t)policy))
		return RT_PRIORITY_MAX;
	return is_policy((uint32_t)policy) || policy == SCHED_DEADLINE ? 0 : -EINVAL;
}

long sys_sched_get_priority_min(int policy)
{
	if (is_realtime((uint32_t)policy))
		return RT_PRIORITY_MIN;
	return is_policy((uint32_t)policy) || policy == SCHED_DEADLINE ? 0 : -EINVAL;
}

long sys_sched_rr_get_interval(int pid, void *uinterval)
{
	const struct thread *t = thread_find_or_current(pid);

	if (pid < 0)
		return -EINVAL;
	if (t == NULL)
		return -ESRCH;
	return timespec_to_user(uinterval, t->policy == SCHED_FIFO ? 0 : RQ_SLICE_NS); /* 0: for ever */
}
