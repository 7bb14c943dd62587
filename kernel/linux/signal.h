/* SPDX-License-Identifier: MIT */
/*
 * signal.h - signals of a process: who sends, what is pending, what a call does when one arrives.
 *
 * A blocking call that was interrupted (wait.h said -EINTR) returns
 *   -ERESTARTSYS             restarted if the handler has SA_RESTART, or if no handler runs (the usual case: read,
 * wait...) -ERESTARTNOHAND          restarted only if no handler runs (sigsuspend, poll, select, pause) -ERESTARTNOINTR
 * always restarted -ERESTART_RESTARTBLOCK   as NOHAND, but continued through thread.restart (relative timeouts) -EINTR
 * never restarted (epoll_wait, nanosleep with a handler...) The return path does the rest. Unless noted: thread
 * context, any thread of a program.
 */
#ifndef CAY_KERNEL_LINUX_SIGNAL_H
#define CAY_KERNEL_LINUX_SIGNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/linux/sigqueue.h"
#include "kernel/linux/sys.h"
#include "kernel/sched/wait.h"

#define SIGNAL_UNBLOCKABLE (SIGMASK(SIGKILL) | SIGMASK(SIGSTOP))

/* As the system call passes it (the C library's struct sigaction is another one). */
struct ksigaction {
	uint64_t handler; /* or SIG_DFL, SIG_IGN */
	uint64_t flags;
	uint64_t restorer;
	uint64_t mask;
};
#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000
#endif

/* What is done with each signal. Processes may share it (CLONE_SIGHAND). */
struct sigactions {
	unsigned refs;
	struct ksigaction action[NR_SIGNALS]; /* [sig - 1] */
};

/* Of a process: shared by its threads. */
struct sighand {
	struct sigactions *actions;
	struct ksigaction *action; /* actions->action */
	struct sigpending shared;  /* for the process as a whole */
	struct waitq signalfd_wq;  /* woken at each new signal: signalfd */
	bool stopped;              /* by SIGSTOP and kin, until SIGCONT */
	struct waitq cont_wq;
};

MUST_CHECK struct sighand *sighand_create(void);
/* A new process's: nothing pending; the actions are copied or shared. NULL without memory. */
enum sighand_mode { SIGHAND_COPY, SIGHAND_SHARE, SIGHAND_DEFAULT };
MUST_CHECK struct sighand *sighand_inherit(struct sighand *from, enum sighand_mode mode);
/* execve: the process's own actions from now on. 0, -ENOMEM. */
MUST_CHECK int sighand_unshare(struct sighand *sh);
void sighand_free(struct sighand *sh);

/* Send. Any context. 0; -EAGAIN as of sigpending_add. The caller has checked permission. */
int signal_send_process(struct process *p, const siginfo_t *info);
int signal_send_thread(struct thread *t, const siginfo_t *info);

/* The current thread did something wrong (exceptions). Cannot be ignored or blocked: then the process dies of it. */
void signal_fault(int signo, int si_code, uint64_t addr);

/* The kernel touched a page of a mapped file, for the current thread as a rule, which the host does not have any more,
 * and has gone on with zeros. Event context. */
void signal_lost_page(void);
/* A signal the host's user sent to `cay`. Event context. */
void signal_from_host(int signo);

/* Pending for the current thread (its own and the process's) and in `mask`. */
uint64_t signal_pending_in(uint64_t mask);
/* Takes one of them: signalfd, sigtimedwait. Returns the number or 0. */
int signal_take(uint64_t mask, siginfo_t *out);

/* The mask of the current thread; SIGKILL and SIGSTOP are removed. */
void signal_set_mask(uint64_t mask);

/*
 * ppoll, pselect, epoll_pwait, sigsuspend: a mask for the time of one call. usigmask may be NULL (nothing happens).
 * After the call: signal_end_temp_mask(interrupted): when it was interrupted the old mask comes back only after the
 * handler was chosen, else now. 0, -EFAULT, -EINVAL for a wrong size.
 */
MUST_CHECK int signal_begin_temp_mask(const void *usigmask, size_t sigsetsize);
void signal_end_temp_mask(bool interrupted);

/*
 * For -ERESTART_RESTARTBLOCK: remembers how to go on. `return signal_restart_with(fn, deadline_ns, a0, ...)`.
 */
long signal_restart_with(long (*fn)(struct restart_block *rb), uint64_t deadline_ns, uint64_t a0, uint64_t a1,
			 uint64_t a2, uint64_t a3, uint64_t a4);

/* The return path, when THREAD_WORK_SIGNAL is set, with all registers in f: runs handlers, default actions, restarts.
 */
void signal_deliver(struct trapframe *f);

/* execve: handlers go back to default, the alternate stack and pending timers' signals are forgotten. */
void signal_exec(struct process *p);

/* A thread is ending: its private signals are dropped, shared ones that it would have taken are offered to others. */
void signal_thread_exit(struct thread *t);

#endif
