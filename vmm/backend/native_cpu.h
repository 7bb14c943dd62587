/* SPDX-License-Identifier: MIT */
/* native_cpu.h - what this machine's CPU says of itself, for backends where the guest sees it unchanged. */
#ifndef CAY_VMM_BACKEND_NATIVE_CPU_H
#define CAY_VMM_BACKEND_NATIVE_CPU_H

#include <stdint.h>

#include "abi/boot_info.h"

/* hwcap, cpu_features, xcr0 and xsave_bytes of the boot info. */
void native_cpu_describe(struct cay_boot_info *bi);

/* Only CAY_CPU_XSAVE and its kin; *xcr0 and *bytes are set if the first of them is there. */
uint32_t native_xsave(uint64_t *xcr0, uint32_t *bytes);

#endif
