/* SPDX-License-Identifier: MIT */
/* sched_calls.c - a thread and its CPU: giving it up, which ones it may have, which it has, barriers on all of them. */
#include <errno.h>
#include <linux/membarrier.h>
#include <string.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/fs/cred.h"
#include "kernel/linux/process_calls.h"
#include "kernel/linux/sched_policy.h"
#include "kernel/mm/uaccess.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/runqueue.h"
#include "kernel/sched/smp.h"

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
	const struct thread *t = thread_find_or_current(pid);
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
	struct thread *t;
	uint64_t mask = 0;

	if (copy_from_user(&mask, umask, MIN(len, sizeof(mask))) != 0)
		return -EFAULT;
	t = thread_find_or_current(pid); /* after the copy, which may sleep */
	if (t == NULL)
		return -ESRCH;
	if (!may_schedule(t))
		return -EPERM;
	if ((mask & cpu_mask()) == 0)
		return -EINVAL;
	t->affinity = mask & cpu_mask();
	if (smp_active) {
		smp_start_others();
		sched_affinity_changed(t);
	}
	return 0;
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
