/* SPDX-License-Identifier: MIT */
/* identity.c - process, thread, group and session ids. The program is process 1, its own group and session. */
#include <errno.h>

#include "kernel/arch/x86_64/cpu.h"
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

long sys_setpgid(int pid, int pgid)
{
	struct process *p = find(pid);

	if (pgid < 0)
		return -EINVAL;
	if (p == NULL)
		return -ESRCH;
	/* A session leader keeps its group; the program always is one. */
	if (p->sid == p->pid)
		return -EPERM;
	if (pgid != 0 && pgid != p->pid)
		return -EPERM;
	p->pgid = p->pid;
	return 0;
}

long sys_setsid(void)
{
	struct process *p = process_current();

	if (p->pgid == p->pid)
		return -EPERM; /* a group leader */
	p->sid = p->pgid = p->pid;
	return p->sid;
}
