/* SPDX-License-Identifier: MIT */
/* identity.c - process, thread, group and session ids. The first program is process 1, its own group and session. */
#include <errno.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/linux/job.h"
#include "kernel/linux/process_calls.h"
#include "kernel/sched/thread.h"

long sys_getpid(void)
{
	return cpu_this()->current->proc->pid;
}

long sys_gettid(void)
{
	return cpu_this()->current->tid;
}

/* The yardstick for what a system call costs: keep it this short. */
long sys_getppid(void)
{
	return cpu_this()->current->proc->ppid;
}

long sys_getpgrp(void)
{
	return process_current()->pgid;
}

/* 0 is the caller; a thread id finds its process. */
static struct process *find(int pid)
{
	struct thread *t;

	if (pid == 0)
		return process_current();
	t = pid > 0 ? thread_find(pid) : NULL;
	return t != NULL ? t->proc : NULL;
}

long sys_getpgid(int pid)
{
	struct process *p = find(pid);

	return p != NULL ? p->pgid : -ESRCH;
}

long sys_getsid(int pid)
{
	struct process *p = find(pid);

	return p != NULL ? p->sid : -ESRCH;
}

/* May p join the group, which need not exist yet if it would be named after p? */
static bool may_join(const struct process *p, int pgid)
{
	return pgid == p->pid || job_group_is_in_session(pgid, p->sid);
}

long sys_setpgid(int pid, int pgid)
{
	struct process *self = process_current(), *p = pid == 0 ? self : process_find(pid);

	if (pgid < 0)
		return -EINVAL;
	if (p == NULL || (p != self && (p->orphan || p->parent != self)))
		return -ESRCH;
	if (p != self && p->has_execed)
		return -EACCES;
	if (pgid == 0)
		pgid = p->pid;
	if (p->sid == p->pid || p->sid != self->sid || !may_join(p, pgid))
		return -EPERM;
	p->pgid = pgid;
	return 0;
}

static bool group_exists(int pgid)
{
	list_for_each (p, &process_all, link, struct process) {
		if (p->pgid == pgid)
			return true;
	}
	return false;
}

long sys_setsid(void)
{
	struct process *p = process_current();

	if (group_exists(p->pid))
		return -EPERM;
	p->sid = p->pgid = p->pid;
	p->ctty = NULL;
	return p->sid;
}
