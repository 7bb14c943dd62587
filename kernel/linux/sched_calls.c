/* SPDX-License-Identifier: MIT */
/*
 * sched_calls.c - scheduling as the program asks for it: policies, priorities, CPUs. Real-time policies need
 * CAP_SYS_NICE, as on Linux with the default limits.
 */
#include <errno.h>
#include <linux/membarrier.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/resource.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/fs/cred.h"
#include "kernel/linux/process_calls.h"
#include "kernel/mm/uaccess.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/lending.h"
#include "kernel/sched/runqueue.h"
#include "kernel/sched/smp.h"
#include "kernel/time/timespec.h"

#define RT_PRIORITY_MIN 1
#define RT_PRIORITY_MAX 99

static struct thread *find(int pid)
{
	return pid == 0 ? thread_current() : thread_find(pid);
}

long sys_sched_yield(void)
{
	if (!sched_is_alone())
		sched_yield_to_others();
	return 0;
}

/* One bit per CPU that there is. */
static uint64_t cpu_mask(void)
{
	return boot_info->nr_cpus >= 64 ? ~0ull : (1ull << MAX(boot_info->nr_cpus, 1u)) - 1;
}

long sys_sched_getaffinity(int pid, size_t len, void *umask)
{
	const struct thread *t = find(pid);
	uint64_t mask;

	if (len < sizeof(mask) || len % sizeof(mask) != 0)
		return -EINVAL;
	if (t == NULL)
		return -ESRCH;
	mask = t->affinity & cpu_mask();
	return copy_to_user(umask, &mask, sizeof(mask)) != 0 ? -EFAULT : (long)sizeof(mask);
}

long sys_sched_setaffinity(int pid, size_t len, const void *umask)
{
	struct thread *t = find(pid);
	uint64_t mask = 0;

	if (copy_from_user(&mask, umask, MIN(len, sizeof(mask))) != 0)
		return -EFAULT;
	if (t == NULL)
		return -ESRCH;
	if ((mask & cpu_mask()) == 0)
		return -EINVAL;
	t->affinity = mask & cpu_mask();
	if (smp_active) {
		smp_start_others();
		sched_affinity_changed(t);
	}
	return 0;
}

static bool is_realtime(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool is_policy(int policy)
{
	return policy == SCHED_NORMAL || policy == SCHED_BATCH || policy == SCHED_IDLE || is_realtime(policy);
}

long sys_sched_getscheduler(int pid)
{
	struct thread *t = find(pid);

	if (pid < 0)
		return -EINVAL;
	return t != NULL ? t->policy : -ESRCH;
}

long sys_sched_getparam(int pid, void *uparam)
{
	struct thread *t = find(pid);

	if (pid < 0 || uparam == NULL)
		return -EINVAL;
	return t != NULL ? put_user_u32(uparam, (uint32_t)t->rt_priority) : -ESRCH;
}

static long set_policy(int pid, int policy, bool keep_policy, const void *uparam)
{
	struct thread *t = find(pid);
	uint32_t priority;

	if (pid < 0 || uparam == NULL)
		return -EINVAL;
	if (get_user_u32(&priority, uparam) != 0)
		return -EFAULT;
	if (t == NULL)
		return -ESRCH;
	if (keep_policy)
		policy = t->policy;
	policy &= ~SCHED_RESET_ON_FORK;
	if (!is_policy(policy) || priority > RT_PRIORITY_MAX || is_realtime(policy) != (priority != 0))
		return -EINVAL;
	if (is_realtime(policy) && !capable(CAP_SYS_NICE))
		return -EPERM;
	t->policy = policy;
	t->rt_priority = (int)priority;
	lending_own_changed(t);
	return 0;
}

long sys_sched_setscheduler(int pid, int policy, const void *uparam)
{
	return policy < 0 ? -EINVAL : set_policy(pid, policy, false, uparam);
}

long sys_sched_setparam(int pid, const void *uparam)
{
	return set_policy(pid, 0, true, uparam);
}

long sys_sched_get_priority_max(int policy)
{
	if (is_realtime(policy))
		return RT_PRIORITY_MAX;
	return is_policy(policy) || policy == SCHED_DEADLINE ? 0 : -EINVAL;
}

long sys_sched_get_priority_min(int policy)
{
	if (is_realtime(policy))
		return RT_PRIORITY_MIN;
	return is_policy(policy) || policy == SCHED_DEADLINE ? 0 : -EINVAL;
}

long sys_sched_rr_get_interval(int pid, void *uinterval)
{
	if (pid < 0)
		return -EINVAL;
	return find(pid) != NULL ? timespec_to_user(uinterval, RQ_SLICE_NS) : -ESRCH;
}

long sys_getcpu(void *ucpu, void *unode, void *unused)
{
	(void)unused;
	if (ucpu != NULL && put_user_u32(ucpu, (uint32_t)cpu_this()->id) != 0)
		return -EFAULT;
	return unode != NULL ? put_user_u32(unode, 0) : 0;
}

/*
 * A CPU that this one stops, or that is in the kernel, has passed a barrier; threads on one CPU see each other's
 * accesses in order anyway.
 */
long sys_membarrier(int cmd, unsigned flags, int cpu)
{
	(void)cpu;
	if (flags != 0)
		return -EINVAL;
	switch (cmd) {
	case MEMBARRIER_CMD_QUERY:
		return MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |
		       MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED |
		       MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE |
		       MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE;
	case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
		return 0;
	case MEMBARRIER_CMD_GLOBAL:
	case MEMBARRIER_CMD_GLOBAL_EXPEDITED:
		smp_serialize_others(0);
		return 0;
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE:
		smp_serialize_others(cpu_this()->cr3);
		return 0;
	default:
		return -EINVAL;
	}
}
