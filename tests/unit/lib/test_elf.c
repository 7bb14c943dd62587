/* SPDX-License-Identifier: MIT */
/* test_elf.c - the ELF reader on this test's own file, and on damaged and absurd ones. */
#include "unit.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/elf.h"

#define VA_END     0x700000000000ull
#define FILE_BYTES 0x5000

/* A small program with `n` segments: text, data with bss, ... */
struct small {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[80];
} f;

static void fresh(void)
{
	memset(&f, 0, sizeof(f));
	memcpy(f.eh.e_ident, ELFMAG, SELFMAG);
	f.eh.e_ident[EI_CLASS] = ELFCLASS64;
	f.eh.e_ident[EI_DATA] = ELFDATA2LSB;
	f.eh.e_ident[EI_VERSION] = EV_CURRENT;
	f.eh.e_type = ET_EXEC;
	f.eh.e_machine = EM_X86_64;
	f.eh.e_version = EV_CURRENT;
	f.eh.e_entry = 0x401000;
	f.eh.e_phoff = sizeof(Elf64_Ehdr);
	f.eh.e_phentsize = sizeof(Elf64_Phdr);
	f.eh.e_phnum = 3;
	f.ph[0] = (Elf64_Phdr){.p_type = PT_LOAD,
			       .p_flags = PF_R | PF_X,
			       .p_vaddr = 0x400000,
			       .p_filesz = 0x2000,
			       .p_memsz = 0x2000,
			       .p_align = 0x1000};
	f.ph[1] = (Elf64_Phdr){.p_type = PT_LOAD,
			       .p_flags = PF_R | PF_W,
			       .p_offset = 0x2e00,
			       .p_vaddr = 0x403e00,
			       .p_filesz = 0x400,
			       .p_memsz = 0x9000,
			       .p_align = 0x1000};
	f.ph[2] = (Elf64_Phdr){.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W};
}

static enum elf_result parse(struct elf_image *img)
{
	enum elf_result r = elf_parse_header(img, &f, sizeof(f), FILE_BYTES);

	return r != ELF_OK ? r : elf_parse_segments(img, (char *)&f + f.eh.e_phoff, FILE_BYTES, VA_END);
}

static void test_good(void **state)
{
	struct elf_image img;

	(void)state;
	fresh();
	assert_int_equal(parse(&img), ELF_OK);
	assert_int_equal(img.nr_segments, 2);
	assert_int_equal(img.low, 0x400000);
	assert_int_equal(img.high, 0x40d000);
	assert_int_equal(img.phdr_vaddr, 0x400040);
	assert_int_equal(img.entry, 0x401000);
	assert_false(img.exec_stack);
	assert_false(img.position_independent);
	assert_true(img.segment[0].exec && !img.segment[0].write && img.segment[1].write && !img.segment[1].exec);
	f.eh.e_phnum = 2;
	assert_int_equal(parse(&img), ELF_OK);
	assert_true(img.exec_stack); /* not said: as Linux, the old way */
}

static void test_own_file(void **state)
{
	static char file[1 << 24];
	FILE *self = fopen("/proc/self/exe", "rb");
	size_t n = fread(file, 1, sizeof(file), self);
	struct elf_image img;

	(void)state;
	fclose(self);
	assert_int_equal(elf_parse_header(&img, file, n, n), ELF_OK);
	assert_int_equal(elf_parse_segments(&img, file + img.phdr_offset, n, VA_END), ELF_OK);
	assert_true(img.position_independent && img.nr_segments >= 2 && img.interp_bytes > 10 && !img.exec_stack);
	assert_string_equal(file + img.interp_offset, "/lib64/ld-linux-x86-64.so.2");
	/* cut anywhere: an error or a whole program, never more */
	for (size_t cut = 0; cut < n; cut += 97) {
		char *part = malloc(cut + 1);
		enum elf_result r;

		memcpy(part, file, cut);
		r = elf_parse_header(&img, part, cut, cut);
		if (r == ELF_OK)
			r = elf_parse_segments(&img, part + img.phdr_offset, cut, VA_END);
		if (r == ELF_OK)
			for (unsigned i = 0; i < img.nr_segments; i++)
				assert_true(img.segment[i].offset + img.segment[i].file_bytes <= cut);
		free(part);
	}
}

#define REFUSED(result, ...)                                                                                           \
	do {                                                                                                           \
		struct elf_image img_;                                                                                 \
		fresh();                                                                                               \
		__VA_ARGS__;                                                                                           \
		assert_int_equal(parse(&img_), result);                                                                \
	} while (0)

