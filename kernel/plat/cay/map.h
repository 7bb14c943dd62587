/* SPDX-License-Identifier: MIT */
/*
 * map.h - telling the VMM where things are (abi/map.h). One line each, beside the structure's owner where the structure
 * is private, else in map.c. Costs nothing at run time.
 */
#ifndef CAY_KERNEL_PLAT_MAP_H
#define CAY_KERNEL_PLAT_MAP_H

#include <stddef.h>

#include "abi/map.h"

/* Not const: some hold addresses, which the compiler wants in a writable section, and all must be in the same. */
#define MAP_ENTRY(what, size, value)                                                                                   \
	static struct cay_map_entry map_##what                                                                         \
		__attribute__((section(".cay_map"), used)) = {CAY_MAP_##what, size, (uint64_t)(value)}
/* Member of a structure. */
#define MAP_FIELD(what, type, member) MAP_ENTRY(what, sizeof(((type *)0)->member), offsetof(type, member))
/* An object with a fixed place. */
#define MAP_ADDRESS(what, object) MAP_ENTRY(what, 0, &(object))
#define MAP_VALUE(what, number)   MAP_ENTRY(what, 0, number)

void map_publish(void);

#endif
