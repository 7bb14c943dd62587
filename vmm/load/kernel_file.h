/* SPDX-License-Identifier: MIT */
/* kernel_file.h - which kernel image to boot. */
#ifndef CAY_VMM_LOAD_KERNEL_FILE_H
#define CAY_VMM_LOAD_KERNEL_FILE_H

#include "vmm/load/kernel_image.h"

/*
 * The built-in image or, for developers and the hostile-kernel tests, the file that the environment variable CAY_KERNEL
 * names. Whose kernel it is makes no difference to the VMM: any is taken to be hostile. Parsed and checked; a file
 * stays mapped to the end of the process. Returns 0 or -errno, the reason said.
 */
MUST_CHECK int kernel_image_choose(struct kernel_image *img);

/* The image chosen has been copied: its pages are no longer counted as ours. Whoever looks again (symbols of a panic)
 * finds it in its file. */
void kernel_image_put_away(const struct kernel_image *img);

#endif
