/* SPDX-License-Identifier: MIT */
/* gpa.h - guest-physical addresses of kernel memory, as gate calls want them. */
#ifndef CAY_KERNEL_PLAT_GPA_H
#define CAY_KERNEL_PLAT_GPA_H

#include <stdint.h>

#include "abi/layout.h"

/* va: in the direct map (kmalloc, page_alloc, stacks) or in the kernel image; nothing else has one answer. */
static inline uint64_t kernel_gpa(const void *va)
{
	uint64_t v = (uint64_t)va;

	return v - CAY_KERNEL_GVA < CAY_KERNEL_SPAN ? CAY_KERNEL_GPA + CAY_KERNEL_OFFSET(v) : v - CAY_DIRECT_GVA;
}

#endif