static void test_refused(void **state)
{
	struct elf_image img;

	(void)state;
	assert_int_equal(elf_parse_header(&img, "#!/bin/sh\n", 10, 10), ELF_NOT_ELF);
	assert_int_equal(elf_parse_header(&img, "", 0, 0), ELF_NOT_ELF);
	assert_int_equal(elf_parse_header(&img, ELFMAG, 4, 4), ELF_TRUNCATED);
	REFUSED(ELF_WRONG_CLASS, f.eh.e_ident[EI_CLASS] = ELFCLASS32);
	REFUSED(ELF_BAD_HEADER, f.eh.e_ident[EI_CLASS] = 7);
	REFUSED(ELF_WRONG_ARCH, f.eh.e_machine = EM_AARCH64);
	REFUSED(ELF_WRONG_ARCH, f.eh.e_ident[EI_DATA] = ELFDATA2MSB);
	REFUSED(ELF_NOT_PROGRAM, f.eh.e_type = ET_REL);
	REFUSED(ELF_NOT_PROGRAM, f.eh.e_type = ET_CORE);
	REFUSED(ELF_BAD_HEADER, f.eh.e_type = 0xfe00);
	REFUSED(ELF_BAD_HEADER, f.eh.e_phentsize = 32);
	REFUSED(ELF_BAD_HEADER, f.eh.e_version = 9);
	REFUSED(ELF_NO_SEGMENTS, f.eh.e_phnum = 0);
	REFUSED(ELF_NO_SEGMENTS, f.ph[0].p_type = f.ph[1].p_type = PT_NOTE);
	REFUSED(ELF_NO_SEGMENTS, f.ph[0].p_memsz = f.ph[1].p_memsz = f.ph[0].p_filesz = f.ph[1].p_filesz = 0);
	REFUSED(ELF_TOO_MANY, f.eh.e_phnum = 0xffff);
	REFUSED(ELF_TRUNCATED, f.eh.e_phoff = FILE_BYTES - 10);
	REFUSED(ELF_TRUNCATED, f.eh.e_phoff = UINT64_MAX - 10);
	REFUSED(ELF_TRUNCATED, f.ph[1].p_filesz = 0x8000);
	REFUSED(ELF_TRUNCATED, f.ph[1].p_offset = UINT64_MAX - 0x1ff);
	REFUSED(ELF_BAD_SEGMENT, f.ph[0].p_memsz = 0x1000);
	REFUSED(ELF_BAD_SEGMENT, f.ph[0].p_memsz = UINT64_MAX);
	REFUSED(ELF_BAD_SEGMENT, f.ph[0].p_vaddr = VA_END);
	REFUSED(ELF_BAD_SEGMENT, f.ph[0].p_vaddr = UINT64_MAX - 0xfff);
	REFUSED(ELF_BAD_SEGMENT, f.ph[1].p_memsz = VA_END);
	REFUSED(ELF_BAD_SEGMENT, f.ph[0].p_vaddr += 8);
	REFUSED(ELF_BAD_SEGMENT, f.ph[0].p_align = 3000);
	REFUSED(ELF_BAD_SEGMENT, f.ph[0].p_align = 1ull << 40);
	REFUSED(ELF_OVERLAP, f.ph[1].p_vaddr = 0x400e00);
	REFUSED(ELF_OVERLAP, f.ph[1].p_vaddr = 0x100e00);
	REFUSED(ELF_BAD_INTERP, f.ph[2] = (Elf64_Phdr){.p_type = PT_INTERP, .p_filesz = 1});
	REFUSED(ELF_BAD_INTERP, f.ph[2] = (Elf64_Phdr){.p_type = PT_INTERP, .p_filesz = 5000});
	REFUSED(ELF_TRUNCATED,
		f.ph[2] = (Elf64_Phdr){.p_type = PT_INTERP, .p_filesz = 50, .p_offset = FILE_BYTES - 49});
	fresh();
	f.eh.e_phnum = 70;
	for (unsigned i = 0; i < 70; i++)
		f.ph[i] = (Elf64_Phdr){.p_type = PT_LOAD, .p_vaddr = 0x400000 + i * 0x1000, .p_memsz = 0x1000};
	assert_int_equal(parse(&img), ELF_TOO_MANY);
	for (int r = 0; r < 20; r++)
		assert_true(strlen(elf_result_text((enum elf_result)r)) > 3);
}

/* Bits flipped at random: whatever is accepted can be mapped. */
static void test_flipped(void **state)
{
	(void)state;
	srand(9);
	for (int round = 0; round < 50000; round++) {
		struct elf_image img;
		uint64_t end = 0;

		fresh();
		for (int flips = rand() % 4; flips >= 0; flips--)
			((uint8_t *)&f)[(size_t)rand() % (64 + 3 * 56)] ^= (uint8_t)(1 << rand() % 8);
		if (elf_parse_header(&img, &f, sizeof(f), FILE_BYTES) != ELF_OK ||
		    img.phdr_offset + img.nr_phdrs * sizeof(Elf64_Phdr) > sizeof(f) ||
		    elf_parse_segments(&img, (char *)&f + img.phdr_offset, FILE_BYTES, VA_END) != ELF_OK)
			continue;
		for (unsigned i = 0; i < img.nr_segments; i++) {
			const struct elf_segment *s = &img.segment[i];

			assert_true(s->vaddr >= end && s->vaddr + s->mem_bytes <= VA_END &&
				    s->offset + s->file_bytes <= FILE_BYTES);
			end = s->vaddr + s->mem_bytes;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_own_file),
					   cmocka_unit_test(test_refused), cmocka_unit_test(test_flipped)};

	return RUN_TESTS(tests);
}
