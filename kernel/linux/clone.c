/* SPDX-License-Identifier: MIT */
/*
 * clone.c - clone(2) in all its forms: what is asked for, and new threads; fork.c makes processes. And the end of
 * threads and of the program.
 */
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/fs/fdtable.h"
#include "kernel/fs/fs_context.h"
#include "kernel/ipc/sysv.h"
#include "kernel/linux/clone.h"
#include "kernel/linux/process_calls.h"
#include "kernel/linux/signal.h"
#include "kernel/mm/uaccess.h"
#include "kernel/mm/vmspace.h"
#include "kernel/sched/thread.h"

#define THREAD_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
#define SPACE_FLAGS                                                                                                    \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define KNOWN_FLAGS                                                                                                    \
	(THREAD_FLAGS | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID |                    \
	 CLONE_CHILD_SETTID | CLONE_DETACHED | CLONE_UNTRACED | CLONE_PTRACE | CLONE_VFORK | CLONE_PARENT | CLONE_IO | \
	 CLONE_CLEAR_SIGHAND | CLONE_PIDFD)

static long check_flags(uint64_t flags)
{
	if ((flags & CLONE_SIGHAND) && (!(flags & CLONE_VM) || (flags & CLONE_CLEAR_SIGHAND)))
		return -EINVAL;
	if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND))
		return -EINVAL;
	if ((flags & CLONE_PIDFD) && (flags & (CLONE_DETACHED | CLONE_THREAD)))
		return -EINVAL;
	if ((flags & SPACE_FLAGS) || (flags & ~(uint64_t)KNOWN_FLAGS))
		return -EINVAL; /* as from a kernel built without name spaces */
	if ((flags & CLONE_PARENT) && process_current()->parent == NULL)
		return -EINVAL;
	return 0;
}

struct thread *clone_thread(struct process *p, uint64_t flags)
{
	struct thread *self = thread_current(), *t = NULL;
	struct fs_context *fs = flags & CLONE_FS ? fs_context_get(self->fs) : fs_context_copy(self->fs);
	struct fdtable *fds = flags & CLONE_FILES ? fdtable_get(self->fds) : fdtable_copy(self->fds);

	if (fs != NULL && fds != NULL)
		t = thread_create(p);
	if (t == NULL) {
		fs_context_put(fs);
		fdtable_put(fds);
		return NULL;
	}
	t->fs = fs;
	t->fds = fds;
	return t;
}

void clone_set_up_thread(struct thread *t, const struct clone_request *rq)
{
	struct thread *self = thread_current();
	struct trapframe *f = thread_frame(t);

	*f = *thread_frame(self);
	thread_work_set(t, self->work & THREAD_WORK_MOVED); /* the copy stands where the original does */
	f->rax = 0;
	f->orig_rax = (uint64_t)-1;
	if (rq->stack_top != 0)
		f->rsp = rq->stack_top;
	t->fs_base = rq->flags & CLONE_SETTLS ? rq->tls : rdfsbase();
	if (rq->flags & CLONE_CHILD_CLEARTID)
		t->clear_child_tid = (uint64_t)rq->child_tid;
	if (rq->flags & CLONE_CHILD_SETTID)
		t->set_child_tid = (uint64_t)rq->child_tid;
	/* The thread exists: an address that cannot be written is the program's loss, as in Linux. */
	if (rq->flags & CLONE_PARENT_SETTID)
		(void)!put_user_u32(rq->parent_tid, (uint32_t)t->tid);
}

static long create_thread(const struct clone_request *rq)
{
	struct thread *t = clone_thread(process_current(), rq->flags);
	long tid;

	if (t == NULL)
		return -EAGAIN;
	clone_set_up_thread(t, rq);
	/* The caller may have slept, and been told to end before t could be told. */
	thread_work_set(t, thread_current()->work & THREAD_WORK_EXIT);
	tid = t->tid; /* it may have ended by the time thread_start returns */
	thread_start(t);
	return tid;
}

