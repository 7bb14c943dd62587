/* SPDX-License-Identifier: MIT */
/* sched_priv.h - what the files of kernel/sched share with each other only. */
#ifndef CAY_KERNEL_SCHED_PRIV_H
#define CAY_KERNEL_SCHED_PRIV_H

#include "lib/compiler.h"

struct thread;

/* sched.c */
void sched_cpu_init(struct thread *boot, struct thread *idle);
NORETURN void sched_idle_loop(void *arg);
void sched_start(struct thread *t); /* a new thread becomes runnable */
void sched_switch_done(void);       /* first thing that a new thread does */
NORETURN void sched_exit(void);     /* the calling thread is dead: it never runs again and is freed */

/* thread.c */
void thread_free(struct thread *t); /* it has run for the last time */
void thread_free_descriptor(struct thread *t);
void thread_unhash(struct thread *t);
void thread_change_id(struct thread *t, int tid);

/* process.c */
void process_thread_gone(struct thread *t); /* t left its process; the last one ends it */

#endif
