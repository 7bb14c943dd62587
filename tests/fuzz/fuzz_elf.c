/* SPDX-License-Identifier: MIT */
/* fuzz_elf.c - any file: the parser stays inside it, and what it accepts keeps the promises of lib/elf.h. */
// SOURCES: lib/elf.c
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/elf.h"

#define VA_END 0x700000000000ull

static void must(int ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_image img;
	uint64_t end = 0;
	uint8_t *phdrs;
	size_t bytes;
	enum elf_result r = elf_parse_header(&img, data, size, size);

	must(elf_result_text(r) != NULL);
	if (r != ELF_OK)
		return 0;
	bytes = (size_t)img.nr_phdrs * ELF_PHDR_BYTES;
	must(img.phdr_offset <= size && bytes <= size - img.phdr_offset);
	phdrs = malloc(bytes); /* exactly, so that the sanitizer sees one byte too many */
	must(phdrs != NULL);
	memcpy(phdrs, data + img.phdr_offset, bytes);
	r = elf_parse_segments(&img, phdrs, size, VA_END);
	free(phdrs);
	if (r != ELF_OK)
		return 0;
	must(img.nr_segments > 0 && img.nr_segments <= ELF_SEGMENTS_MAX);
	for (unsigned i = 0; i < img.nr_segments; i++) {
		const struct elf_segment *s = &img.segment[i];

		must(s->vaddr >= end && s->mem_bytes > 0 && s->file_bytes <= s->mem_bytes);
		must(s->vaddr < VA_END && s->mem_bytes <= VA_END - s->vaddr);
		must(s->offset <= size && s->file_bytes <= size - s->offset);
		must((s->vaddr - s->offset) % 4096 == 0);
		end = s->vaddr + s->mem_bytes;
	}
	must(img.low <= img.segment[0].vaddr && img.high >= end && img.low % 4096 == 0 && img.high % 4096 == 0);
	must(img.interp_bytes <= ELF_INTERP_MAX &&
	     (img.interp_bytes == 0 || img.interp_offset + img.interp_bytes <= size));
	must(img.align >= 4096 && (img.align & (img.align - 1)) == 0);
	return 0;
}
