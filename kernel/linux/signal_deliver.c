/* SPDX-License-Identifier: MIT */
/*
 * signal_deliver.c - what happens to pending signals when a thread returns to the program: handlers, default actions,
 * and the fate of the system call that was interrupted.
 *
 * Restarting: Linux moves the instruction pointer back onto `syscall`. A rewritten call site has no such instruction
 * any more, so a call without a handler is simply called again here; and when a handler comes first, its frame shows
 * the program the Linux view (rip - 2, rax = number) with a mark by which rt_sigreturn calls it again.
 */
#include <errno.h>
#include <string.h>

#include "kernel/arch/x86_64/signal_frame.h"
#include "kernel/linux/job.h"
#include "kernel/linux/rseq.h"
#include "kernel/linux/signal.h"
#include "kernel/linux/signal_calls.h"
#include "kernel/linux/signal_priv.h"
#include "kernel/linux/strace.h"
#include "kernel/log.h"
#include "kernel/mm/uaccess.h"

#define BACKTRACE_MAX 12

/* Under -v: where it died. Frame pointers may be anything; the walk stops at the first that makes no sense. */
static void explain(const struct trapframe *f, const siginfo_t *info)
{
	uint64_t frame[2], rbp = f->rbp;

	kverbose("signal %d (code %d, address 0x%lx) ends %s[%d]", info->si_signo, info->si_code,
		 (unsigned long)info->si_addr, thread_current()->comm, thread_current()->tid);
	kverbose("rip %016lx rsp %016lx rbp %016lx rflags %08lx", f->rip, f->rsp, f->rbp, f->rflags);
	kverbose("rax %016lx rbx %016lx rcx %016lx rdx %016lx", f->rax, f->rbx, f->rcx, f->rdx);
	kverbose("rsi %016lx rdi %016lx r8  %016lx r9  %016lx", f->rsi, f->rdi, f->r8, f->r9);
	kverbose("r10 %016lx r11 %016lx r12 %016lx r13 %016lx", f->r10, f->r11, f->r12, f->r13);
	kverbose("r14 %016lx r15 %016lx fs  %016lx", f->r14, f->r15, thread_current()->fs_base);
	for (int i = 0; i < BACKTRACE_MAX; i++) {
		if ((rbp & 7) != 0 || copy_from_user(frame, (const void *)rbp, sizeof(frame)) != 0 || frame[0] <= rbp)
			break;
		kverbose("called from %016lx", frame[1]);
		rbp = frame[0];
	}
}

static void wait_while_stopped(struct process *p)
{
	wait_event(&p->sighand->cont_wq, !p->sighand->stopped || p->exiting);
}

/* The default action, which may not return. */
static void run_default(const struct trapframe *f, const siginfo_t *info)
{
	struct process *p = process_current();
	int sig = info->si_signo;

	switch (signal_default_action(sig)) {
	case SIGNAL_IGNORE:
		return;
	case SIGNAL_STOP:
		if (sig == SIGSTOP || !job_group_is_orphaned(p->pgid, NULL))
			signal_stop_process(p, sig);
		return;
	case SIGNAL_TERMINATE:
		explain(f, info);
		process_exit(sig);
	}
}

static bool is_restart(int64_t result)
{
	return result == -ERESTARTSYS || result == -ERESTARTNOINTR || result == -ERESTARTNOHAND ||
	       result == -ERESTART_RESTARTBLOCK;
}

static bool from_call(const struct trapframe *f)
{
	return (int64_t)f->orig_rax >= 0;
}

/* Before a handler: will the interrupted call be made again after it? Sets rax otherwise. */
static bool restarts_after_handler(struct trapframe *f, const struct ksigaction *act)
{
	int64_t result = (int64_t)f->rax;

	if (!from_call(f) || !is_restart(result))
		return false;
	if (result == -ERESTARTNOINTR || (result == -ERESTARTSYS && (act->flags & SA_RESTART)))
		return true;
	f->rax = (uint64_t)-EINTR;
	return false;
}

