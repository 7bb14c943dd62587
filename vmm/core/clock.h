/* SPDX-License-Identifier: MIT */
/* clock.h - the clock the guest reads without an exit: TSC scale and offsets in the vCPU page. */
#ifndef CAY_VMM_CORE_CLOCK_H
#define CAY_VMM_CORE_CLOCK_H

#include "vmm/core/vm.h"

/* TSC and clocks at the same moment: the best of a few tries, judged by how long the reading took. */
struct clock_sample clock_sample_take(void);

/* The TSC's rate from vm->first_sample until now: exact to some 100 ns in that time. */
uint64_t clock_estimate_khz(const struct vm *vm);

/* Writes scale and base. Before the first entry; vm->tsc_khz is known. */
void clock_publish(struct vm *vm);

/* Follows the host's clock; does nothing when called again within a second. I/O thread. */
void clock_refresh(struct vm *vm);

#endif
