/* SPDX-License-Identifier: MIT */
/*
 * window.h - the part of the guest's physical address space where host files appear: who has which range.
 * Invariants: whatever is not in a mapping is PROT_NONE reservation, so that the range stays ours. Between two mappings
 * lies a page that is in none, so pages of the window that follow one another are of one mapping: of page-table entries
 * that do, the process backend makes one view (mmu.c).
 * Ranges are page multiples, first fit from a moving point: address space is plenty (CAY_WINDOW_BYTES), reuse is put
 * off. Thread-safe: one lock, held over mmap.
 */
#ifndef CAY_VMM_CORE_WINDOW_H
#define CAY_VMM_CORE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

/* A guest may not have more files mapped than this, nor make the host exceed vm.max_map_count (65530). */
#define WINDOW_MAPPINGS_MAX 16384u

struct window;

/*
 * Somebody who keeps a copy of the window elsewhere and is told of each change, with the lock held. 0 or -errno; an
 * error of map undoes the mapping. fd is valid during the call only.
 */
struct window_mirror {
	int (*map)(void *ctx, uint64_t at, uint64_t bytes, int fd, uint64_t offset, bool writable);
	int (*unmap)(void *ctx, uint64_t at, uint64_t bytes);
	int (*zero)(void *ctx, uint64_t at, uint64_t bytes, bool writable); /* mended: see window_mend */
	void *ctx;
};

/* hva: `bytes` of address space, reserved PROT_NONE by the caller, who keeps it. mirror: NULL = none. NULL without
 * memory. */
MUST_CHECK struct window *window_create(uint8_t *hva, uint64_t bytes, const struct window_mirror *mirror);
void window_destroy(struct window *w); /* NULL is allowed; mappings stay as they are */

/*
 * Maps [offset, offset + bytes) of fd, MAP_SHARED. Returns the offset in the window; -EINVAL: not page multiples, 0
 * bytes, or beyond 2^62; -ENOSPC: no room, or too many mappings; host's errno. Guest-triggerable with any numbers. fd
 * may be closed.
 */
MUST_CHECK int64_t window_map(struct window *w, int fd, uint64_t offset, uint64_t bytes, bool writable);

/* Whether some mapped page lies beyond the end of its file. Costs as much as window_mend. */
bool window_is_short(struct window *w);

/*
 * Replaces pages that lie beyond the end of their file, so that touching them is an error to the host, by zero pages of
 * their own. Returns how many. Costs a system call or more per mapping: only after such a touch.
 */
uint64_t window_mend(struct window *w);

/* 0, or -EINVAL when there is no such mapping. */
int window_unmap(struct window *w, uint64_t at, uint64_t bytes);

#endif
