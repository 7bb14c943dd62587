/* SPDX-License-Identifier: MIT */
/* elf.c - see elf.h. Each header is copied before it is looked at, because the input need not be aligned. */
#include "lib/elf.h"

#include <elf.h>

#include "lib/string.h"

#define PAGE 4096ull

_Static_assert(sizeof(Elf64_Phdr) == ELF_PHDR_BYTES && sizeof(Elf64_Ehdr) == ELF_HEADER_BYTES, "sizes in elf.h");

const char *elf_result_text(enum elf_result r)
{
	static const char *const text[] = {
		[ELF_OK] = "fine",
		[ELF_NOT_ELF] = "not a program (neither ELF nor a script)",
		[ELF_TRUNCATED] = "truncated: parts of the program lie beyond the end of the file",
		[ELF_WRONG_CLASS] = "not an x86-64 program: it is for 32 bits",
		[ELF_WRONG_ARCH] = "not an x86-64 program",
		[ELF_NOT_PROGRAM] = "not a program but an object file or core dump",
		[ELF_BAD_HEADER] = "damaged: its ELF header makes no sense",
		[ELF_BAD_SEGMENT] = "damaged: a segment has an impossible size or address",
		[ELF_OVERLAP] = "damaged: its segments overlap",
		[ELF_NO_SEGMENTS] = "damaged: it has nothing to load",
		[ELF_TOO_MANY] = "damaged: it has too many segments",
		[ELF_BAD_INTERP] = "damaged: the name of its interpreter makes no sense",
	};

	return (size_t)r < ARRAY_SIZE(text) && text[r] ? text[r] : "unknown error";
}

static bool in_file(uint64_t offset, uint64_t bytes, uint64_t file_bytes)
{
	return offset <= file_bytes && bytes <= file_bytes - offset;
}

enum elf_result elf_parse_header(struct elf_image *img, const void *head, size_t bytes, uint64_t file_bytes)
{
	Elf64_Ehdr eh;

	memset(img, 0, sizeof(*img));
	if (bytes < SELFMAG || memcmp(head, ELFMAG, SELFMAG) != 0)
		return ELF_NOT_ELF;
	if (bytes < sizeof(eh) || file_bytes < sizeof(eh))
		return ELF_TRUNCATED;
	memcpy(&eh, head, sizeof(eh));
	if (eh.e_ident[EI_DATA] != ELFDATA2LSB)
		return ELF_WRONG_ARCH;
	if (eh.e_ident[EI_CLASS] != ELFCLASS64)
		return eh.e_ident[EI_CLASS] == ELFCLASS32 ? ELF_WRONG_CLASS : ELF_BAD_HEADER;
	if (eh.e_machine != EM_X86_64)
		return ELF_WRONG_ARCH;
	if (eh.e_type != ET_EXEC && eh.e_type != ET_DYN)
		return eh.e_type == ET_REL || eh.e_type == ET_CORE ? ELF_NOT_PROGRAM : ELF_BAD_HEADER;
	if (eh.e_ident[EI_VERSION] != EV_CURRENT || eh.e_version != EV_CURRENT || eh.e_phentsize != sizeof(Elf64_Phdr))
		return ELF_BAD_HEADER;
	if (eh.e_phnum == 0)
		return ELF_NO_SEGMENTS;
	if (eh.e_phnum > ELF_PHDRS_MAX)
		return ELF_TOO_MANY;
	if (!in_file(eh.e_phoff, (uint64_t)eh.e_phnum * sizeof(Elf64_Phdr), file_bytes))
		return ELF_TRUNCATED;
	img->position_independent = eh.e_type == ET_DYN;
	img->entry = eh.e_entry;
	img->phdr_offset = eh.e_phoff;
	img->nr_phdrs = eh.e_phnum;
	return ELF_OK;
}

static enum elf_result add_segment(struct elf_image *img, const Elf64_Phdr *ph, uint64_t file_bytes, uint64_t va_end)
{
	struct elf_segment *s = &img->segment[img->nr_segments];
	uint64_t prev_end = 0;

	if (ph->p_memsz == 0)
		return ELF_OK;
	if (img->nr_segments == ELF_SEGMENTS_MAX)
		return ELF_TOO_MANY;
	if (ph->p_filesz > ph->p_memsz || ph->p_vaddr >= va_end || ph->p_memsz > va_end - ph->p_vaddr ||
	    (ph->p_vaddr - ph->p_offset) % PAGE != 0)
		return ELF_BAD_SEGMENT;
	/* The linker asks for alignment in powers of two, and nobody for more than a huge page of the largest kind. */
	if ((ph->p_align & (ph->p_align - 1)) != 0 || ph->p_align > 1ull << 30)
		return ELF_BAD_SEGMENT;
	if (!in_file(ph->p_offset, ph->p_filesz, file_bytes))
		return ELF_TRUNCATED;
	if (img->nr_segments > 0)
		prev_end = s[-1].vaddr + s[-1].mem_bytes;
	if (ph->p_vaddr < prev_end)
		return ELF_OVERLAP;
	*s = (struct elf_segment){
		.vaddr = ph->p_vaddr,
		.mem_bytes = ph->p_memsz,
		.offset = ph->p_offset,
		.file_bytes = ph->p_filesz,
		.read = ph->p_flags & PF_R,
		.write = ph->p_flags & PF_W,
		.exec = ph->p_flags & PF_X,
	};
	img->nr_segments++;
	img->align = MAX(img->align, ph->p_align);
	/* Where the program headers are in memory: they are where a segment's file part says. */
	if (img->phdr_offset >= ph->p_offset &&
	    in_file(img->phdr_offset - ph->p_offset, (uint64_t)img->nr_phdrs * sizeof(Elf64_Phdr), ph->p_filesz))
		img->phdr_vaddr = ph->p_vaddr + (img->phdr_offset - ph->p_offset);
	return ELF_OK;
}

static enum elf_result add_interp(struct elf_image *img, const Elf64_Phdr *ph, uint64_t file_bytes)
{
	if (img->interp_bytes != 0 || ph->p_filesz < 2 || ph->p_filesz > ELF_INTERP_MAX)
		return ELF_BAD_INTERP;
	if (!in_file(ph->p_offset, ph->p_filesz, file_bytes))
		return ELF_TRUNCATED;
	img->interp_offset = ph->p_offset;
	img->interp_bytes = ph->p_filesz;
	return ELF_OK;
}

enum elf_result elf_parse_segments(struct elf_image *img, const void *phdrs, uint64_t file_bytes, uint64_t va_end)
{
	const struct elf_segment *last;

	img->align = PAGE;
	img->exec_stack = true;
	for (unsigned i = 0; i < img->nr_phdrs; i++) {
		enum elf_result r = ELF_OK;
		Elf64_Phdr ph;

		memcpy(&ph, (const char *)phdrs + i * sizeof(ph), sizeof(ph));
		if (ph.p_type == PT_LOAD)
			r = add_segment(img, &ph, file_bytes, va_end);
		else if (ph.p_type == PT_INTERP)
			r = add_interp(img, &ph, file_bytes);
		else if (ph.p_type == PT_GNU_STACK)
			img->exec_stack = ph.p_flags & PF_X;
		if (r != ELF_OK)
			return r;
	}
	if (img->nr_segments == 0)
		return ELF_NO_SEGMENTS;
	last = &img->segment[img->nr_segments - 1];
	img->low = ALIGN_DOWN(img->segment[0].vaddr, PAGE);
	img->high = ALIGN_UP(last->vaddr + last->mem_bytes, PAGE);
	return ELF_OK;
}
