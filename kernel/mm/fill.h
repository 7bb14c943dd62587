/* SPDX-License-Identifier: MIT */
/*
 * fill.h - puts pages into empty page-table entries, for fault.c. Every function needs vmspace.lock.
 * Results of fill_around_*, fill_out_of_memory and fill_error are those of vmspace_fault: 0, or si_code with *signo.
 */
#ifndef CAY_KERNEL_MM_FILL_H
#define CAY_KERNEL_MM_FILL_H

#include "kernel/mm/vmspace_priv.h"

/*
 * Pages copied for one fault in a private file mapping: at first, and at most. A page that was never used costs 50 ns
 * to fill in and nothing on the host until it is touched, a copy 400 ns, an exception 25 us.
 */
#define COPY_FIRST 32
#define COPY_MAX   128

/* Asks a file for its pages a run at a time. */
struct page_source {
	struct file *file;
	bool write;
	uint64_t first; /* page number of run.pa; run.nr == 0 at the start */
	struct page_run run;
};

/* How an empty entry gets its page; hi: up to where pages may be asked for next. 0 or -errno. */
struct filler {
	struct area *a;
	struct page_source *source;
	int (*fill)(struct filler *f, uint64_t va, uint64_t hi, uint64_t *e);
};

int fill_file(struct filler *f, uint64_t va, uint64_t hi, uint64_t *e); /* with a page of the file itself */
int fill_copy(struct filler *f, uint64_t va, uint64_t hi, uint64_t *e); /* with an own copy; replaces what was there */

/*
 * A missing page of memory without a file at addr (page-aligned), and what is worth having around it in the same block
 * of 2 MiB. False: no memory. *huge: a clear huge page that may be used, and is NULL then, or NULL.
 * Lock: the vmspace lock, or inside and the block's.
 */
MUST_CHECK bool fill_anon_around(struct vmspace *vs, struct area *a, uint64_t addr, void **huge);
/* Such a huge page, if one would be used now. Lock: inside. */
void *fill_prepare_huge(struct vmspace *vs, const struct area *a, uint64_t addr);

/* A missing page at addr (page-aligned), and what is worth having around it. */
int fill_around_anon(struct vmspace *vs, struct area *a, uint64_t addr, int *signo);
int fill_around_file(struct vmspace *vs, struct area *a, uint64_t addr, bool write, int *signo);

/*
 * Chooses [*lo, *hi) around a fault at addr, at most max pages and `first` the first time; the number grows while
 * faults go on where the last batch ended and shrinks when they jump.
 */
void fill_choose_batch(struct area *a, uint64_t addr, unsigned first, unsigned max, uint64_t *lo, uint64_t *hi);

/* A new page with the contents of another, which may be in the file window. NULL without memory. */
void *fill_page_copy(pa_t from);
/* Puts an own page in place of what an entry had; flushes. */
void fill_replace(uint64_t *e, uint64_t va, void *page, uint64_t bits);
void fill_count(struct vmspace *vs, struct area *a, unsigned nr);

int fill_out_of_memory(int *signo);
int fill_error(int err, int *signo); /* of file_ops.map */

#endif
