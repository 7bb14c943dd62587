/* SPDX-License-Identifier: MIT */
/*
 * sigqueue.h - a set of pending signals with their siginfo. Standard signals (1..31) are kept once, the first siginfo
 * wins; real-time signals (32..64) queue in order. Lower numbers are taken first, synchronous faults before all.
 * No dependency on threads: unit-tested on the host. Lock: sighand's, once there are several CPUs.
 */
#ifndef CAY_KERNEL_LINUX_SIGQUEUE_H
#define CAY_KERNEL_LINUX_SIGQUEUE_H

#include <signal.h> /* siginfo_t, SIG*; the C library's functions are not used */
#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "kernel/linux/user_counts.h"
#include "lib/list.h"

#define NR_SIGNALS   64
#define SIGRT_FIRST  32
#define SIGMASK(sig) (1ull << ((sig)-1))

/* One queued signal. A timer owns its item (owned = true): it is queued at most once and never freed here. */
struct sigitem {
	struct list link;
	siginfo_t info;
	bool owned;
	struct user_counts *user;            /* counted there; NULL: nowhere, or not by this item */
	void (*taken)(struct sigitem *item); /* owned only: about to be delivered; may edit info (overrun count) */
};

struct sigpending {
	struct list queue;    /* of struct sigitem, oldest first */
	uint64_t mask;        /* bit sig-1: at least one is pending */
	struct sigitem spare; /* for one that comes while nothing else does: most are taken before the next */
};

void sigpending_init(struct sigpending *p);

/*
 * Makes info->si_signo pending; user, whom it is sent to, may have `limit` waiting, the kernel's and kill(2)'s standard
 * ones not counting. Returns 0; -EAGAIN when a real-time signal from sigqueue() cannot be stored for the limit or for
 * lack of memory (user NULL, too). A standard signal is never lost: then it arrives as from SI_USER, pid 0.
 */
int sigpending_add(struct sigpending *p, const siginfo_t *info, struct user_counts *user, uint64_t limit);

/* Queues an owned item. Returns false when it is queued already (or the same standard signal is). */
bool sigpending_add_item(struct sigpending *p, struct sigitem *item);

/* Takes the next signal whose bit is in `allowed`. Returns its number with *out filled, or 0. */
int sigpending_take(struct sigpending *p, uint64_t allowed, siginfo_t *out);

/* Forgets all signals in `mask`. */
void sigpending_discard(struct sigpending *p, uint64_t mask);

/* An owned item goes away: unqueues it. */
void sigpending_remove_item(struct sigpending *p, struct sigitem *item);

#endif
