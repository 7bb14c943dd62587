/* SPDX-License-Identifier: MIT */
/* The VMM's parser of kernel images on any bytes: refuses, or every segment lies inside the file and the kernel's
 * place. */
// SOURCES: vmm/load/kernel_image.c
#include <stdlib.h>
#include <string.h>

#include "abi/layout.h"
#include "vmm/load/kernel_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(void *memory, uint64_t offset, const void *src, uint64_t bytes)
{
	memcpy((uint8_t *)memory + offset, src, bytes); /* the sanitizer watches both ends */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t memory[CAY_KERNEL_MAX_BYTES];
	struct kernel_image img;
	const char *why = NULL;

	if (kernel_image_parse(&img, data, size, &why) != 0) {
		if (why == NULL)
			abort();
		return 0;
	}
	if (img.image_bytes > sizeof(memory) || img.entry_gva < CAY_KERNEL_GVA ||
	    img.entry_gva >= CAY_KERNEL_GVA + CAY_KERNEL_SPAN)
		abort();
	kernel_image_copy(&img, put, memory);
	return 0;
}
