/* SPDX-License-Identifier: MIT */
/*
 * clone.c - new threads, and the end of threads and of the program.
 * Only the thread form of clone is there (one address space, files, signal handlers and process shared). Forms that
 * make a process fail with ENOSYS, and fork and vfork are absent: copying an address space comes with a later part of
 * the project.
 */
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/linux/process_calls.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/thread.h"

#define THREAD_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
#define OTHER_FLAGS                                                                                                    \
	(CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID |              \
	 CLONE_DETACHED | CLONE_UNTRACED | CLONE_PTRACE)

struct clone_request {
	uint64_t flags;
	uint64_t stack_top; /* 0: the caller's stack pointer */
	uint64_t tls;
	void *parent_tid, *child_tid;
};

static long check_flags(uint64_t flags)
{
	if ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM))
		return -EINVAL;
	if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND))
		return -EINVAL;
	if ((flags & THREAD_FLAGS) != THREAD_FLAGS || (flags & ~(uint64_t)(THREAD_FLAGS | OTHER_FLAGS | CSIGNAL)) != 0)
		return -ENOSYS;
	return 0;
}

static long create_thread(const struct clone_request *rq)
{
	struct thread *self = thread_current(), *t;
	struct trapframe *f;
	long err = check_flags(rq->flags);

	if (err != 0)
		return err;
	if (self->proc->exiting)
		return -EINTR;
	t = thread_create(self->proc);
	if (t == NULL)
		return -EAGAIN;
	f = thread_frame(t);
	*f = *thread_frame(self);
	f->rax = 0;
	f->orig_rax = (uint64_t)-1;
	if (rq->stack_top != 0)
		f->rsp = rq->stack_top;
	t->fs_base = rq->flags & CLONE_SETTLS ? rq->tls : rdfsbase();
	if (rq->flags & CLONE_CHILD_CLEARTID)
		t->clear_child_tid = (uint64_t)rq->child_tid;
	/* The thread exists: an address that cannot be written is the program's loss, as in Linux. */
	if (rq->flags & CLONE_PARENT_SETTID)
		(void)!put_user_u32(rq->parent_tid, (uint32_t)t->tid);
	if (rq->flags & CLONE_CHILD_SETTID)
		(void)!put_user_u32(rq->child_tid, (uint32_t)t->tid);
	err = t->tid; /* it may have ended by the time thread_start returns */
	thread_start(t);
	return err;
}

long sys_clone(unsigned long flags, void *stack, void *parent_tid, void *child_tid, unsigned long tls)
{
	struct clone_request rq = {
		.flags = flags,
		.stack_top = (uint64_t)stack,
		.tls = tls,
		.parent_tid = parent_tid,
		.child_tid = child_tid,
	};

	return create_thread(&rq);
}

long sys_clone3(const void *uargs, size_t size)
{
	struct clone_args args = {0};
	struct clone_request rq;

	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	if (size > sizeof(args))
		return -E2BIG;
	if (copy_from_user(&args, uargs, size) != 0)
		return -EFAULT;
	if ((args.flags & CSIGNAL) || (args.stack == 0) != (args.stack_size == 0) || args.exit_signal > NSIG)
		return -EINVAL;
	if ((args.flags & (CLONE_THREAD | CLONE_PARENT)) && args.exit_signal != 0)
		return -EINVAL;
	if (args.set_tid_size != 0 || (args.flags & CLONE_INTO_CGROUP))
		return -EPERM;
	rq = (struct clone_request){
		.flags = args.flags,
		.stack_top = args.stack + args.stack_size,
		.tls = args.tls,
		.parent_tid = (void *)args.parent_tid,
		.child_tid = (void *)args.child_tid,
	};
	return create_thread(&rq);
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

/* There are no children: nothing here makes a process. */
long sys_wait4(int pid, void *ustatus, int options, void *urusage)
{
	(void)ustatus;
	(void)urusage;
	if (options & ~(1 | 2 | 8 | (int)0xe0000000u)) /* WNOHANG WUNTRACED WCONTINUED, __WNOTHREAD __WALL __WCLONE */
		return -EINVAL;
	return pid == INT32_MIN ? -ESRCH : -ECHILD;
}

long sys_waitid(int idtype, int id, void *uinfo, int options, void *urusage)
{
	(void)uinfo;
	(void)urusage;
	if ((options & ~(1 | 2 | 4 | 8 | 0x01000000 | (int)0xe0000000u)) || !(options & (2 | 4 | 8)))
		return -EINVAL;
	if (idtype < 0 || idtype > 3 || (idtype == 1 && id <= 0))
		return -EINVAL;
	return -ECHILD;
}
