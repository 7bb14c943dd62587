/* SPDX-License-Identifier: MIT */
/*
 * fork.c - new processes: what clone(2) without CLONE_THREAD copies, and what it shares. The child gets its thread
 * last, when nothing can fail any more; up to then process_put undoes everything.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/resource.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/fs/cred.h"
#include "kernel/fs/fdtable.h"
#include "kernel/linux/clone.h"
#include "kernel/linux/pidfd.h"
#include "kernel/linux/signal.h"
#include "kernel/mm/page.h"
#include "kernel/mm/uaccess.h"
#include "kernel/mm/vmspace.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/wait.h"
#include "kernel/time/process_timers.h"

/* A fork bomb must leave memory to the others: so many threads in all. */
#define PAGES_PER_THREAD 32

static unsigned threads_of_user(uint32_t uid)
{
	unsigned nr = 0;

	list_for_each (p, &process_all, link, struct process) {
		if (p->cred.uid == uid)
			nr += p->zombie ? 1 : p->nr_threads;
	}
	return nr;
}

long clone_check_limits(void)
{
	struct process *p = process_current();

	if (thread_count() >= page_nr_total() / PAGES_PER_THREAD)
		return -EAGAIN;
	/* Counting costs a walk over all processes: not while there are fewer threads than anybody may have. */
	if (thread_count() >= p->rlimit[RLIMIT_NPROC].cur && !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN) &&
	    p->cred.uid != 0 && threads_of_user(p->cred.uid) >= p->rlimit[RLIMIT_NPROC].cur)
		return -EAGAIN;
	return 0;
}

static enum sighand_mode sighand_mode(uint64_t flags)
{
	if (flags & CLONE_SIGHAND)
		return SIGHAND_SHARE;
	return flags & CLONE_CLEAR_SIGHAND ? SIGHAND_DEFAULT : SIGHAND_COPY;
}

/* All but the thread. False without memory. */
static bool fill(struct process *p, uint64_t flags)
{
	struct process *self = process_current();

	p->sighand = sighand_inherit(self->sighand, sighand_mode(flags));
	if (p->sighand == NULL || cpu_limit_watch(p) != 0)
		return false;
	p->vs = flags & CLONE_VM ? vmspace_get(self->vs) : vmspace_fork(self->vs);
	return p->vs != NULL;
}

/* What the first thread has of the caller's that other new threads have not. */
static void inherit(struct thread *t, const struct thread *self, uint64_t flags)
{
	if (!(flags & CLONE_VM)) {
		t->rseq = self->rseq;
		t->rseq_len = self->rseq_len;
		t->rseq_sig = self->rseq_sig;
	}
	if (!(flags & CLONE_VM) || (flags & CLONE_VFORK)) {
		t->altstack_sp = self->altstack_sp;
		t->altstack_size = self->altstack_size;
		t->altstack_flags = self->altstack_flags;
	}
}

/* vfork: until the child execs or ends. That the caller is to end itself, by a signal or another thread's exec, is all
 * that interrupts. */
static void wait_for_release(struct process *child, struct waitq *wq)
{
	struct thread *self = thread_current();

	wait_event(wq, child->vfork_wq == NULL || (self->work & THREAD_WORK_EXIT));
	child->vfork_wq = NULL; /* wq is on our stack */
}

static long give_pidfd(struct process *p, void *where)
{
	int fd = pidfd_create(p, 0);

	if (fd < 0)
		return fd;
	if (put_user_u32(where, (uint32_t)fd) == 0)
		return 0;
	(void)!fd_close(fd); /* it was made a moment ago */
	return -EFAULT;
}

long fork_process(const struct clone_request *rq)
{
	struct thread *self = thread_current(), *t = NULL;
	struct process *p, *parent = rq->flags & CLONE_PARENT ? self->proc->parent : self->proc;
	struct waitq released = WAITQ_INIT(released);
	int pid;

	p = process_create();
	if (p == NULL)
		return -ENOMEM;
	pid = p->pid;
	if (fill(p, rq->flags))
		t = clone_thread(p, rq->flags);
	if (t == NULL) {
		process_put(p);
		return -ENOMEM;
	}
	if (rq->flags & CLONE_PIDFD) {
		long err = give_pidfd(p, rq->pidfd);

		if (err != 0) {
			thread_abandon(t);
			return err;
		}
	}
	p->exit_signal = rq->flags & CLONE_PARENT ? self->proc->exit_signal : rq->exit_signal;
	inherit(t, self, rq->flags);
	clone_set_up_thread(t, rq);
	process_publish(p, parent);
	if (rq->flags & CLONE_VFORK)
		p->vfork_wq = &released;
	process_get(p);
	thread_start(t);
	if (rq->flags & CLONE_VFORK)
		wait_for_release(p, &released);
	process_put(p);
	return pid;
}
