/* SPDX-License-Identifier: MIT */
/*
 * thread.h - threads, processes, and who runs.
 *
 * The kernel is not preempted: a thread in the kernel runs until it blocks (wait.h) or returns to the program; program
 * code is preempted by the timer. With several CPUs most of the kernel runs under the kernel lock (klock.h), which a
 * thread gives up while it is blocked; blocking and waking need no lock. Upcall context (device events, timers) only
 * wakes and never blocks.
 */
#ifndef CAY_KERNEL_SCHED_THREAD_H
#define CAY_KERNEL_SCHED_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/arch/x86_64/frame.h"
#include "kernel/linux/sigqueue.h"
#include "lib/compiler.h"
#include "lib/list.h"
#include "lib/pheap.h"
#include "kernel/sched/spinlock.h"
#include "kernel/sched/system_time.h"

/* Sleepers: wait.h. */
struct waitq {
	struct spinlock lock; /* waiters */
	struct list waiters;
};

struct vmspace;
struct fdtable;
struct fs_context;
struct sighand;
struct cred;
struct group_list;
struct tty;
struct channel;
struct lending;
struct seccomp_filter;

/* What restart_syscall continues: a call with a relative timeout, which must end when it would have ended. See
 * signal.h. */
struct restart_block {
	long (*fn)(struct restart_block *rb); /* NULL: nothing to continue, EINTR */
	uint64_t deadline_ns;                 /* CLOCK_MONOTONIC */
	uint64_t arg[5];                      /* fn's business */
};

/*
 * Changed by compare-and-exchange (sched.c): whoever makes a BLOCKED thread RUNNABLE has it for himself until it is in
 * a queue. A thread alone blocks, prepares and dies.
 */
enum thread_state {
	THREAD_NEW, /* not started: wakes are ignored */
	THREAD_RUNNABLE,
	THREAD_WOKEN, /* runnable, and a wake came: the next sched_block returns at once */
	THREAD_BLOCKED,
	THREAD_DEAD
};

/* For getrusage. */
struct event_counts {
	uint64_t blocked, preempted; /* voluntary and involuntary switches */
	uint64_t faults;             /* page faults, all of them: what a file's page costs is not told apart */
};

static inline void event_counts_add(struct event_counts *to, const struct event_counts *more)
{
	to->blocked += more->blocked;
	to->preempted += more->preempted;
	to->faults += more->faults;
}

/* For /proc/PID/io: calls that read or wrote, and their bytes. */
struct io_counts {
	uint64_t read_bytes, written_bytes;
	uint64_t reads, writes;
};

#define KSTACK_BYTES    16384
#define THREAD_COMM_LEN 16

/* Offsets of the first fields are known to entry.S (asserts in thread.c). */
struct thread {
	uint64_t switch_rsp; /* saved kernel stack pointer while not running */
	uint64_t kstack_top; /* the trap frame is just below */
	uint64_t fs_base;    /* of the program; live in the CPU while running */
	uint64_t work;       /* THREAD_WORK_*: looked at on each return to the program */
	void *fpu;           /* xsave area, 64-byte aligned */

	int tid;
	struct process *proc;
	struct list proc_link; /* in process.threads */
	struct list hash_link; /* by tid: thread_find */

	/* scheduler */
	enum thread_state state;
	bool on_cpu;                /* its stack is in use: nobody else may run it, though it be blocked or queued */
	bool wants_klock;           /* it had the kernel lock when it blocked, and takes it again when it goes on */
	bool woke;                  /* in an inbox: see rq_add */
	bool queued_realtime;       /* which heap of its run queue it is in */
	struct thread *inbox_next;  /* in the inbox of its CPU */
	struct pheap_node run_node; /* in its CPU's run queue while runnable and not running */
	uint64_t vruntime_ns;
	uint64_t cpu_ns;                /* CPU time up to cpu_start_ns */
	uint64_t cpu_start_ns;          /* while running: since when */
	struct system_time system_time; /* of it the kernel's part */
	struct event_counts events;
	struct io_counts io;
	int nice;
	int policy, rt_priority; /* SCHED_*; 1..99 for SCHED_FIFO and SCHED_RR, else 0 */
	bool reset_on_fork;      /* children start as ordinary threads: SCHED_RESET_ON_FORK */
	int rank;                /* runqueue.h: what these make of it, or what is lent to it */
	struct list lenders;     /* struct lending (lending.h): who waits for what it holds */
	struct lending *lends;   /* it waits itself; NULL = it does not */
	uint64_t rt_turn;        /* order among those of one priority; 0 = behind all */
	struct list queue_link;  /* in its CPU's run queue, as run_node */
	uint64_t queued_ns;      /* since when */
	unsigned cpu;            /* where it runs, waits to run, or ran last */
	int fpu_cpu;             /* the CPU whose registers hold its FPU state, or FPU_IN_MEMORY */
	uint64_t affinity;       /* CPUs it may run on, a bit each */

