/* SPDX-License-Identifier: MIT */
/* elf_text.h - the executable sections of a program file, for tests that decode real code. */
#ifndef CAY_TESTS_UNIT_ELF_TEXT_H
#define CAY_TESTS_UNIT_ELF_TEXT_H

#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct elf_file {
	uint8_t *bytes; /* NULL: there is no such file here */
	size_t size;
};

static inline struct elf_file elf_open(const char *path)
{
	struct elf_file f = {NULL, 0};
	struct stat st;
	int fd = open(path, O_RDONLY);

	if (fd >= 0 && fstat(fd, &st) == 0) {
		void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

		if (p != MAP_FAILED)
			f = (struct elf_file){p, (size_t)st.st_size};
	}
	if (fd >= 0)
		close(fd);
	return f;
}

static inline void elf_close(struct elf_file f)
{
	munmap(f.bytes, f.size);
}

/* Section i when it is code, else NULL; *nr = number of sections. */
static inline const Elf64_Shdr *elf_text(struct elf_file f, unsigned i, unsigned *nr)
{
	const Elf64_Ehdr *eh = (const void *)f.bytes;
	const Elf64_Shdr *sh = (const void *)(f.bytes + eh->e_shoff);

	*nr = eh->e_shnum;
	return i < *nr && sh[i].sh_type == SHT_PROGBITS && (sh[i].sh_flags & SHF_EXECINSTR) ? &sh[i] : NULL;
}

#endif
