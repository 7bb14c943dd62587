/* SPDX-License-Identifier: MIT */
/* sem_priv.h - semaphore sets, shared by sem.c (operations) and sem_undo.c. */
#ifndef CAY_KERNEL_IPC_SEM_PRIV_H
#define CAY_KERNEL_IPC_SEM_PRIV_H

#include "kernel/ipc/ipc.h"
#include "kernel/sched/wait.h"
#include "lib/list.h"

struct semaphore {
	int value;
	int pid; /* who changed it last */
};

struct sem_set {
	struct ipc_object o;
	unsigned refs; /* the table, until it is removed, and each caller that may sleep */
	bool removed;
	int64_t otime, ctime;
	struct waitq wq;
	struct list sleepers, undos;
	unsigned nr;
	struct semaphore sem[];
};

/* What one process is to undo in one set: added to each value when it ends. */
struct sem_undo {
	struct list link; /* in sem_set.undos */
	int pid;
	int adjust[];
};

extern struct ipc_table sem_table;

void sem_changed(struct sem_set *s); /* sleepers try again */

/* The record of this process, made when there is none; NULL without memory. */
struct process;
struct sem_undo *sem_undo_get(struct sem_set *s, const struct process *p);
void sem_undo_forget(struct sem_set *s, unsigned num); /* SETVAL: nobody undoes anything of it */
void sem_undo_drop_set(struct sem_set *s);

#endif
