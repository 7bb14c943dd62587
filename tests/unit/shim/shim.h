/* SPDX-License-Identifier: MIT */
/*
 * shim.h - knobs of the stand-ins for kernel primitives that host unit tests link instead of the real ones.
 * Each shim/NAME.c implements one kernel header (log.h, mm/kmalloc.h, mm/page.h, mm/uaccess.h, time/clock.h).
 */
#ifndef CAY_TESTS_UNIT_SHIM_H
#define CAY_TESTS_UNIT_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* shim/kmalloc.c, shim/page.c: after `n` more successful allocations each further one fails; -1 = never (the start). */
void shim_kmalloc_fail_after(long n);
void shim_page_fail_after(long n);

/* shim/page.c: pages handed out and not yet freed, for leak checks. */
long shim_pages_in_use(void);

/* shim/ram.c: fresh zeroed RAM of this size at the direct map, for the real kernel/mm/page.c (not with shim/page.c). */
void shim_ram(size_t bytes);

/* shim/log.c: text of the last klog; panic() normally fails the test. With shim_expect_panic(true) it instead
 * longjmps to the SHIM_PANICS() that is running. */
const char *shim_last_log(void);

#include <setjmp.h>
extern jmp_buf shim_panic_jmp;
extern bool shim_panic_expected;
/* True when `stmt` panics: assert_true(SHIM_PANICS(page_free(p, 0))). */
#define SHIM_PANICS(stmt)                                                                                              \
	({                                                                                                             \
		volatile bool panicked_ = true;                                                                        \
		shim_panic_expected = true;                                                                            \
		if (setjmp(shim_panic_jmp) == 0) {                                                                     \
			stmt;                                                                                          \
			panicked_ = false;                                                                             \
		}                                                                                                      \
		shim_panic_expected = false;                                                                           \
		panicked_;                                                                                             \
	})

/* shim/uaccess.c: [lo, hi) faults when touched, besides null and non-canonical addresses. 0, 0 = nothing (the start).
 */
void shim_uaccess_fault_range(uint64_t lo, uint64_t hi);

/* shim/clock.c: the time that the clocks show; starts at 1 s. */
void shim_clock_set(uint64_t mono_ns);

/* shim/events.c: how often the kernel told the VMM about a deadline, and the last one; makes the timer's event happen.
 */
unsigned shim_timer_arms(uint64_t *last_ns);
void shim_timer_event(void);

/* shim/net.c: name servers that the network has told us about. */
unsigned shim_nr_dns(void);

#endif
