/* SPDX-License-Identifier: MIT */
/* signal_calls.c - actions and the alternate stack: the system calls around signals that neither send nor wait. */
#include <errno.h>
#include <string.h>

#include "kernel/linux/signal.h"
#include "kernel/linux/signal_calls.h"
#include "kernel/linux/signal_priv.h"
#include "kernel/mm/uaccess.h"
#include "kernel/time/process_timers.h"

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif
#define ALTSTACK_MIN_BYTES 2048
#define SIGSET_BYTES       8

static bool valid_signal(int sig)
{
	return sig >= 1 && sig <= NR_SIGNALS;
}

long sys_rt_sigaction(int sig, const void *uact, void *uold, size_t size)
{
	struct process *p = process_current();
	struct ksigaction act, old;

	if (size != SIGSET_BYTES || !valid_signal(sig))
		return -EINVAL;
	if (uact != NULL && (SIGMASK(sig) & SIGNAL_UNBLOCKABLE))
		return -EINVAL;
	if (uact != NULL && copy_from_user(&act, uact, sizeof(act)) != 0)
		return -EFAULT;
	old = p->sighand->action[sig - 1];
	if (uact != NULL) {
		act.mask &= ~SIGNAL_UNBLOCKABLE;
		p->sighand->action[sig - 1] = act;
		/* POSIX: setting a pending signal's action to ignore discards it, blocked or not. */
		if (signal_action_ignores(p->sighand, sig)) {
			sigpending_discard(&p->sighand->shared, SIGMASK(sig));
			list_for_each (t, &p->threads, proc_link, struct thread)
				sigpending_discard(&t->pending, SIGMASK(sig));
		}
	}
	return uold != NULL ? copy_to_user(uold, &old, sizeof(old)) : 0;
}

static bool on_altstack(const struct thread *t, uint64_t sp)
{
	return t->altstack_size != 0 && sp > t->altstack_sp && sp - t->altstack_sp <= t->altstack_size;
}

long sys_sigaltstack(const void *unew, void *uold)
{
	struct thread *t = thread_current();
	bool busy = (t->altstack_flags & (int)SS_AUTODISARM) == 0 && on_altstack(t, thread_frame(t)->rsp);
	stack_t old, st;

	memset(&old, 0, sizeof(old));
	old.ss_sp = (void *)t->altstack_sp;
	old.ss_size = t->altstack_size;
	old.ss_flags = t->altstack_size == 0 ? SS_DISABLE : (t->altstack_flags | (busy ? SS_ONSTACK : 0));
	if (unew != NULL) {
		if (copy_from_user(&st, unew, sizeof(st)) != 0)
			return -EFAULT;
		if (busy)
			return -EPERM;
		if ((st.ss_flags & ~(int)SS_AUTODISARM) != 0 && (st.ss_flags & ~(int)SS_AUTODISARM) != SS_DISABLE &&
		    (st.ss_flags & ~(int)SS_AUTODISARM) != SS_ONSTACK)
			return -EINVAL;
		if (st.ss_flags & SS_DISABLE) {
			t->altstack_sp = t->altstack_size = 0;
			t->altstack_flags = SS_DISABLE;
		} else {
			if (st.ss_size < ALTSTACK_MIN_BYTES)
				return -ENOMEM;
			t->altstack_sp = (uint64_t)st.ss_sp;
			t->altstack_size = st.ss_size;
			t->altstack_flags = st.ss_flags & (int)SS_AUTODISARM;
		}
	}
	return uold != NULL ? copy_to_user(uold, &old, sizeof(old)) : 0;
}

void signal_exec(struct process *p)
{
	struct thread *t = thread_current();

	for (int i = 0; i < NR_SIGNALS; i++) {
		struct ksigaction *a = &p->sighand->action[i];

		if (a->handler != (uint64_t)SIG_IGN)
			a->handler = (uint64_t)SIG_DFL;
		a->flags = a->mask = a->restorer = 0;
	}
	t->altstack_sp = t->altstack_size = 0;
	t->altstack_flags = SS_DISABLE;
	process_timers_exec(p);
}
