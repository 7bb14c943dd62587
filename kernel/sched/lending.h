/* SPDX-License-Identifier: MIT */
/*
 * lending.h - priority inheritance: a thread that waits for what another one holds lends it its rank (runqueue.h). So
 * whoever holds it runs as if it were the most urgent of those that wait, and passes this on to the one it waits for
 * itself. Who lends is blocked: it lends to one thread at a time, and nobody is, over whatever steps, his own lender.
 * Lock: the kernel lock. Nothing here blocks.
 */
#ifndef CAY_KERNEL_SCHED_LENDING_H
#define CAY_KERNEL_SCHED_LENDING_H

#include "lib/compiler.h"
#include "lib/list.h"

struct thread;

/* How many threads may wait for each other in a row, as on Linux (kernel.max_lock_depth). */
#define LENDING_DEPTH_MAX 1024

/* One loan; on the stack of the lender, zeroed at first. */
struct lending {
	struct list link; /* in borrower.lenders, by rank, then by arrival */
	struct thread *lender;
	struct thread *borrower; /* NULL: none */
};

/* lender is about to wait for borrower. -EDEADLK: borrower waits for lender, or the chain is too long. */
MUST_CHECK int lending_start(struct lending *l, struct thread *lender, struct thread *borrower);
/* It waits no longer; harmless when it never did. */
void lending_stop(struct lending *l);
/* What l.lender waits for now belongs to `to`, which itself waits for nothing. */
void lending_move(struct lending *l, struct thread *to);
/* t's own policy, priority or nice level changed. */
void lending_own_changed(struct thread *t);

#endif
