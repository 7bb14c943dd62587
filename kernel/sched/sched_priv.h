/* SPDX-License-Identifier: MIT */
/*
 * sched_priv.h - what the files of kernel/sched share with each other only.
 * A CPU's run queue is its own; others take threads from it under its lock, and give it threads through its inbox,
 * which has none. So a wake-up never waits for another CPU.
 */
#ifndef CAY_KERNEL_SCHED_PRIV_H
#define CAY_KERNEL_SCHED_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/layout.h"
#include "kernel/sched/runqueue.h"
#include "kernel/time/clock.h"
#include "lib/compiler.h"

struct thread;

/* A CPU as the scheduler sees it. */
struct sched_cpu {
	struct spinlock lock;     /* rq, and the scheduling parameters of threads whose CPU this is */
	struct runqueue rq;       /* rq.nr is also read without the lock, by CPUs that poll */
	struct thread *inbox;     /* runnable threads from other CPUs, last first; linked through inbox_next */
	struct ktimer slice;      /* armed while somebody waits for the CPU, and maybe once more */
	uint64_t slice_start_ns;  /* when the running thread got the CPU */
	bool need_resched;        /* the slice is over, or somebody more entitled woke */
	struct thread *fpu_owner; /* whose FPU state the registers hold; NULL = nobody's */
	struct thread *prev;      /* who ran before the switch that is going on */
	bool prev_leaves;         /* it may not run here any more: the next thread sends it away */
	/* For other CPUs that balance: who runs here, without looking at a thread that may be gone. */
	uint64_t running_vruntime_ns, running_since_ns;
	enum running_kind { RUNS_NOBODY, RUNS_FAIR, RUNS_REALTIME } running_kind;
	uint64_t poll_ns;  /* current idle polling time */
	uint64_t early_ns; /* a sleep with a deadline ends that much before it */
	uint64_t late_ns;  /* how late they ended: mean, and mean deviation */
	uint64_t late_dev_ns;
	uint64_t waiting_since_ns; /* when rq became non-empty; read without the lock, too */
	uint64_t pull_after_ns;    /* nothing to pull was found: not again before this */
	uint64_t called_ns;        /* when this CPU last woke one that slept, to help */
} ALIGNED(64);

extern struct sched_cpu sched_cpus[CAY_VCPU_MAX];

/* sched.c */
void sched_start(struct thread *t); /* a new thread becomes runnable */
void sched_switch_done(void);       /* first thing that a new thread does */
NORETURN void sched_exit(void);     /* the calling thread is dead: it never runs again and is freed */
void sched_schedule(void);          /* gives the CPU to whoever is due */
void sched_look(void); /* another CPU has put somebody into this one's inbox, or wants it out of the program */
/* t, runnable, queued nowhere, and the caller's own, becomes that of a CPU. woke: see rq_add. */
void sched_enqueue(unsigned id, struct thread *t, bool woke, uint64_t now_ns);
/* Is there somebody for this CPU to run, in its queue or inbox? */
static inline bool sched_has_waiting(const struct sched_cpu *sc)
{
	return READ_ONCE(sc->rq.nr) != 0 || READ_ONCE(sc->inbox) != NULL;
}
/* The registers hold nobody's FPU state any more. */
void sched_save_fpu(struct sched_cpu *sc);

/* idle.c */
NORETURN void sched_idle_loop(void *arg);

/* balance.c */
unsigned balance_choose(const struct thread *t);       /* a CPU for a thread that becomes runnable */
bool balance_may_pull(unsigned self, uint64_t now_ns); /* a guess, without the lock */
/* Takes a waiting thread from another CPU's queue into this one's; no lock held. */
bool balance_pull(unsigned self, uint64_t now_ns);
void balance_push(unsigned self, uint64_t now_ns);      /* gives one away if another CPU has less to do */
void balance_call_help(unsigned self, uint64_t now_ns); /* threads wait here while another CPU sleeps: wakes it */

/* cpus.c */
void sched_cpu_init(unsigned id, struct thread *current, struct thread *idle);
struct thread *sched_cpu_prepare(unsigned id); /* another CPU's idle thread; NULL without memory */
NORETURN void sched_cpu_enter(void);           /* first act of another CPU's idle thread */

/* thread.c */
void thread_free(struct thread *t);      /* it has run for the last time */
void thread_put_files(struct thread *t); /* its references; may block: files are closed */
/* Its references; may block: files are closed. */
void thread_put_files(struct thread *t);
void thread_free_descriptor(struct thread *t);
void thread_unhash(struct thread *t);
void thread_change_id(struct thread *t, int tid);
struct thread *thread_alloc_idle(void);

/* process.c */
void process_thread_gone(struct thread *t); /* t left its process; the last one ends it */

#endif
