/* SPDX-License-Identifier: MIT */
/*
 * signal_send.c - how a signal becomes pending and who is woken for it.
 * Invariant: a thread with a deliverable signal (pending, not blocked) has THREAD_WORK_SIGNAL set, so its next return
 * to the program, or its next interruptible sleep, notices. The flag may be set without need; signal_update_work clears
 * it. Lock: sighand's, once there are several CPUs. Runs in event context too: never blocks.
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "kernel/dev/stdio.h"
#include "kernel/dev/tty.h"
#include "kernel/linux/family.h"
#include "kernel/linux/signal.h"
#include "kernel/linux/signal_priv.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/sched/klock.h"

#define STOP_SIGNALS    (SIGMASK(SIGSTOP) | SIGMASK(SIGTSTP) | SIGMASK(SIGTTIN) | SIGMASK(SIGTTOU))
#define DEFAULT_IGNORED (SIGMASK(SIGCHLD) | SIGMASK(SIGURG) | SIGMASK(SIGWINCH) | SIGMASK(SIGCONT))

enum signal_default signal_default_action(int sig)
{
	uint64_t bit = SIGMASK(sig);

	if (bit & DEFAULT_IGNORED)
		return SIGNAL_IGNORE;
	return bit & STOP_SIGNALS ? SIGNAL_STOP : SIGNAL_TERMINATE;
}

bool signal_action_ignores(const struct sighand *sh, int sig)
{
	uint64_t handler = sh->action[sig - 1].handler;

	return handler == (uint64_t)SIG_IGN ||
	       (handler == (uint64_t)SIG_DFL && signal_default_action(sig) == SIGNAL_IGNORE);
}

/* A signal that t lets through now, or is waiting for in sigtimedwait. */
static bool takes(const struct thread *t, int sig)
{
	return (SIGMASK(sig) & (~READ_ONCE(t->sigmask) | t->sigwait_mask)) != 0;
}