	/* signals: signal.h */
	uint64_t sigmask;
	uint64_t saved_sigmask; /* for sigsuspend, ppoll, pselect, epoll_pwait */
	bool restore_sigmask;
	uint64_t sigwait_mask;     /* signals that sigtimedwait is waiting for */
	struct sigpending pending; /* for this thread */
	struct restart_block restart;
	uint64_t altstack_sp, altstack_size;
	int altstack_flags;
	uint64_t fault_vector, fault_error, fault_addr; /* of the last exception, as a signal frame shows them */
	uint32_t patches_seen;                          /* at its last invalid instruction: callsite_may_have_changed */

	/* Files: as a rule those of the whole process; each thread has its own reference. NULL: a kernel thread, or
	 * ending.
	 */
	struct fdtable *fds;   /* kernel/fs/fdtable.h */
	struct fs_context *fs; /* root, cwd, umask: kernel/fs/fs_context.h */

	uint64_t clear_child_tid; /* user address; set_tid_address, CLONE_CHILD_CLEARTID */
	uint64_t set_child_tid;   /* user address: its first act is to write its id there (CLONE_CHILD_SETTID) */
	uint64_t robust_list;
	uint64_t robust_list_len;
	bool futexes_gone; /* ending: it holds no lock any more, and can be given none */
	uint64_t rseq;     /* user address; 0 = not registered */
	uint32_t rseq_len, rseq_sig;
	uint64_t timer_slack_ns; /* PR_SET_TIMERSLACK: kept, not used */
	int pdeath_signal;
	int seccomp_mode;               /* SECCOMP_MODE_*: kernel/linux/seccomp.h */
	struct seccomp_filter *seccomp; /* newest of its filters; a reference */
	char comm[THREAD_COMM_LEN];
	int exit_code;
	struct channel *net_touched; /* channels this thread brought packets to: kernel/net/channel.c */
	bool net_flushing;
	void (*kfn)(void *arg); /* kernel threads only */
	void *karg;
};

#define THREAD_WORK_SIGNAL  (1u << 0) /* a signal may be deliverable */
#define THREAD_WORK_RESCHED (1u << 1) /* give up the CPU */
#define THREAD_WORK_EXIT    (1u << 2) /* the process is ending */
#define THREAD_WORK_TRACE   (1u << 3) /* --strace */
#define THREAD_WORK_RSEQ    (1u << 4) /* it has another CPU than its struct rseq says */
#define THREAD_WORK_MOVED   (1u << 5) /* code was patched: the instruction it stands on may be elsewhere now */

#define FPU_IN_MEMORY (-1)

/* Other CPUs change a thread's `work`, too. */
static inline void thread_work_set(struct thread *t, uint64_t bits)
{
	if (SPIN_NEEDS_ATOMIC)
		__atomic_fetch_or(&t->work, bits, __ATOMIC_SEQ_CST);
	else
		t->work |= bits;
}

static inline void thread_work_clear(struct thread *t, uint64_t bits)
{
	if (SPIN_NEEDS_ATOMIC)
		__atomic_fetch_and(&t->work, ~bits, __ATOMIC_SEQ_CST);
	else
		t->work &= ~bits;
}

struct cred {
	uint32_t uid, gid, euid, egid, suid, sgid, fsuid, fsgid;
	struct group_list *groups; /* kernel/fs/groups.h; NULL = none */
	uint64_t cap_effective, cap_permitted, cap_inheritable, cap_bounding, cap_ambient;
	uint32_t securebits;
};

struct rlimit_pair {
	uint64_t cur, max;
};
#define NR_RLIMITS 16

