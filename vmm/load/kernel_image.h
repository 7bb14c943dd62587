/* SPDX-License-Identifier: MIT */
/* kernel_image.h - the kernel's ELF image, checked and copied into guest memory. */
#ifndef CAY_VMM_LOAD_KERNEL_IMAGE_H
#define CAY_VMM_LOAD_KERNEL_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

#define KERNEL_SEGMENTS_MAX 8

struct kernel_segment {
	uint64_t gva, mem_bytes, file_offset, file_bytes;
	bool write, exec;
};

struct kernel_image {
	const uint8_t *data;
	size_t bytes;
	uint64_t entry_gva;
	uint64_t image_bytes; /* from the image's start to the end of the last segment, page multiple */
	struct kernel_segment seg[KERNEL_SEGMENTS_MAX];
	unsigned nr_segs;
};

/* The image that is linked into this program. */
extern const uint8_t kernel_blob[], kernel_blob_end[];

/*
 * Checks an ELF image: 64-bit x86, segments page-aligned, inside the views (abi/layout.h), their offsets in order and
 * below CAY_KERNEL_MAX_BYTES. Returns 0 or -ENOEXEC with *why.
 */
MUST_CHECK int kernel_image_parse(struct kernel_image *img, const void *data, size_t bytes, const char **why);

/* Copies the segments through put, to zeroed memory for image_bytes. offset: in that memory. */
void kernel_image_copy(const struct kernel_image *img,
		       void (*put)(void *ctx, uint64_t offset, const void *src, uint64_t bytes), void *ctx);

#endif
