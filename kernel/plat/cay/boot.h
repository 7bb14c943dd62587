/* SPDX-License-Identifier: MIT */
/* boot.h - what the VMM told us, and how we leave. */
#ifndef CAY_KERNEL_PLAT_BOOT_H
#define CAY_KERNEL_PLAT_BOOT_H

#include "abi/boot_info.h"
#include "abi/stats.h"
#include "lib/compiler.h"

/* Never written after boot. Strings: boot_string(offset). */
extern const struct cay_boot_info *const boot_info;
const char *boot_string(uint32_t offset);

/* The counters the VMM prints. */
extern struct cay_stats *const stats;
#define STAT(name) (stats->counter[CAY_C_##name])
static inline void stat_count(enum cay_counter c)
{
	stats->counter[c]++;
}

/* Ends the VM with a wait(2) status. */
NORETURN void plat_exit(int wait_status);

#endif