/* CPU time and such, of a process's own dead threads or of children that were waited for. */
struct process_usage {
	struct cpu_time cpu;
	struct event_counts events;
	uint64_t max_rss; /* pages */
};

/* What wait(2) may report of a process that lives. */
enum stop_report { REPORT_NONE, REPORT_STOPPED, REPORT_CONTINUED };

struct process {
	int pid, ppid, pgid, sid;
	unsigned refs;         /* each thread until its descriptor goes; one until it was waited for */
	struct list link;      /* all processes, zombies too */
	struct thread *leader; /* whose id is the pid; the descriptor stays, dead, as long as the process */
	struct list threads;   /* that live */
	unsigned nr_threads;
	/* Family: process.c. A process that its parent need not wait for has a parent all the same. */
	struct process *parent; /* NULL: the first one */
	struct list children, sibling;
	struct waitq child_wq; /* wait(2): a child ended, stopped or went on */
	struct waitq end_wq;   /* this process has ended: pidfds */
	int exit_signal;       /* what the parent gets; 0 = nothing */
	bool zombie;           /* ended, not yet waited for */
	bool orphan;           /* nobody is left to wait for it: reaped at once, as by docker's --init */
	bool has_execed;
	enum stop_report report; /* not yet waited for */
	int stop_signal;
	struct tty *ctty;       /* controlling terminal: kernel/dev/tty.h; NULL = none */
	struct waitq *vfork_wq; /* the parent sleeps there until this process execs or ends; NULL = nobody */
	struct process_usage children_usage;
	struct vmspace *vs;      /* NULL while ending */
	struct sighand *sighand; /* kernel/linux/signal.h */
	struct cred cred;
	struct rlimit_pair rlimit[NR_RLIMITS];
	bool exiting;
	int wait_status; /* as of wait(2), valid when exiting */
	uint64_t start_ns;
	uint64_t max_rss;                     /* pages; valid when it has no address space any more */
	uint64_t cpu_dead_ns, system_dead_ns; /* CPU time of threads that ended, and the kernel's part */
	struct cpu_time shown;                /* system_time.h */
	struct event_counts events_dead;
	struct io_counts io_dead;
	struct uring_task *uring;      /* what it has in flight in io_urings: kernel/uring/task.c; NULL until used */
	struct process_timers *timers; /* interval and POSIX timers: kernel/time/process_timers.h; NULL until used */
	/* for /proc/self: */
	char *exe_path;
	uint64_t vdso; /* address of its ELF header in the program; 0 = not mapped */
	uint64_t arg_start, arg_end, env_start, env_end, auxv_start, auxv_end;
	uint64_t start_code, end_code, start_data, end_data, start_stack, start_brk;
	char comm[THREAD_COMM_LEN];
	uint32_t personality;
	bool dumpable, no_new_privs, thp_disabled, subreaper;
	int oom_score_adj; /* -1000..1000: kernel/mm/oom.h */
};

/* Of the CPU this runs on, until it blocks. */
#ifdef CAY_UNIT_TEST
unsigned cpu_id(void);
#else
static inline unsigned cpu_id(void)
{
	unsigned id;

	__asm__ volatile("mov %%gs:1088, %0" : "=r"(id)); /* CPU_ID of offsets.h */
	return id;
}
#endif

/* The running thread; its process. Never NULL after sched_init. */
#ifdef CAY_UNIT_TEST
struct thread *thread_current(void);
#else
static inline struct thread *thread_current(void)
{
	struct thread *t;

	/* CPU_CURRENT of offsets.h. Not volatile, unlike cpu_this(): a thread is the same one wherever it goes on. */
	__asm__("mov %%gs:1032, %0" : "=r"(t));
	return t;
}
#endif
/* It runs or could run. */
static inline bool thread_is_runnable(const struct thread *t)
{
	return t->state == THREAD_RUNNABLE || t->state == THREAD_WOKEN;
}
static inline struct process *process_current(void)
{
	return thread_current()->proc;
}
/* The trap frame of a thread of a program that is in the kernel. */
static inline struct trapframe *thread_frame(struct thread *t)
{
	return (struct trapframe *)(t->kstack_top - FRAME_BYTES);
}