static void run_handler(struct trapframe *f, const siginfo_t *info)
{
	struct thread *t = thread_current();
	struct ksigaction *slot = &t->proc->sighand->action[info->si_signo - 1];
	struct ksigaction act = *slot;
	uint64_t old_mask = t->restore_sigmask ? t->saved_sigmask : t->sigmask;
	bool restart = restarts_after_handler(f, &act);

	t->restore_sigmask = false;
	if (t->rseq != 0)
		rseq_interrupted(t); /* the handler may not find itself inside a critical section */
	if (act.flags & SA_RESETHAND)
		slot->handler = (uint64_t)SIG_DFL;
	if (signal_frame_push(f, info, &act, old_mask, restart) != 0) {
		siginfo_t fault;

		memset(&fault, 0, sizeof(fault));
		fault.si_signo = SIGSEGV;
		fault.si_code = SI_KERNEL;
		if (info->si_signo == SIGSEGV) /* its own handler has no stack */
			slot->handler = (uint64_t)SIG_DFL;
		signal_force(t, &fault);
		return;
	}
	t->sigmask |= act.mask & ~SIGNAL_UNBLOCKABLE;
	if ((act.flags & SA_NODEFER) == 0)
		t->sigmask |= SIGMASK(info->si_signo) & ~SIGNAL_UNBLOCKABLE;
}

static int64_t call_again(const struct trapframe *f, uint64_t nr)
{
	if (nr >= SYSCALL_MAX || syscall_table[nr] == NULL)
		return -ENOSYS;
	return syscall_table[nr]((long)f->rdi, (long)f->rsi, (long)f->rdx, (long)f->r10, (long)f->r8, (long)f->r9);
}

void signal_deliver(struct trapframe *f)
{
	struct thread *t = thread_current();
	struct process *p = t->proc;
	int64_t result = (int64_t)f->rax;
	uint64_t blocked_before = t->sigmask, newly_blocked;
	siginfo_t info;

	for (;;) {
		uint64_t handler;
		int sig;

		if (p->exiting)
			return; /* the return path sees THREAD_WORK_EXIT */
		if (p->sighand->stopped) {
			wait_while_stopped(p);
			continue;
		}
		sig = signal_take(~t->sigmask, &info);
		if (sig == 0)
			break;
		handler = p->sighand->action[sig - 1].handler;
		strace_signal(&info);
		if (handler == (uint64_t)SIG_DFL)
			run_default(f, &info);
		else if (handler != (uint64_t)SIG_IGN)
			run_handler(f, &info);
	}
	if (t->restore_sigmask) {
		t->restore_sigmask = false;
		t->sigmask = t->saved_sigmask;
	}
	signal_update_work();
	newly_blocked = t->sigmask & ~blocked_before;
	if ((p->sighand->shared.mask & newly_blocked) != 0)
		signal_offer_shared(p, newly_blocked);
	/* A handler's frame has taken over the call (orig_rax is -1 then); otherwise it goes on as if nothing had been.
	 */
	if (from_call(f) && is_restart(result))
		f->rax = (uint64_t)(result == -ERESTART_RESTARTBLOCK ? sys_restart_syscall()
								     : call_again(f, f->orig_rax));
}

long sys_rt_sigreturn(void)
{
	struct thread *t = thread_current();
	struct trapframe *f = thread_frame(t);
	struct signal_frame_state state;

	if (signal_frame_pop(f, &state) != 0) {
		siginfo_t fault;

		memset(&fault, 0, sizeof(fault));
		fault.si_signo = SIGSEGV;
		fault.si_code = SI_KERNEL;
		signal_force(t, &fault);
		f->orig_rax = (uint64_t)-1;
		return 0;
	}
	t->altstack_sp = state.altstack_sp;
	t->altstack_size = state.altstack_size;
	t->altstack_flags = state.altstack_flags;
	signal_set_mask(state.mask);
	if (state.restart_nr < 0)
		return (long)f->rax;
	f->orig_rax = (uint64_t)state.restart_nr;
	return call_again(f, (uint64_t)state.restart_nr);
}

long signal_restart_with(long (*fn)(struct restart_block *rb), uint64_t deadline_ns, uint64_t a0, uint64_t a1,
			 uint64_t a2, uint64_t a3, uint64_t a4)
{
	struct thread *t = thread_current();

	t->restart = (struct restart_block){fn, deadline_ns, {a0, a1, a2, a3, a4}};
	return -ERESTART_RESTARTBLOCK;
}

long sys_restart_syscall(void)
{
	struct restart_block rb = thread_current()->restart;

	thread_current()->restart.fn = NULL;
	return rb.fn != NULL ? rb.fn(&rb) : -EINTR;
}
