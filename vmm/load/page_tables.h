/* SPDX-License-Identifier: MIT */
/* page_tables.h - the first page tables of the guest: system page, gate page, kernel image, all RAM. */
#ifndef CAY_VMM_LOAD_PAGE_TABLES_H
#define CAY_VMM_LOAD_PAGE_TABLES_H

#include "vmm/core/vm.h"
#include "vmm/load/kernel_image.h"

/*
 * Builds them from pages of [*pool_gpa, pool_end_gpa) and moves *pool_gpa behind those used. The rest of the pool is
 * the kernel's: page tables stay together in one 2 MiB block, because KVM's shadow paging maps no block as huge that
 * holds one. Returns the GPA for CR3, or 0 when the pool is too small.
 */
uint64_t page_tables_build(struct vm *vm, const struct kernel_image *img, uint64_t *pool_gpa, uint64_t pool_end_gpa);

#endif
