/* SPDX-License-Identifier: MIT */
/* gmem.c - guest RAM is one memfd, so that a second process (the process backend) can map the same memory. */
#include "vmm/core/gmem.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/layout.h"

int gmem_create(struct gmem *gm, uint64_t bytes)
{
	/* Aligned to a huge page: address space for one more than needed, then the ends are cut off. */
	uint64_t span = bytes + CAY_HUGE_BYTES;
	uint8_t *raw;

	gm->memfd = memfd_create("cay-ram", MFD_CLOEXEC);
	if (gm->memfd < 0)
		return -errno;
	if (ftruncate(gm->memfd, (off_t)bytes) != 0)
		goto err_close;
	raw = mmap(NULL, span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (raw == MAP_FAILED)
		goto err_close;
	gm->hva = (uint8_t *)ALIGN_UP((uintptr_t)raw, CAY_HUGE_BYTES);
	gm->bytes = bytes;
	if (mmap(gm->hva, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, gm->memfd, 0) == MAP_FAILED) {
		munmap(raw, span);
		goto err_close;
	}
	if (gm->hva > raw)
		munmap(raw, (size_t)(gm->hva - raw));
	munmap(gm->hva + bytes, (size_t)(raw + span - (gm->hva + bytes)));
	/* Advice only: without huge pages everything works, slower. */
	(void)madvise(gm->hva, bytes, MADV_HUGEPAGE);
	return 0;

err_close:;
	int err = -errno;
	close(gm->memfd);
	gm->memfd = -1;
	return err;
}

void gmem_destroy(struct gmem *gm)
{
	if (gm->hva != NULL)
		munmap(gm->hva, gm->bytes);
	if (gm->memfd >= 0)
		close(gm->memfd);
	gm->hva = NULL;
	gm->memfd = -1;
}
