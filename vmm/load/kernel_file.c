/* SPDX-License-Identifier: MIT */
#include "vmm/load/kernel_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/layout.h"
#include "vmm/core/log.h"

static int map_file(const char *path, const void **data, size_t *bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0 || st.st_size == 0) {
		close(fd);
		return -ENOEXEC;
	}
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return -errno;
	*data = p;
	*bytes = (size_t)st.st_size;
	return 0;
}

int kernel_image_choose(struct kernel_image *img)
{
	const char *path = getenv("CAY_KERNEL");
	const void *data = kernel_blob;
	size_t bytes = (size_t)(kernel_blob_end - kernel_blob);
	const char *why;
	int err = path != NULL ? map_file(path, &data, &bytes) : 0;

	if (err != 0) {
		log_error("cannot read the kernel image %s that CAY_KERNEL names: %s", path, strerror(-err));
		return err;
	}
	err = kernel_image_parse(img, data, bytes, &why);
	if (err != 0)
		log_error("cannot use the kernel image%s%s: %s", path ? " " : "", path ? path : "", why);
	return err;
}

void kernel_image_put_away(const struct kernel_image *img)
{
	uintptr_t start = ALIGN_UP((uintptr_t)img->data, (uintptr_t)CAY_PAGE_BYTES);
	uintptr_t end = ALIGN_DOWN((uintptr_t)img->data + img->bytes, (uintptr_t)CAY_PAGE_BYTES);

	if (start < end)
		(void)madvise((void *)start, end - start, MADV_DONTNEED);
}
