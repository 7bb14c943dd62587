/* SPDX-License-Identifier: MIT */
/*
 * gmem.c - guest RAM is private anonymous memory, because that is what gets huge pages on an ordinary host: for a memfd
 * /sys/kernel/mm/transparent_hugepage/shmem_enabled is `never` by default, and 4 KiB pages cost the guest ten times as
 * much at first touch. A guest in another process needs a memfd, and pays for it.
 */
#include "vmm/core/gmem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/layout.h"

/*
 * What is touched at once, because a page that is missing costs the guest 20 us: queues and the first page tables; the
 * kernel's image and what it allocates first. The latter are one huge page (50 us, 180 if its memory is in no cache),
 * wherever the host has them: 288 small ones take 400.
 */
#define POPULATE_LOW_BYTES    (192u << 10)
#define POPULATE_KERNEL_BYTES (1280u << 10)

/* Its size cannot be changed by whoever gets the descriptor: a smaller one would be our SIGBUS. */
static int create_shared(struct gmem *gm, uint64_t bytes)
{
	void *hva;
	int err;

	gm->fd = memfd_create("cay-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (gm->fd < 0)
		return -errno;
	if (ftruncate(gm->fd, (off_t)bytes) != 0 ||
	    fcntl(gm->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
		goto err_close;
	hva = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, gm->fd, 0);
	if (hva == MAP_FAILED)
		goto err_close;
	gm->hva = hva;
	gm->bytes = bytes;
	(void)madvise(gm->hva, bytes, MADV_DONTDUMP);
	return 0;

err_close:
	err = -errno;
	close(gm->fd);
	gm->fd = -1;
	return err;
}

static int create_private(struct gmem *gm, uint64_t bytes)
{
	/* Aligned to a huge page: address space for one more than needed, then the ends are cut off. */
	uint64_t span = bytes + CAY_HUGE_BYTES;
	uint8_t *raw = mmap(NULL, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *end;

	if (raw == MAP_FAILED)
		return -errno;
	gm->hva = (uint8_t *)ALIGN_UP((uintptr_t)raw, CAY_HUGE_BYTES);
	gm->bytes = bytes;
	end = gm->hva + bytes;
	if (gm->hva > raw)
		munmap(raw, (size_t)(gm->hva - raw));
	if (end < raw + span)
		munmap(end, (size_t)(raw + span - end));
	/* Advice only: without huge pages everything works, slower. Not in core dumps: it is the guest's. */
	if (bytes > GMEM_SMALL_BYTES)
		(void)madvise(gm->hva + GMEM_SMALL_BYTES, bytes - GMEM_SMALL_BYTES, MADV_HUGEPAGE);
	(void)madvise(gm->hva, bytes, MADV_DONTDUMP);
	return 0;
}

int gmem_create(struct gmem *gm, uint64_t bytes, bool shared)
{
	gm->fd = -1;
	return shared ? create_shared(gm, bytes) : create_private(gm, bytes);
}

void gmem_populate(struct gmem *gm, uint64_t gpa, uint64_t bytes)
{
	(void)madvise(gm->hva + gpa, bytes, MADV_POPULATE_WRITE);
}

/* A file's pages cost less than half when they are not mapped here at once; most of them never are. */
static void make_pages(struct gmem *gm, uint64_t gpa, uint64_t bytes)
{
	if (gm->fd < 0 || fallocate(gm->fd, 0, (off_t)gpa, (off_t)bytes) != 0)
		gmem_populate(gm, gpa, bytes);
}

void gmem_populate_start(struct gmem *gm)
{
	make_pages(gm, CAY_KERNEL_GPA, POPULATE_KERNEL_BYTES);
	make_pages(gm, CAY_SYS_GPA, CAY_VCPU_GPA + CAY_PAGE_BYTES - CAY_SYS_GPA);
	make_pages(gm, CAY_LOW_GPA, POPULATE_LOW_BYTES);
}

void gmem_put(struct gmem *gm, uint64_t gpa, const void *src, uint64_t bytes)
{
	ssize_t done = gm->fd < 0 ? 0 : pwrite(gm->fd, src, bytes, (off_t)gpa);

	if (done < 0)
		done = 0;
	memcpy(gm->hva + gpa + done, (const uint8_t *)src + done, bytes - (size_t)done);
}

int gmem_free_range(struct gmem *gm, uint64_t gpa, uint64_t bytes)
{
	return madvise(gm->hva + gpa, bytes, gm->fd >= 0 ? MADV_REMOVE : MADV_DONTNEED) == 0 ? 0 : -errno;
}

void gmem_destroy(struct gmem *gm)
{
	if (gm->hva != NULL)
		munmap(gm->hva, gm->bytes);
	gm->hva = NULL;
	if (gm->fd >= 0)
		close(gm->fd);
	gm->fd = -1;
}
