/* SPDX-License-Identifier: MIT */
/*
 * elf.h - reads the headers of an ELF program for x86-64 (System V ABI; gABI chapter 5). Pure: looks at bytes it is
 * given, believes none of them. What elf_parse_* accepted can be mapped without further checks: segments ascend in
 * memory without overlap, lie in the lower half, their file parts lie inside the file, and file offset and address
 * agree modulo 4096.
 */
#ifndef CAY_LIB_ELF_H
#define CAY_LIB_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

enum elf_result {
	ELF_OK = 0,
	ELF_NOT_ELF,     /* no magic */
	ELF_TRUNCATED,   /* something lies beyond the end of the file */
	ELF_WRONG_CLASS, /* 32 bits */
	ELF_WRONG_ARCH,  /* other machine, byte order or system */
	ELF_NOT_PROGRAM, /* object file, core dump */
	ELF_BAD_HEADER,  /* sizes or versions that cannot be */
	ELF_BAD_SEGMENT, /* sizes, alignment or addresses that cannot be */
	ELF_OVERLAP,     /* segments overlap or do not ascend */
	ELF_NO_SEGMENTS, /* nothing to load */
	ELF_TOO_MANY,    /* more segments or headers than anybody needs */
	ELF_BAD_INTERP,  /* PT_INTERP too long, empty, or more than one */
};
/* A few words for the user: "truncated", "not an x86-64 program". */
const char *elf_result_text(enum elf_result r);

#define ELF_SEGMENTS_MAX 64
#define ELF_PHDRS_MAX    512
#define ELF_PHDR_BYTES   56
#define ELF_HEADER_BYTES 64
#define ELF_INTERP_MAX   4096

struct elf_segment {
	uint64_t vaddr, mem_bytes;
	uint64_t offset, file_bytes; /* file_bytes <= mem_bytes */
	bool read, write, exec;
};

struct elf_image {
	bool position_independent; /* ET_DYN */
	uint64_t entry;
	uint64_t phdr_offset; /* in the file */
	unsigned nr_phdrs;
	/* from elf_parse_segments: */
	uint64_t phdr_vaddr;                  /* for AT_PHDR; 0 when the table is not in a segment */
	uint64_t low, high;                   /* bounds of all segments, low rounded down and high up to pages */
	uint64_t align;                       /* largest p_align, a power of two >= 4096, at most 1 GiB */
	uint64_t interp_offset, interp_bytes; /* interp_bytes 0: none. NUL included */
	bool exec_stack;                      /* PT_GNU_STACK asks for it, or is not there */
	unsigned nr_segments;
	struct elf_segment segment[ELF_SEGMENTS_MAX];
};

/* The file header; `bytes` of the start of a file that has file_bytes. Fills the first group of fields. */
MUST_CHECK enum elf_result elf_parse_header(struct elf_image *img, const void *head, size_t bytes, uint64_t file_bytes);

/* The program headers: phdrs holds the nr_phdrs * ELF_PHDR_BYTES bytes at phdr_offset. Fills the rest. va_end: end of
 * usable addresses. */
MUST_CHECK enum elf_result elf_parse_segments(struct elf_image *img, const void *phdrs, uint64_t file_bytes,
					      uint64_t va_end);

#endif