/* Threads change their masks without a lock. Whoever unblocks what was made pending before this finds it himself. */
static void pending_before_masks(void)
{
	if (smp_active)
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void notify(struct thread *t)
{
	thread_work_set(t, THREAD_WORK_SIGNAL);
	sched_wake(t);
}

/* One thread is enough; the one that runs now costs nothing to tell. */
static void notify_one(struct process *p, int sig)
{
	struct thread *self = thread_current();

	pending_before_masks();
	if (self->proc == p && thread_is_runnable(self) && takes(self, sig)) {
		notify(self);
		return;
	}
	list_for_each (t, &p->threads, proc_link, struct thread) {
		if (takes(t, sig)) {
			notify(t);
			return;
		}
	}
}

static void notify_all(struct process *p)
{
	list_for_each (t, &p->threads, proc_link, struct thread)
		notify(t);
}

static void discard_everywhere(struct process *p, uint64_t mask)
{
	sigpending_discard(&p->sighand->shared, mask);
	list_for_each (t, &p->threads, proc_link, struct thread)
		sigpending_discard(&t->pending, mask);
}

/* Stop and continue signals act on each other when they are sent, whatever is done with them later. */
static void stop_and_continue(struct process *p, int sig)
{
	struct sighand *sh = p->sighand;

	if (SIGMASK(sig) & STOP_SIGNALS)
		discard_everywhere(p, SIGMASK(SIGCONT));
	if (sig != SIGCONT)
		return;
	discard_everywhere(p, STOP_SIGNALS);
	if (sh->stopped) {
		sh->stopped = false;
		waitq_wake(&sh->cont_wq, 0);
		family_continued(p);
	}
}

/* True when the signal need not even be queued. A blocked one must: its action may change before it is unblocked. */
static bool is_dropped(const struct process *p, const struct thread *target, int sig)
{
	if (!signal_action_ignores(p->sighand, sig))
		return false;
	if (target != NULL)
		return (target->sigmask & SIGMASK(sig)) == 0;
	list_for_each (t, &p->threads, proc_link, struct thread) {
		if (t->sigmask & SIGMASK(sig))
			return false;
	}
	return true;
}

/* To p, or one thread of it. */
static int add(struct process *p, struct sigpending *to, const siginfo_t *info)
{
	return sigpending_add(to, info, user_counts_of(p->cred.uid), p->rlimit[RLIMIT_SIGPENDING].cur);
}

int signal_send_process(struct process *p, const siginfo_t *info)
{
	int sig = info->si_signo;
	int err;

	if (p->exiting || p->sighand == NULL)
		return 0;
	if (sig == SIGKILL) {
		process_kill(p, SIGKILL);
		return 0;
	}
	stop_and_continue(p, sig);
	if (is_dropped(p, NULL, sig))
		return 0;
	err = add(p, &p->sighand->shared, info);
	if (err != 0)
		return err;
	notify_one(p, sig);
	waitq_wake(&p->sighand->signalfd_wq, 0);
	return 0;
}

int signal_send_thread(struct thread *t, const siginfo_t *info)
{
	struct process *p = t->proc;
	int sig = info->si_signo;
	int err;

	if (p->exiting || t->kfn != NULL)
		return 0;
	if (sig == SIGKILL) {
		process_kill(p, SIGKILL);
		return 0;
	}
	stop_and_continue(p, sig);
	if (is_dropped(p, t, sig))
		return 0;
	err = add(p, &t->pending, info);
	if (err != 0)
		return err;
	pending_before_masks();
	if (takes(t, sig))
		notify(t);
	waitq_wake(&p->sighand->signalfd_wq, 0);
	return 0;
}

bool signal_send_item(struct process *p, struct thread *t, struct sigitem *item)
{
	int sig = item->info.si_signo;

	if (p->exiting)
		return true;
	if (sig == SIGKILL) {
		process_kill(p, SIGKILL);
		return true;
	}
	stop_and_continue(p, sig);
	if (is_dropped(p, t, sig))
		return true;
	if (!sigpending_add_item(t != NULL ? &t->pending : &p->sighand->shared, item))
		return false;
	pending_before_masks();
	if (t == NULL)
		notify_one(p, sig);
	else if (takes(t, sig))
		notify(t);
	waitq_wake(&p->sighand->signalfd_wq, 0);
	return true;
}

void signal_stop_process(struct process *p, int signo)
{
	if (p->sighand->stopped)
		return;
	p->sighand->stopped = true;
	notify_all(p);
	family_stopped(p, signo);
}

void signal_force(struct thread *t, const siginfo_t *info)
{
	struct sighand *sh = t->proc->sighand;
	int sig = info->si_signo;
	uint64_t bit = SIGMASK(sig);

	if ((t->sigmask & bit) || sh->action[sig - 1].handler == (uint64_t)SIG_IGN) {
		sh->action[sig - 1].handler = (uint64_t)SIG_DFL;
		t->sigmask &= ~bit;
	}
	/* An older one of the same number would win over this one, with the wrong address. */
	sigpending_discard(&t->pending, bit);
	(void)add(t->proc, &t->pending, info); /* a standard signal is never lost */
	thread_work_set(t, THREAD_WORK_SIGNAL);
}

void signal_fault(int signo, int si_code, uint64_t addr)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = signo;
	info.si_code = si_code;
	info.si_addr = (void *)addr;
	signal_force(thread_current(), &info);
}

void signal_lost_page(void)
{
	if (thread_current()->kfn == NULL && process_current() != &kernel_process)
		signal_fault(SIGBUS, BUS_ADRERR, 0);
}

/* Keys and changes of the terminal are for the job in front, whoever pressed them: the host does not tell a key from
 * kill(1). */
static bool is_from_terminal(int signo)
{
	return signo == SIGINT || signo == SIGQUIT || signo == SIGTSTP || signo == SIGWINCH;
}

void signal_from_host(int signo)
{
	siginfo_t info;

	if (is_from_terminal(signo) && tty_signal_foreground(&stdio_tty, signo))
		return;
	memset(&info, 0, sizeof(info));
	info.si_signo = signo;
	info.si_code = signo == SIGWINCH ? SI_KERNEL : SI_USER;
	(void)signal_send_process(init_process, &info); /* standard signals do not fail */
}

void signal_offer_shared(struct process *p, uint64_t mask)
{
	list_for_each (other, &p->threads, proc_link, struct thread) {
		if (other != thread_current() && (p->sighand->shared.mask & mask & ~READ_ONCE(other->sigmask)))
			notify(other);
	}
}

void signal_thread_exit(struct thread *t)
{
	struct process *p = t->proc;

	sigpending_discard(&t->pending, ~0ull);
	/* It may have been told about a shared signal that it will now not take. */
	t->sigmask = ~0ull;
	t->sigwait_mask = 0;
	signal_offer_shared(p, ~0ull);
}
