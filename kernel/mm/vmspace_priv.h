/* SPDX-License-Identifier: MIT */
/*
 * vmspace_priv.h - what the files behind vmspace.h share.
 *
 * Lock (vmspace_lock.c): vmspace_lock is a mutex (adaptive.h), taken with the kernel lock or without, and keeps
 * everybody else out of areas and page tables. Functions below need it unless they say otherwise. The kernel lock is
 * taken under it where more than the address space is concerned: a file's operations and its pages until they are in
 * the tables (fault_in), who is to be killed for want of memory. That is no circle: whoever waits for the mutex has
 * given the kernel lock up. Quick faults (fault_quick.c) work beside each other without the mutex: they are inside
 * between vmspace_enter and vmspace_leave, change no area but its hints, and change the entries of one huge page's
 * block under the spin lock of that block. vmspace_lock waits until all of them have left, and while it is held none
 * gets in. Order: vmspace lock, a file's own locks (file_ops.map), a block's lock, the page tables' pool, pages.
 * Nothing here touches program memory by its own address while a lock is held, so a fault never waits for itself.
 *
 * users, holds and the list of all address spaces are under the kernel lock.
 *
 * A page that leaves an entry is freed only when no CPU can reach it by a translation it remembers: see vmspace_flush.
 * The file of an area that goes is let go after that, and after the lock, because that may take long: vmspace_unlock.
 *
 * A last-level entry that is not zero owns a page, present or not: PROT_NONE keeps the page and only hides it. A
 * private mapping may write a page only if the page is its own: counted, one reference (entry_is_own). Pages of the
 * heap area beyond the break may be there already, and are zero.
 */
#ifndef CAY_KERNEL_MM_VMSPACE_PRIV_H
#define CAY_KERNEL_MM_VMSPACE_PRIV_H

#include "kernel/arch/x86_64/paging.h"
#include "kernel/arch/x86_64/callsite_table.h"
#include "kernel/mm/area.h"
#include "kernel/mm/vmspace.h"
#include "kernel/sched/adaptive.h"
#include "kernel/sched/spinlock.h"

/* Pages that have left the tables and wait for a flush. */
struct dead_pages {
	struct dead_pages *next;
	uint64_t nr;
	uint64_t page[(PAGE_SIZE - 16) / 8]; /* physical address, | 1: a huge one */
};

#define BLOCK_LOCKS 64

struct vmspace {
	pa_t root;
	struct area_set areas;
	struct adaptive_mutex lock;
	uint32_t exclusive;                       /* lock is held: no quick fault may begin */
	struct spinlock block_locks[BLOCK_LOCKS]; /* by a hash of the address */
	struct dead_pages *dead;
	struct area *gone;       /* out of the set, to be freed */
	struct list link;        /* all address spaces */
	unsigned users;          /* processes */
	unsigned holds;          /* one for all users together, one for each CPU that has the tables loaded */
	uint64_t mmap_base;      /* images are placed below, ... */
	uint64_t mmap_top;       /* ... all else below this: not in blocks with shared tables */
	uint64_t rest, rest_end; /* room behind the last image, for what is small */
	struct list shared;      /* tables it has in common with others: shared_tables.c */
	struct list left;        /* those it has no more, but a CPU may remember */
	uint64_t brk_start, brk; /* brk_start 0: no heap yet */
	size_t pages;            /* in areas */
	size_t data_pages;       /* private writable, for RLIMIT_DATA */
	size_t stack_pages, locked_pages;
	size_t rss, peak_pages, peak_rss;
	size_t ahead;     /* pages that may still be copied before they are written; a hint, changed without a lock */
	uint64_t layout;  /* the same for a program and its forks: where things are */
	bool forked;      /* made by fork, and not exec: others like it may follow */
	bool lock_future; /* mlockall(MCL_FUTURE) */
	struct callsite_table callsites;
};

static inline uint64_t page_up(uint64_t v)
{
	return ALIGN_UP(v, PAGE_SIZE);
}

static inline uint64_t page_down(uint64_t v)
{
	return ALIGN_DOWN(v, PAGE_SIZE);
}

/* [addr, addr + bytes) is page-aligned at its start, not empty and inside the program's half. */
static inline bool range_ok(uint64_t addr, uint64_t bytes)
{
	return (addr & (PAGE_SIZE - 1)) == 0 && bytes != 0 && bytes <= CAY_USER_END && addr <= CAY_USER_END - bytes;
}

static inline bool area_is_private_writable(const struct area *a)
{
	return (a->prot & 2 /* PROT_WRITE */) && !(a->flags & AREA_SHARED);
}

/*
 * The page behind an entry of a private area is nobody else's. What may be written is own already: then further
 * references are those of transfers to it (page_pin).
 */
static inline bool entry_is_own(uint64_t e)
{
	return (e & PTE_SW_COUNTED) && ((e & PTE_W) || page_refcount(PA(e & PTE_ADDR)) == 1);
}

/* ptes.c: entries of a range. Translations that must be forgotten are added to b, for vmspace_flush. */
MUST_CHECK int ptes_unmap(struct vmspace *vs, uint64_t start, uint64_t end,
			  struct tlb_batch *b); /* 0, -ENOMEM (split) */
