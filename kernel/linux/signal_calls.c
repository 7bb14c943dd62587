/* SPDX-License-Identifier: MIT */
/* signal_calls.c - actions, the alternate stack, and sending: the system calls around signals that do not wait. */
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

static void fill_info(siginfo_t *info, int sig, int code)
{
	struct process *p = process_current();

	memset(info, 0, sizeof(*info));
	info->si_signo = sig;
	info->si_code = code;
	info->si_pid = p->pid;
	info->si_uid = p->cred.uid;
}

/* The process that `pid` of kill(2) means. There is one; a thread id names its process, as in Linux. */
static struct process *find_process(int pid)
{
	struct process *self = process_current();
	struct thread *t;

	if (pid == 0 || pid == self->pid || (pid < -1 && -pid == self->pgid))
		return self;
	t = pid > 0 ? thread_find(pid) : NULL;
	return t != NULL ? t->proc : NULL;
}

long sys_kill(int pid, int sig)
{
	struct process *p = find_process(pid);
	siginfo_t info;

	if (sig < 0 || sig > NR_SIGNALS)
		return -EINVAL;
	if (p == NULL) /* pid -1, too: all processes but the caller, so none */
		return -ESRCH;
	if (sig == 0)
		return 0;
	fill_info(&info, sig, SI_USER);
	return signal_send_process(p, &info);
}

static long send_to_thread(int tgid, int tid, int sig, const siginfo_t *info)
{
	struct thread *t;

	if (tid <= 0 || tgid == 0 || sig < 0 || sig > NR_SIGNALS)
		return -EINVAL;
	t = thread_find(tid);
	if (t == NULL || (tgid > 0 && t->proc->pid != tgid))
		return -ESRCH;
	return sig == 0 ? 0 : signal_send_thread(t, info);
}

long sys_tkill(int tid, int sig)
{
	siginfo_t info;

	fill_info(&info, sig, SI_TKILL);
	return send_to_thread(-1, tid, sig, &info);
}

long sys_tgkill(int tgid, int tid, int sig)
{
	siginfo_t info;

	if (tgid <= 0)
		return -EINVAL;
	fill_info(&info, sig, SI_TKILL);
	return send_to_thread(tgid, tid, sig, &info);
}

/* A siginfo made by the program: it may not pretend to be the kernel or kill(2) towards others. */
static int queued_info(siginfo_t *info, int target_pid, int sig, const void *uinfo)
{
	if (copy_from_user(info, uinfo, sizeof(*info)) != 0)
		return -EFAULT;
	info->si_signo = sig;
	if ((info->si_code >= 0 || info->si_code == SI_TKILL) && target_pid != process_current()->pid)
		return -EPERM;
	return 0;
}

long sys_rt_sigqueueinfo(int pid, int sig, const void *uinfo)
{
	struct process *p = pid > 0 ? find_process(pid) : NULL;
	siginfo_t info;
	int err = queued_info(&info, pid, sig, uinfo);

	if (err != 0)
		return err;
	if (sig < 0 || sig > NR_SIGNALS)
		return -EINVAL;
	if (p == NULL)
		return -ESRCH;
	return sig == 0 ? 0 : signal_send_process(p, &info);
}

long sys_rt_tgsigqueueinfo(int tgid, int tid, int sig, const void *uinfo)
{
	siginfo_t info;
	int err;

	if (tgid <= 0)
		return -EINVAL;
	err = queued_info(&info, tgid, sig, uinfo);
	return err != 0 ? err : send_to_thread(tgid, tid, sig, &info);
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