static long do_clone(const struct clone_request *rq)
{
	long err = check_flags(rq->flags);
	uint64_t began_ns;

	if (err == 0)
		err = clone_check_limits();
	if (err != 0)
		return err;
	if (process_current()->exiting)
		return -EINTR;
	began_ns = system_time_begin();
	err = rq->flags & CLONE_THREAD ? create_thread(rq) : fork_process(rq);
	system_time_end(began_ns);
	return err;
}

long sys_clone(unsigned long flags, void *stack, void *parent_tid, void *child_tid, unsigned long tls)
{
	struct clone_request rq = {
		.flags = (uint32_t)flags & ~(uint32_t)CSIGNAL,
		.exit_signal = (int)(flags & CSIGNAL),
		.stack_top = (uint64_t)stack,
		.tls = tls,
		.parent_tid = parent_tid,
		.child_tid = child_tid,
		.pidfd = parent_tid,
	};

	if (rq.exit_signal > NR_SIGNALS || ((flags & CLONE_PIDFD) && (flags & CLONE_PARENT_SETTID)))
		return -EINVAL;
	return do_clone(&rq);
}

long sys_fork(void)
{
	const struct clone_request rq = {.exit_signal = SIGCHLD};

	return do_clone(&rq);
}

long sys_vfork(void)
{
	const struct clone_request rq = {.flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD};

	return do_clone(&rq);
}

long sys_clone3(const void *uargs, size_t size)
{
	struct clone_args args;
	struct clone_request rq;
	int err;

	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	err = copy_struct_from_user(&args, sizeof(args), uargs, size);
	if (err != 0)
		return err;
	if ((args.flags & (CSIGNAL | CLONE_DETACHED)) || (args.stack == 0) != (args.stack_size == 0) ||
	    args.exit_signal > NR_SIGNALS)
		return -EINVAL;
	if ((args.flags & (CLONE_THREAD | CLONE_PARENT)) && args.exit_signal != 0)
		return -EINVAL;
	if (args.set_tid_size != 0 || (args.flags & CLONE_INTO_CGROUP))
		return -EPERM;
	rq = (struct clone_request){
		.flags = args.flags,
		.exit_signal = (int)args.exit_signal,
		.stack_top = args.stack + args.stack_size,
		.tls = args.tls,
		.parent_tid = (void *)args.parent_tid,
		.child_tid = (void *)args.child_tid,
		.pidfd = (void *)args.pidfd,
	};
	return do_clone(&rq);
}

/* What a process with one thread shares with nobody is its own already. */
static long check_unshare(uint64_t flags)
{
	struct process *p = process_current();

	if (flags & ~(uint64_t)(CLONE_THREAD | CLONE_FS | CLONE_VM | CLONE_SIGHAND | CLONE_FILES | CLONE_SYSVSEM))
		return -EINVAL; /* name spaces: as from a kernel built without them */
	/* Threads have one record of what SEM_UNDO undoes. */
	if ((flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_SYSVSEM)) && p->nr_threads > 1)
		return -EINVAL;
	if ((flags & CLONE_SIGHAND) && p->sighand->actions->refs > 1)
		return -EINVAL;
	if ((flags & CLONE_VM) && vmspace_is_shared(p->vs))
		return -EINVAL;
	return 0;
}

long sys_unshare(unsigned long flags)
{
	struct thread *t = thread_current();
	long err = check_unshare(flags);

	if (err == 0 && (flags & CLONE_FS))
		err = fs_context_unshare(&t->fs);
	if (err == 0 && (flags & CLONE_FILES))
		err = fdtable_unshare(&t->fds);
	if (err == 0 && (flags & CLONE_SYSVSEM))
		ipc_process_exit(t->proc);
	return err;
}

long sys_set_tid_address(void *tidptr)
{
	struct thread *t = thread_current();

	t->clear_child_tid = (uint64_t)tidptr;
	return t->tid;
}

long sys_exit(int code)
{
	thread_exit(code & 0xff);
}

long sys_exit_group(int code)
{
	process_exit((code & 0xff) << 8);
}
