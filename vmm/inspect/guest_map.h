/* SPDX-License-Identifier: MIT */
/*
 * guest_map.h - reading the guest kernel's structures by its own map (abi/map.h), while it runs and without its help.
 *
 * Trust: none. The map, all pointers, lengths and lists are the guest's and change at any moment. Each read is checked
 * against RAM and copied; each costs one of a budget, so that no list can keep the reader busy; text is made printable.
 * What cannot be read is 0 or "". So a hostile or dying kernel shows nonsense, and nothing worse; a healthy one may
 * show an object that was freed in the same moment.
 */
#ifndef CAY_VMM_INSPECT_GUEST_MAP_H
#define CAY_VMM_INSPECT_GUEST_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/map.h"
#include "abi/stats.h"
#include "lib/compiler.h"
#include "vmm/core/gmem.h"

#define GUEST_MAP_BUDGET 1000000u /* reads */

struct guest_map {
	const struct gmem *mem;
	unsigned budget; /* reads left; 0: the rest is not seen */
	struct {
		bool known;
		uint32_t bytes;
		uint64_t value;
	} entry[CAY_MAP_NR];
};

/* False: the kernel has not published its map yet, or it makes no sense. stats: in guest memory. */
MUST_CHECK bool guest_map_load(struct guest_map *m, const struct gmem *mem, const struct cay_stats *stats);

/* Copies [gva, gva + len) of kernel memory; false if any of it is not RAM, or the budget is used up. */
MUST_CHECK bool guest_read(struct guest_map *m, uint64_t gva, void *to, size_t len);

/* Where a member is; 0 if base is 0 or the map does not know it. */
uint64_t guest_at(const struct guest_map *m, uint64_t base, enum cay_map_id member);
/* From a member back to its structure. */
uint64_t guest_outer(const struct guest_map *m, uint64_t member_at, enum cay_map_id member);
/* A member that is a number or a pointer, zero-extended; 0. */
uint64_t guest_number(struct guest_map *m, uint64_t base, enum cay_map_id member);
/* A variable's address or a constant; 0. */
uint64_t guest_value(const struct guest_map *m, enum cay_map_id id);
uint64_t guest_pointer(struct guest_map *m, uint64_t gva);

/* Text of at most len bytes, up to a NUL; printable ASCII, the rest '?'. */
void guest_text(struct guest_map *m, uint64_t gva, size_t len, char *to, size_t room);

/*
 * Calls fn with each structure of a list, at most max: head is the list's address, link the member by which they hang
 * in it. Stops early when fn returns false.
 */
void guest_list(struct guest_map *m, uint64_t head, enum cay_map_id link, unsigned max,
		bool (*fn)(struct guest_map *m, uint64_t at, void *ctx), void *ctx);

#endif
