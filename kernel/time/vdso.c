/* SPDX-License-Identifier: MIT */
/* vdso.c - shows the vDSO as a file whose page 0 is the vCPU page and whose further pages are the image, so that it
 * maps as any file. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "abi/layout.h"
#include "kernel/fs/file.h"
#include "kernel/mm/page.h"
#include "kernel/mm/uaccess.h"
#include "kernel/mm/vmspace.h"
#include "kernel/plat/cay/gpa.h"
#include "kernel/time/vdso.h"

extern const char vdso_image_start[], vdso_image_end[];

static size_t nr_image_pages(void)
{
	return (size_t)(vdso_image_end - vdso_image_start) / PAGE_SIZE;
}

static int vdso_file_map(struct file *f, uint64_t pgoff, size_t nr, bool write, struct page_run *run)
{
	(void)f;
	if (write)
		return -EACCES;
	if (nr == 0 || pgoff > nr_image_pages())
		return -ENXIO;
	/* Neither is the page allocator's to count or free. */
	*run = (struct page_run){.pa = PA(CAY_VCPU_GPA), .nr = 1};
	if (pgoff > 0) {
		run->pa = PA(kernel_gpa(vdso_image_start) + (pgoff - 1) * PAGE_SIZE);
		run->nr = MIN(nr, nr_image_pages() + 1 - pgoff);
	}
	return 0;
}

static const struct file_ops vdso_file_ops = {.map = vdso_file_map};

static struct file *vdso_file;

int vdso_map(struct vmspace *vs, uint64_t *base)
{
	size_t bytes = nr_image_pages() * PAGE_SIZE;
	int64_t addr;
	int err;

	if (vdso_file == NULL)
		vdso_file = file_anon(&vdso_file_ops, NULL, FILE_READ, 0, "[vdso]", S_IFREG | 0555);
	if (vdso_file == NULL)
		return -ENOMEM;
	addr = vmspace_map(vs, 0, PAGE_SIZE + bytes, PROT_READ, MAP_PRIVATE, vdso_file, 0);
	if (addr < 0)
		return -ENOMEM;
	err = vmspace_protect(vs, (uint64_t)addr + PAGE_SIZE, bytes, PROT_READ | PROT_EXEC);
	if (err != 0) {
		(void)vmspace_unmap(vs, (uint64_t)addr, PAGE_SIZE + bytes);
		return -ENOMEM;
	}
	vmspace_name(vs, (uint64_t)addr, "[vvar]");
	vmspace_name(vs, (uint64_t)addr + PAGE_SIZE, "[vdso]");
	*base = (uint64_t)addr + PAGE_SIZE;
	return 0;
}

bool vdso_is_mapped(uint64_t base)
{
	uint64_t ours, theirs;

	if (base == 0)
		return false;
	memcpy(&ours, vdso_image_start + VDSO_SIGRETURN_OFFSET, sizeof(ours));
	return get_user_u64(&theirs, (const void *)(base + VDSO_SIGRETURN_OFFSET)) == 0 && theirs == ours;
}
