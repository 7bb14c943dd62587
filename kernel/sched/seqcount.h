/* SPDX-License-Identifier: MIT */
/*
 * seqcount.h - reading small tables that hardly ever change, without a lock and without writing anything: a reader
 * copies what it needs and starts over if a writer was there meanwhile. Writers exclude each other by a lock of their
 * own and do not block in between. What is read may be half changed until the retry says that it was not: a reader
 * follows no pointer out of it.
 */
#ifndef CAY_KERNEL_SCHED_SEQCOUNT_H
#define CAY_KERNEL_SCHED_SEQCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

struct seqcount {
	uint32_t seq; /* odd: a writer is at it */
};

static inline uint32_t seq_read_begin(const struct seqcount *s)
{
	uint32_t seq;

	while ((seq = __atomic_load_n(&s->seq, __ATOMIC_ACQUIRE)) & 1) /* pairs with seq_write_end */
		__builtin_ia32_pause();
	return seq;
}

/* Was a writer there since? */
static inline bool seq_read_retry(const struct seqcount *s, uint32_t seq)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE); /* what was read, before the look at the count */
	return unlikely(__atomic_load_n(&s->seq, __ATOMIC_RELAXED) != seq);
}

/* The writers' lock is held. */
static inline void seq_write_begin(struct seqcount *s)
{
	__atomic_store_n(&s->seq, s->seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE); /* the odd count before the changes: pairs with seq_read_retry */
}

static inline void seq_write_end(struct seqcount *s)
{
	__atomic_store_n(&s->seq, s->seq + 1, __ATOMIC_RELEASE);
}

#endif
