/* SPDX-License-Identifier: MIT */
/*
 * vmspace.h - one address space of a program: its areas, page tables and break.
 * The kernel's half (from CAY_USER_END up) is the same in each.
 * What changes or reads an address space has its own lock and needs no kernel lock; creating, forking, giving back, and
 * what goes through all address spaces do.
 */
#ifndef CAY_KERNEL_MM_VMSPACE_H
#define CAY_KERNEL_MM_VMSPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/mm/page.h"

struct file;
struct vmspace;

/* What a file answers to "where are your pages": see file_ops.map in kernel/fs/file.h. */
struct page_run {
	pa_t pa;       /* first page */
	size_t nr;     /* contiguous pages from there, 1..asked */
	bool counted;  /* RAM pages: mm takes page_ref on each it maps. False: the file window, alive while the file is
			  open */
	bool writable; /* a shared mapping may map it for writing */
};

/* The calling thread's. */
struct vmspace *vmspace_current(void);

/* With one user, the caller. NULL without memory. */
MUST_CHECK struct vmspace *vmspace_create(void);

/*
 * Processes share an address space after clone(CLONE_VM) and vfork. vmspace_put of the last user frees the memory; page
 * tables stay until no CPU has them loaded, so that a process that ends needs no other address space to switch to.
 */
struct vmspace *vmspace_get(struct vmspace *vs);
void vmspace_put(struct vmspace *vs);
bool vmspace_is_shared(const struct vmspace *vs); /* by several processes */

/* Loads it on this CPU, unless it is there already. Costs 60 us where KVM has no VT-x. */
void vmspace_activate(struct vmspace *vs);

/*
 * fork(2): a copy of the calling process's address space. Private memory is copied at the first write, and some of it
 * at once (fork.c says which); shared memory is shared. NULL: no memory, or too little is left for another process.
 */
MUST_CHECK struct vmspace *vmspace_fork(struct vmspace *vs);

/* As mmap(2): prot PROT_*, flags MAP_*. file may be NULL (anonymous); a reference is taken. Returns address or -errno.
 */
MUST_CHECK int64_t vmspace_map(struct vmspace *vs, uint64_t addr, size_t bytes, int prot, int flags, struct file *file,
			       uint64_t offset);
int vmspace_unmap(struct vmspace *vs, uint64_t addr, size_t bytes);
/*
 * shmdt(2): takes away what is left of the first mapping of a file with these operations that began at addr or seems
 * to, going by the offsets. Returns the file, counted, or NULL when there is no such mapping.
 */
struct file_ops;
MUST_CHECK struct file *vmspace_unmap_file(struct vmspace *vs, uint64_t addr, const struct file_ops *ops);
/* prot may have PROT_GROWSDOWN. */
int vmspace_protect(struct vmspace *vs, uint64_t addr, size_t bytes, int prot);

/* The system calls of these names, less copying to and from the program (mincore: n bytes for n pages). -errno as in
 * the man pages. */
MUST_CHECK int64_t vmspace_remap(struct vmspace *vs, uint64_t old, size_t old_bytes, size_t new_bytes, int flags,
				 uint64_t new_addr);
int vmspace_advise(struct vmspace *vs, uint64_t addr, size_t bytes, int advice);
int vmspace_lock_range(struct vmspace *vs, uint64_t addr, size_t bytes, bool lock, bool on_fault);
int vmspace_lock_all(struct vmspace *vs, int mcl_flags); /* 0: munlockall */
int vmspace_sync(struct vmspace *vs, uint64_t addr, size_t bytes, int flags);
int vmspace_resident(struct vmspace *vs, uint64_t addr, size_t nr_pages, uint8_t *vec);
uint64_t vmspace_brk(struct vmspace *vs, uint64_t want); /* the break after the call */

/* Where the break starts (end of the program's data). */
void vmspace_set_brk(struct vmspace *vs, uint64_t start);

/* Page-table root, for cr3_load. */
pa_t vmspace_root(const struct vmspace *vs);

/* Where placement of mappings begins, downwards. Set once by exec, before the first mapping without an address. */
void vmspace_set_mmap_top(struct vmspace *vs, uint64_t top);
/* A free place for a program or library of `bytes` that is mapped next, whose first ro_bytes are never written: one
 * that lets processes share page tables. 0 when there is no room. */
