/* SPDX-License-Identifier: MIT */
/* lending.c - see lending.h. */
#include "kernel/sched/lending.h"

#include <errno.h>
#include <stddef.h>

#include "kernel/sched/runqueue.h"
#include "kernel/sched/thread.h"

/* Behind those of the same rank. */
static void insert(struct lending *l)
{
	struct list *before = &l->borrower->lenders;

	list_for_each (other, &l->borrower->lenders, link, struct lending) {
		if (other->lender->rank < l->lender->rank) {
			before = &other->link;
			break;
		}
	}
	list_push_back(before, &l->link);
}

static int rank_of(const struct thread *t)
{
	int own = rq_own_rank(t);

	return list_empty(&t->lenders) ? own : MAX(own, list_first(&t->lenders, struct lending, link)->lender->rank);
}

/* t's rank, then that of whom it waits for, and so on, as long as one changes. Ends: nobody is his own lender. */
static void settle(struct thread *t)
{
	for (;;) {
		struct lending *l = t->lends;
		int rank = rank_of(t);

		if (rank == t->rank)
			return;
		sched_set_rank(t, rank);
		if (l == NULL)
			return;
		list_remove(&l->link);
		insert(l);
		t = l->borrower;
	}
}

int lending_start(struct lending *l, struct thread *lender, struct thread *borrower)
{
	unsigned depth = 0;

	for (const struct thread *t = borrower; t != NULL; t = t->lends != NULL ? t->lends->borrower : NULL)
		if (t == lender || ++depth > LENDING_DEPTH_MAX)
			return -EDEADLK;
	*l = (struct lending){.lender = lender, .borrower = borrower};
	lender->lends = l;
	insert(l);
	settle(borrower);
	return 0;
}

void lending_stop(struct lending *l)
{
	struct thread *borrower = l->borrower;

	if (borrower == NULL)
		return;
	list_remove(&l->link);
	l->borrower = NULL;
	l->lender->lends = NULL;
	settle(borrower);
}

void lending_move(struct lending *l, struct thread *to)
{
	struct thread *from = l->borrower;

	list_remove(&l->link);
	l->borrower = to;
	insert(l);
	settle(from);
	settle(to);
}

void lending_own_changed(struct thread *t)
{
	settle(t);
}