MUST_CHECK int ptes_protect(struct vmspace *vs, const struct area *a, uint64_t start, uint64_t end, int prot,
			    struct tlb_batch *b);
MUST_CHECK int ptes_move(struct vmspace *vs, uint64_t from, uint64_t to, uint64_t bytes, struct tlb_batch *b);
size_t ptes_count(struct vmspace *vs, uint64_t start, uint64_t end); /* pages there */
void ptes_account(struct vmspace *vs, long pages);                   /* rss */

/* vmspace_lock.c */
void vmspace_lock(struct vmspace *vs);
void vmspace_unlock(struct vmspace *vs);
/* For a quick fault. False: the lock is held, or wanted. Neither blocks; between them nothing may block or fault. */
MUST_CHECK bool vmspace_enter(struct vmspace *vs);
void vmspace_leave(void);
struct spinlock *vmspace_block_lock(struct vmspace *vs, uint64_t addr);

/* ptes.c: forgets the translations in b, everywhere, and frees the pages and shared tables that were taken out of the
 * tables. Before the lock is given back. */
void vmspace_flush(struct vmspace *vs, struct tlb_batch *b);

/* vmspace.c: with the layout of another one, or a new one (0). */
MUST_CHECK struct vmspace *vmspace_create_as(uint64_t layout);

/* vmspace.c: a CPU has other tables loaded now, or there are no users any more. The last one frees them. */
void vmspace_drop_hold(struct vmspace *vs);

/* vmspace.c: frees areas that have gone: a list by next_gone. No vmspace lock. */
void vmspace_free_gone(struct area *gone);

/* vmspace.c: areas of a range */
/* Splits areas so that none crosses start or end. 0, -ENOMEM. */
MUST_CHECK int vmspace_isolate(struct vmspace *vs, uint64_t start, uint64_t end);
/* Accounts an area that appears (+1) or goes (-1). */
void vmspace_account_area(struct vmspace *vs, const struct area *a, int sign);
/* Removes everything in the range. 0, -ENOMEM. */
MUST_CHECK int vmspace_remove_range(struct vmspace *vs, uint64_t start, uint64_t end, struct tlb_batch *b);
/* Would `bytes` more fit the limits and memory? private_writable: counts as data. 0, -ENOMEM. */
MUST_CHECK int vmspace_may_grow(struct vmspace *vs, uint64_t bytes, bool private_writable, bool noreserve);
uint64_t vmspace_rlimit(unsigned which);

/* mmap.c */
/* Picks an address as mmap(2) does without MAP_FIXED. 0 when there is no room. */
uint64_t vmspace_place(struct vmspace *vs, uint64_t hint, uint64_t bytes, int flags, bool anonymous);
/* The same for a program or library whose first ro_bytes are never written: they end where a block of 2 MiB does, and
 * nothing else comes into their block, so that its table can be shared. */
uint64_t vmspace_place_image(struct vmspace *vs, uint64_t bytes, uint64_t ro_bytes);
/* Adds an area to a free range, merged with its neighbours if it can be; takes a reference of file. 0, -ENOMEM. */
MUST_CHECK int vmspace_add_area(struct vmspace *vs, uint64_t addr, uint64_t bytes, int prot, unsigned flags,
				struct file *file, uint64_t pgoff);
/* Sets and clears flags of all areas in the range. 0; -ENOMEM: a hole (the rest was done), or no memory. */
MUST_CHECK int vmspace_set_flags(struct vmspace *vs, uint64_t start, uint64_t end, unsigned set, unsigned clear);

/* fault.c */
/* What fault_in says besides an si_code: memory is out, but somebody else is ending. Try again after oom_wait(). */
#define FAULT_AGAIN (-1)
/* The area at addr; a stack above is extended if it may be. NULL: nothing there. */
struct area *fault_area(struct vmspace *vs, uint64_t addr);
/* Makes the page at addr present with the rights that the access needs. 0 or a signal's si_code, *signo set. */
int fault_in(struct vmspace *vs, struct area *a, uint64_t addr, bool write, int *signo);
/*
 * Makes the page of a private area that is behind entry e (at addr, of this level) writable: by a copy unless it is the
 * program's own. Copies neighbours, too. False: no memory, or, with ram_only, it lies in the file window.
 * Lock: the vmspace lock, or inside and the block's.
 */
MUST_CHECK bool fault_write_private(struct vmspace *vs, struct area *a, uint64_t addr, uint64_t *e, unsigned level,
				    bool ram_only);
/* Makes the page at addr of a private area the program's own, whatever the area's rights: for the kernel to write it
 * through the direct map. 0, -ENOMEM, -EFAULT (end of file). */
MUST_CHECK int fault_own(struct vmspace *vs, struct area *a, uint64_t addr);
/* Fills what is missing of the range. 0; -ENOMEM: a hole, or no memory; -EFAULT: no right to, or beyond the end of a
 * file. */
int fault_populate(struct vmspace *vs, uint64_t start, uint64_t end, bool write);

extern struct list vmspace_all;

#endif
