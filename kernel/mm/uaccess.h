/* SPDX-License-Identifier: MIT */
/*
 * uaccess.h - the program's memory as system calls see it. Program and kernel share one address space, so this
 * is about wild pointers: each access checks the range [CAY_USER_MIN, CAY_USER_END) and survives a fault.
 * Context: a thread of the program, no spin lock held (a fault may read a file). All return 0 or -EFAULT.
 */
#ifndef CAY_KERNEL_MM_UACCESS_H
#define CAY_KERNEL_MM_UACCESS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/mm/page.h"
#include "lib/compiler.h"

MUST_CHECK int copy_from_user(void *dst, const void *src_user, size_t bytes);
MUST_CHECK int copy_to_user(void *dst_user, const void *src, size_t bytes);
MUST_CHECK int clear_user(void *dst_user, size_t bytes);

/*
 * A structure that grows with Linux's versions: ours has dst_bytes, the program's src_bytes. Members that only ours has
 * become 0; what only the program's has must be 0, else -E2BIG: it asks for something we do not know.
 */
MUST_CHECK int copy_struct_from_user(void *dst, size_t dst_bytes, const void *src_user, size_t src_bytes);

/* Copies a NUL-terminated string of at most size-1 bytes. Returns its length; -EFAULT; -ENAMETOOLONG if there is no NUL
 * in size bytes. */
MUST_CHECK ssize_t strncpy_from_user(char *dst, const char *src_user, size_t size);

#ifdef CAY_UNIT_TEST
MUST_CHECK int get_user_u32(uint32_t *dst, const void *src_user);
MUST_CHECK int get_user_u64(uint64_t *dst, const void *src_user);
MUST_CHECK int put_user_u32(void *dst_user, uint32_t v);
MUST_CHECK int put_user_u64(void *dst_user, uint64_t v);
#else
/* Is it all the program's? What is there, if anything, is another question. */
static inline bool user_range(const void *p, size_t bytes)
{
	uint64_t addr = (uint64_t)p;

	return addr >= CAY_USER_MIN && bytes <= CAY_USER_END && addr <= CAY_USER_END - bytes;
}

/*
 * One word, read or written once, by one instruction with a row in the exception table (uaccess.S). load_ and store_
 * are for words of a range that user_range has said yes to.
 */
#define USER_ON_FAULT(label) ".pushsection __ex_table, \"a\"\n\t.quad 1b, " label "\n\t.popsection"
#define DEFINE_USER_WORD(name, type)                                                                                   \
	MUST_CHECK static inline int load_user_##name(type *dst, const void *src_user)                                 \
	{                                                                                                              \
		type v;                                                                                                \
                                                                                                                       \
		__asm__ goto("1:\tmov %1, %0\n\t" USER_ON_FAULT("%l2")                                                 \
			     : "=r"(v)                                                                                 \
			     : "m"(*(const volatile type *)src_user)                                                   \
			     : "memory"                                                                                \
			     : fault);                                                                                 \
		*dst = v;                                                                                              \
		return 0;                                                                                              \
	fault:                                                                                                         \
		*dst = 0;                                                                                              \
		return -EFAULT;                                                                                        \
	}                                                                                                              \
	MUST_CHECK static inline int store_user_##name(void *dst_user, type v)                                         \
	{                                                                                                              \
		__asm__ goto("1:\tmov %0, %1\n\t" USER_ON_FAULT("%l2")                                                 \
			     :                                                                                         \
			     : "r"(v), "m"(*(volatile type *)dst_user)                                                 \
			     : "memory"                                                                                \
			     : fault);                                                                                 \
		return 0;                                                                                              \
	fault:                                                                                                         \
		return -EFAULT;                                                                                        \
	}                                                                                                              \
	MUST_CHECK static inline int get_user_##name(type *dst, const void *src_user)                                  \
	{                                                                                                              \
		*dst = 0;                                                                                              \
		return user_range(src_user, sizeof(type)) ? load_user_##name(dst, src_user) : -EFAULT;                 \
	}                                                                                                              \
	MUST_CHECK static inline int put_user_##name(void *dst_user, type v)                                           \
	{                                                                                                              \
		return user_range(dst_user, sizeof(type)) ? store_user_##name(dst_user, v) : -EFAULT;                  \
	}
DEFINE_USER_WORD(u32, uint32_t)
DEFINE_USER_WORD(u64, uint64_t)
#undef DEFINE_USER_WORD
#undef USER_ON_FAULT
#endif

/* The word if its page is there already; never faults, so it may be called under a spin lock. -EFAULT: get_user_u32
 * says whether the page can be had, and brings it. */
MUST_CHECK int peek_user_u32(uint32_t *dst, const void *src_user);

/* Atomic compare-and-exchange on an aligned user word, for futexes. *old receives the value found. */
MUST_CHECK int cmpxchg_user_u32(void *uaddr, uint32_t expect, uint32_t desired, uint32_t *old);

/*
 * Device access to user memory: translates [uaddr, uaddr + bytes) to physical runs, faulting pages in
 * (for_write = the device will write them: breaks copy-on-write first). The pages stay while the calling thread waits
 * for the device, because only munmap by another thread could free them: they are referenced until user_unpin.
 * Returns the number of runs used (<= max_segs), covering *covered bytes (may be less than asked), or -EFAULT.
 */
struct phys_seg {
	pa_t pa;
	uint32_t bytes;
};
MUST_CHECK int user_pin(const void *uaddr, size_t bytes, int for_write, struct phys_seg *segs, unsigned max_segs,
			size_t *covered);
void user_unpin(const struct phys_seg *segs, unsigned nr_segs);

#endif