extern struct list process_all;
/* NULL if there is none. Zombies are found. */
struct process *process_find(int pid);
/* A child of the caller's process, hidden from everybody until process_publish: no threads, memory, files yet; the rest
 * is the parent's. NULL without memory; then, and after process_put, nothing is left of it. */
MUST_CHECK struct process *process_create(void);
/* p has its leader: it can be found, and counts as parent's child. */
void process_publish(struct process *p, struct process *parent);
struct process *process_get(struct process *p);
void process_put(struct process *p);
/* Takes a zombie out of the table; its numbers are added to its parent's children's. */
void process_reap(struct process *p);
/* The parent that vfork left asleep goes on. */
void process_release_vfork(struct process *p);
/* execve by a thread that is not the leader: it takes over the process's id. The others are gone. */
void process_take_leadership(struct thread *t);

extern struct process *init_process;  /* the program the VM was started for */
extern struct process kernel_process; /* kernel threads: no address space, no files */
void process_init(void);              /* fills in init_process; by sched_init */

/* Threads in the table, in no order; for procfs and signals to all. fn must not block. */
void thread_for_each(void (*fn)(struct thread *t, void *arg), void *arg);
/* CPU time used, the current slice included. */
uint64_t thread_cpu_ns(const struct thread *t);
uint64_t process_cpu_ns(const struct process *p);
/* Ends all other threads of the caller's process and waits for that (execve). -EINTR when the process is ending itself,
 * or another thread has called this before. */
MUST_CHECK int process_end_other_threads(void);

/* Creates a kernel thread, runnable. Returns NULL without memory. */
MUST_CHECK struct thread *kthread_create(const char *name, void (*fn)(void *arg), void *arg);

/*
 * The calling kernel thread works for p from now on: process_current() is p, and p's memory is there to be used. It is
 * not one of p's threads: who adopts sees to it that p does not end meanwhile. NULL: for nobody any more.
 */
void kthread_adopt(struct process *p);

/* Creates a thread of proc, not yet runnable; caller fills its frame, then thread_start(). */
/* The first thread of a process gets the process's id, all others new ones. */
MUST_CHECK struct thread *thread_create(struct process *proc);
int thread_new_id(void);     /* in use by no thread, process, group or session */
unsigned thread_count(void); /* of programs, that live */
void thread_start(struct thread *t);
/* In place of thread_start, for the first thread of a process that was not published: both go, the caller's reference
 * of the process too. May block: files are closed. */
void thread_abandon(struct thread *t);
NORETURN void thread_exit(int code);                   /* the calling thread only */
NORETURN void process_exit(int wait_status);           /* all threads of the caller's process */
void process_kill(struct process *p, int wait_status); /* as process_exit, from outside: any context */
/* NULL if there is none. A dead leader is found as long as its process is: check `state` before using its frame. */
struct thread *thread_find(int tid);
/* What system calls mean by an id: 0 is the caller. */
static inline struct thread *thread_find_or_current(int tid)
{
	return tid == 0 ? thread_current() : thread_find(tid);
}

/* Blocking primitives; use wait.h instead where possible. The thread must be on some list a waker finds. */
/* All of these: thread context unless noted. A condition checked between prepare and block must not itself block. */
void sched_block(
	void); /* current leaves the CPU until sched_wake; returns at once if a wake came since sched_prepare */
void sched_prepare(void);          /* announce the intent to block: a wake between this and sched_block is not lost */
void sched_wake(struct thread *t); /* any context */
void sched_yield_now(void);        /* lets whoever is due run; what THREAD_WORK_RESCHED asks for */
void sched_first_program(void);    /* from now on threads that compete are preempted; once, before the first one runs */
void sched_yield_to_others(void);  /* sched_yield(2): somebody else first, if there is anybody */
/* Nobody waits for this CPU, and no event. Without the kernel lock, so true a moment ago. */
bool sched_is_alone(void);
/* For lending.h: t.rank becomes that, its place in a queue with it. */
void sched_set_rank(struct thread *t, int rank);
/* t.affinity was changed: t leaves a CPU that it may not run on. */
void sched_affinity_changed(struct thread *t);
/* The earliest timer changed: ktimer_resume() before this CPU goes back to the program. Any context. */
void sched_resume_timers(void);
/* Makes the calling boot context the first thread of init_process and starts the idle thread. After kmalloc and clocks.
 */
void sched_init(void);

#endif
