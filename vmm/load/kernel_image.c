/* SPDX-License-Identifier: MIT */
#include "vmm/load/kernel_image.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "abi/layout.h"

static int bad(const char **why, const char *text)
{
	*why = text;
	return -ENOEXEC;
}

static int parse_segment(struct kernel_image *img, const Elf64_Phdr *ph, const char **why)
{
	struct kernel_segment *seg = &img->seg[img->nr_segs];
	uint64_t place = ph->p_vaddr - CAY_KERNEL_GVA, start = CAY_KERNEL_OFFSET(ph->p_vaddr);

	if (img->nr_segs == KERNEL_SEGMENTS_MAX)
		return bad(why, "too many segments");
	if (place >= CAY_KERNEL_SPAN || start >= CAY_KERNEL_MAX_BYTES || ph->p_memsz > CAY_KERNEL_MAX_BYTES - start ||
	    start % CAY_PAGE_BYTES != 0)
		return bad(why, "a segment lies outside the kernel's place");
	if (start < img->image_bytes)
		return bad(why, "segments overlap");
	if (ph->p_filesz > ph->p_memsz || ph->p_offset > img->bytes || ph->p_filesz > img->bytes - ph->p_offset)
		return bad(why, "a segment lies outside the file");
	*seg = (struct kernel_segment){
		.gva = ph->p_vaddr,
		.mem_bytes = ph->p_memsz,
		.file_offset = ph->p_offset,
		.file_bytes = ph->p_filesz,
		.write = (ph->p_flags & PF_W) != 0,
		.exec = (ph->p_flags & PF_X) != 0,
	};
	img->image_bytes = ALIGN_UP(start + ph->p_memsz, CAY_PAGE_BYTES);
	img->nr_segs++;
	return 0;
}

int kernel_image_parse(struct kernel_image *img, const void *data, size_t bytes, const char **why)
{
	Elf64_Ehdr eh;

	memset(img, 0, sizeof(*img));
	img->data = data;
	img->bytes = bytes;
	if (bytes < sizeof(eh))
		return bad(why, "too short for an ELF header");
	memcpy(&eh, data, sizeof(eh));
	if (memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 || eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_machine != EM_X86_64)
		return bad(why, "not an ELF image for x86-64");
	if (eh.e_phentsize != sizeof(Elf64_Phdr) || eh.e_phoff > bytes ||
	    (uint64_t)eh.e_phnum * sizeof(Elf64_Phdr) > bytes - eh.e_phoff)
		return bad(why, "its program headers lie outside the file");
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		Elf64_Phdr ph;
		int err;

		memcpy(&ph, (const uint8_t *)data + eh.e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type != PT_LOAD || ph.p_memsz == 0)
			continue;
		err = parse_segment(img, &ph, why);
		if (err != 0)
			return err;
	}
	if (eh.e_entry - CAY_KERNEL_GVA >= CAY_KERNEL_SPAN || CAY_KERNEL_OFFSET(eh.e_entry) >= img->image_bytes)
		return bad(why, "its entry point lies outside the image");
	img->entry_gva = eh.e_entry;
	return 0;
}

void kernel_image_copy(const struct kernel_image *img,
		       void (*put)(void *ctx, uint64_t offset, const void *src, uint64_t bytes), void *ctx)
{
	for (unsigned i = 0; i < img->nr_segs; i++)
		put(ctx, CAY_KERNEL_OFFSET(img->seg[i].gva), img->data + img->seg[i].file_offset,
		    img->seg[i].file_bytes);
}
