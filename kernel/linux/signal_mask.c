/* SPDX-License-Identifier: MIT */
/* signal_mask.c - what the current thread blocks, what is pending for it, and taking signals without a handler. */
#include <errno.h>

#include "kernel/linux/signal.h"
#include "kernel/linux/signal_calls.h"
#include "kernel/linux/signal_priv.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/klock.h"
#include "kernel/time/clock.h"
#include "kernel/time/timespec.h"

/*
 * Without the kernel lock, from sigprocmask: so cleared first, and set again if need be. What is cleared here was set
 * for something that is seen then. A full barrier is in it, between the mask, which the caller has stored, and the look
 * at what is pending: pairs with pending_before_masks of signal_send.c.
 */
void signal_update_work(void)
{
	struct thread *t = thread_current();
	struct sighand *sh = t->proc->sighand;

	thread_work_clear(t, THREAD_WORK_SIGNAL);
	if (((READ_ONCE(t->pending.mask) | READ_ONCE(sh->shared.mask)) & ~t->sigmask) != 0 || t->restore_sigmask ||
	    READ_ONCE(sh->stopped))
		thread_work_set(t, THREAD_WORK_SIGNAL);
}

uint64_t signal_pending_in(uint64_t mask)
{
	struct thread *t = thread_current();

	return (t->pending.mask | t->proc->sighand->shared.mask) & mask;
}

int signal_take(uint64_t mask, siginfo_t *out)
{
	struct thread *t = thread_current();
	int sig = sigpending_take(&t->pending, mask, out);

	if (sig == 0)
		sig = sigpending_take(&t->proc->sighand->shared, mask, out);
	if (sig != 0)
		signal_update_work();
	return sig;
}

/* This thread may have been chosen for signals to the process that it blocks now: others are to take them. */
static void offer_to_others(uint64_t newly_blocked)
{
	struct process *p = process_current();
	bool entered;

	if ((READ_ONCE(p->sighand->shared.mask) & newly_blocked) == 0)
		return;
	entered = kernel_enter();
	signal_offer_shared(p, newly_blocked);
	if (entered)
		kernel_leave();
}

void signal_set_mask(uint64_t mask)
{
	struct thread *t = thread_current();
	uint64_t newly_blocked = mask & ~t->sigmask;

	WRITE_ONCE(t->sigmask, mask & ~SIGNAL_UNBLOCKABLE);
	signal_update_work();
	if (newly_blocked != 0)
		offer_to_others(newly_blocked);
}

static void set_temp_mask(uint64_t mask)
{
	struct thread *t = thread_current();

	t->saved_sigmask = t->sigmask;
	signal_set_mask(mask);
	t->restore_sigmask = true; /* last: alone it is no reason to wake up */
}

int signal_begin_temp_mask(const void *usigmask, size_t sigsetsize)
{
	uint64_t mask;
	bool entered;

	if (usigmask == NULL)
		return 0;
	if (sigsetsize != sizeof(mask))
		return -EINVAL;
	if (get_user_u64(&mask, usigmask) != 0)
		return -EFAULT;
	entered = kernel_enter();
	set_temp_mask(mask);
	if (entered)
		kernel_leave();
	return 0;
}

void signal_end_temp_mask(bool interrupted)
{
	struct thread *t = thread_current();
	bool entered;

	if (!t->restore_sigmask)
		return;
	if (interrupted) {
		thread_work_set(
			t, THREAD_WORK_SIGNAL); /* the return path puts the mask back, after it has chosen a handler */
		return;
	}
	t->restore_sigmask = false;
	entered = kernel_enter();
	signal_set_mask(t->saved_sigmask);
	if (entered)
		kernel_leave();
}

/* Needs no kernel lock: a thread changes its own mask only. */
long sys_rt_sigprocmask(int how, const void *uset, void *uold, size_t size)
{
	struct thread *t = thread_current();
	uint64_t old = t->sigmask, set;

	if (size != sizeof(set))
		return -EINVAL;
	if (uset != NULL) {
		if (get_user_u64(&set, uset) != 0)
			return -EFAULT;
		switch (how) {
		case SIG_BLOCK:
			set |= old;
			break;
		case SIG_UNBLOCK:
			set = old & ~set;
			break;
		case SIG_SETMASK:
			break;
		default:
			return -EINVAL;
		}
		signal_set_mask(set);
	}
	return uold != NULL ? put_user_u64(uold, old) : 0;
}

long sys_rt_sigpending(void *uset, size_t size)
{
	uint64_t set = signal_pending_in(thread_current()->sigmask);

	return size <= sizeof(set) ? copy_to_user(uset, &set, size) : -EINVAL;
}

static long sleep_for_signal(void)
{
	struct waitq nobody = WAITQ_INIT(nobody);

	(void)wait_event_interruptible(&nobody, false);
	return -ERESTARTNOHAND;
}

long sys_pause(void)
{
	return sleep_for_signal();
}

long sys_rt_sigsuspend(const void *uset, size_t size)
{
	int err;

	if (uset == NULL)
		return size == sizeof(uint64_t) ? -EFAULT : -EINVAL;
	err = signal_begin_temp_mask(uset, size);
	if (err != 0)
		return err;
	(void)sleep_for_signal();
	signal_end_temp_mask(true);
	return -ERESTARTNOHAND;
}

static int wait_for(uint64_t set, siginfo_t *info, uint64_t deadline_ns)
{
	struct thread *t = thread_current();
	int sig, r = 0;

	for (;;) {
		sched_prepare();
		sig = signal_take(set, info);
		if (sig != 0)
			return sig;
		if (r != 0)
			return r == -ETIMEDOUT ? -EAGAIN : r;
		/* A signal in `set` is blocked; waking us for it left the work flag set though nothing is deliverable.
		 */
		signal_update_work();
		t->sigwait_mask = set;
		r = wait_sleep(deadline_ns, true);
		t->sigwait_mask = 0;
	}
}

long sys_rt_sigtimedwait(const void *uset, void *uinfo, const void *utimeout, size_t size)
{
	uint64_t set, timeout_ns, deadline_ns = WAIT_FOREVER;
	siginfo_t info;
	int sig, err;

	if (size != sizeof(set))
		return -EINVAL;
	if (get_user_u64(&set, uset) != 0)
		return -EFAULT;
	if (utimeout != NULL) {
		err = timespec_from_user(utimeout, &timeout_ns);
		if (err != 0)
			return err;
		deadline_ns = deadline_after(timeout_ns);
	}
	sig = wait_for(set & ~SIGNAL_UNBLOCKABLE, &info, deadline_ns);
	signal_update_work();
	if (sig > 0 && uinfo != NULL && copy_to_user(uinfo, &info, sizeof(info)) != 0)
		return -EFAULT;
	return sig;
}