uint64_t vmspace_find_image_place(struct vmspace *vs, uint64_t bytes, uint64_t ro_bytes);
/* The program's stack: [top - bytes, top) now, growing down on demand. 0, -ENOMEM. */
MUST_CHECK int vmspace_map_stack(struct vmspace *vs, uint64_t top, size_t bytes, bool executable);
/* Fills in pages ahead of use, as far as memory and the file allow: a fault costs more. */
void vmspace_prefault(struct vmspace *vs, uint64_t addr, size_t bytes, bool write);

/* Copies to and zeroes memory of an address space that need not be loaded (exec). 0, -EFAULT, -ENOMEM. Ignores missing
 * write permission of private areas, never makes a shared page change. */
MUST_CHECK int vmspace_write(struct vmspace *vs, uint64_t addr, const void *src, size_t bytes); /* src NULL: zeros */

/* Copies from it, which need not be loaded; for /proc. Returns how many bytes there were, from addr on. */
size_t vmspace_read(struct vmspace *vs, uint64_t addr, void *dst, size_t bytes);

/*
 * A page fault at addr. write/exec/present: from the error code. With the kernel lock or without; may block.
 * Returns 0 when the access may be retried; else the signal's si_code with *signo = SIGSEGV or SIGBUS.
 */
int vmspace_fault(struct vmspace *vs, uint64_t addr, bool write, bool exec, bool present, int *signo);

/* The same for what needs no lock: see fault_quick.c. False: it must be done by vmspace_fault. vs is the caller's and
 * loaded; the kernel lock may be held or not. Never blocks. */
MUST_CHECK bool vmspace_fault_quick(struct vmspace *vs, uint64_t addr, bool write, bool exec);

/*
 * Patching code (call-site rewriting). Between begin, which may block, and end nobody else changes vs, and what is
 * called here besides does not block for pages that are the program's own. vmspace_patch_alias makes [addr, addr +
 * bytes) writable for the kernel: private copy of the page, no permission change for the program. Returns a direct-map
 * alias of addr, or NULL. Valid until the next call. It may sleep the first time.
 */
void vmspace_patch_begin(struct vmspace *vs);
void *vmspace_patch_alias(struct vmspace *vs, uint64_t addr, size_t bytes);
void vmspace_patch_end(struct vmspace *vs);

/* Whether the page at addr is a private page of the program's already, so that patching it needs no flush. */
bool vmspace_page_is_own(struct vmspace *vs, uint64_t addr);

/* Whether other processes share the page table of addr: changing code there costs new first touches of all of it. */
bool vmspace_shares_table(struct vmspace *vs, uint64_t addr);

/* What is known of the address space's call sites: kernel/arch/x86_64/rewrite.c. Lives as long as vs. */
struct callsite_table;
struct callsite_table *vmspace_callsites(struct vmspace *vs);

/* Finds a free gap near addr (within +-2^31 less slack) for trampolines and maps bytes of read-execute memory there. 0
 * on failure. */
uint64_t vmspace_map_near(struct vmspace *vs, uint64_t addr, size_t bytes);

/* The file was truncated to new_bytes: pages beyond leave all mappings. */
struct inode;
void vmspace_file_truncated(struct inode *inode, uint64_t new_bytes);

/* Is there shared memory at addr (MAP_SHARED)? What a futex in it is named by. */
bool vmspace_is_shared_at(struct vmspace *vs, uint64_t addr);

/* Is a file of the host mapped at addr, with a page of the window that is in the tables? */
bool vmspace_is_file_at(struct vmspace *vs, uint64_t addr);

/* Is there a shared mapping through which the file may be written now or after mprotect? For memfd's F_SEAL_WRITE. */
bool vmspace_has_writable_mapping(const struct inode *inode);

/* The area at addr is shown by this name in /proc/self/maps, without file. name: static. Thread context. */
void vmspace_name(struct vmspace *vs, uint64_t addr, const char *name);
/* Text of /proc/self/maps, smaps and smaps_rollup: appends lines to buf through emit(). Thread context. */
enum maps_style { MAPS_LINES, MAPS_DETAILED, MAPS_SUM };
void vmspace_print_maps(struct vmspace *vs, enum maps_style style,
			void (*emit)(void *ctx, const char *text, size_t bytes), void *ctx);
struct vmspace_usage {
	uint64_t size, rss, shared, text, data, stack, peak_size, peak_rss;
}; /* pages */
void vmspace_get_usage(struct vmspace *vs, struct vmspace_usage *out);
size_t vmspace_rss(const struct vmspace *vs);        /* pages there now */
uint64_t vmspace_peak_rss(const struct vmspace *vs); /* pages */

#endif
