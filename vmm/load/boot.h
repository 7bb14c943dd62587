/* SPDX-License-Identifier: MIT */
/* boot.h - fills guest memory so that the kernel can start: image, boot info, arguments, page tables (abi/layout.h). */
#ifndef CAY_VMM_LOAD_BOOT_H
#define CAY_VMM_LOAD_BOOT_H

#include "vmm/backend/backend.h"
#include "vmm/core/vm.h"
#include "vmm/load/kernel_image.h"

/* The image is in its place. Sets up boot_info, stats, the vCPUs' pages and the boot-time allocator; devices come after
 * this. 0 or -errno. */
MUST_CHECK int boot_begin(struct vm *vm, const struct kernel_image *img);

/* After the devices: arguments, environment, page tables. Fills *start for vCPU 0. 0 or -errno (-E2BIG: arguments too
 * long). */
MUST_CHECK int boot_finish(struct vm *vm, const struct kernel_image *img, struct vcpu_start *start);

/* Puts a string in boot info. Returns its offset; 0 (the empty string) when there is no room. */
uint32_t boot_string_add(struct vm *vm, const char *s);

#endif
