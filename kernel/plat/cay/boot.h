/* SPDX-License-Identifier: MIT */
/*
 * boot.h - the kernel's view of what the VMM told it (abi/boot_info.h) and of the counters it keeps for the VMM.
 * Both lie in RAM at fixed places, so they are there from the first instruction on.
 */
#ifndef CAY_KERNEL_PLAT_BOOT_H
#define CAY_KERNEL_PLAT_BOOT_H

#include <stdint.h>

#include "abi/boot_info.h"
#include "abi/layout.h"
#include "abi/stats.h"

/* Read-only for the kernel. */
static inline const struct cay_boot_info *boot_info(void)
{
	return (const struct cay_boot_info *)(CAY_DIRECT_GVA + CAY_BOOT_INFO_GPA);
}

/* A string of boot info by its offset; "" for an offset outside. */
static inline const char *boot_string(uint32_t offset)
{
	return offset < CAY_STRINGS_BYTES ? boot_info()->strings + offset : "";
}

static inline struct cay_stats *kernel_stats(void)
{
	return (struct cay_stats *)(CAY_DIRECT_GVA + CAY_STATS_GPA);
}

static inline void stat_count(enum cay_counter c)
{
	kernel_stats()->counter[c]++;
}

#endif
