/* SPDX-License-Identifier: MIT */
/* memory.c - system calls on memory: arguments are checked and taken apart here, the work is in kernel/mm. None needs
 * the kernel lock; mmap takes it when there is a file. */
#define _GNU_SOURCE
#include "kernel/linux/memory.h"

#include <errno.h>
#include <linux/mman.h>
#include <sys/mman.h>

#include "kernel/fs/file.h"
#include "kernel/fs/memfd.h"
#include "kernel/mm/uaccess.h"
#include "kernel/mm/vmspace.h"
#include "kernel/sched/klock.h"
#include "lib/compiler.h"

/* What MAP_SHARED_VALIDATE lets pass. */
#define MAP_KNOWN                                                                                                      \
	(MAP_TYPE | MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE | \
	 MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_32BIT | MAP_HUGETLB)

/* Kernel lock. */
static long map_file(uint64_t addr, uint64_t bytes, int prot, int flags, int fd, uint64_t offset)
{
	struct file *f = NULL;
	long ret;

	if (!(flags & MAP_ANONYMOUS)) {
		f = fd_get(fd);
		if (f == NULL)
			return -EBADF;
	} else if (bytes != 0 && bytes <= CAY_USER_END) {
		f = memfd_shared_memory(ALIGN_UP(bytes, PAGE_SIZE), "/dev/zero (deleted)");
		if (f == NULL)
			return -ENOMEM;
		offset = 0;
	}
	ret = vmspace_map(vmspace_current(), addr, bytes, prot, flags, f, f ? offset : 0);
	if (f != NULL)
		file_put(f);
	return ret;
}

long sys_mmap(uint64_t addr, uint64_t bytes, uint64_t prot, uint64_t flags, uint64_t fd, uint64_t offset)
{
	bool entered;
	long ret;

	switch (flags & MAP_TYPE) {
	case MAP_SHARED_VALIDATE:
		if (flags & ~(uint64_t)MAP_KNOWN)
			return -EOPNOTSUPP;
		break;
	case MAP_SHARED:
	case MAP_PRIVATE:
		break;
	default:
		return -EINVAL;
	}
	if (offset & (PAGE_SIZE - 1))
		return -EINVAL;
	if (flags & MAP_HUGETLB)
		return flags & MAP_ANONYMOUS ? -ENOMEM
					     : -EINVAL; /* the pool of such pages is empty, as by default on Linux */
	if ((flags & MAP_ANONYMOUS) && (flags & MAP_TYPE) == MAP_PRIVATE)
		return vmspace_map(vmspace_current(), addr, bytes, (int)prot, (int)flags, NULL, 0);
	entered = kernel_enter(); /* for the file */
	ret = map_file(addr, bytes, (int)prot, (int)flags, (int)fd, offset);
	if (entered)
		kernel_leave();
	return ret;
}

long sys_munmap(uint64_t addr, uint64_t bytes)
{
	return vmspace_unmap(vmspace_current(), addr, bytes);
}

long sys_mprotect(uint64_t addr, uint64_t bytes, uint64_t prot)
{
	if (prot & ~(uint64_t)(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | PROT_GROWSDOWN))
		return -EINVAL; /* PROT_GROWSUP: no stack does */
	return vmspace_protect(vmspace_current(), addr, bytes, (int)prot);
}

long sys_mremap(uint64_t old, uint64_t old_bytes, uint64_t new_bytes, uint64_t flags, uint64_t new_addr)
{
	return vmspace_remap(vmspace_current(), old, old_bytes, new_bytes, (int)flags, new_addr);
}

long sys_brk(uint64_t brk)
{
	return (long)vmspace_brk(vmspace_current(), brk);
}

long sys_madvise(uint64_t addr, uint64_t bytes, int advice)
{
	return vmspace_advise(vmspace_current(), addr, bytes, advice);
}

long sys_msync(uint64_t addr, uint64_t bytes, int flags)
{
	return vmspace_sync(vmspace_current(), addr, bytes, flags);
}

long sys_mincore(uint64_t addr, uint64_t bytes, uint8_t *vec_user)
{
	uint64_t pages = bytes / PAGE_SIZE + (bytes % PAGE_SIZE != 0);

	if (addr & (PAGE_SIZE - 1))
		return -EINVAL;
	if (addr > CAY_USER_END || bytes > CAY_USER_END - addr)
		return -ENOMEM;
	while (pages > 0) {
		uint8_t vec[256];
		size_t n = MIN(pages, sizeof(vec));
		int err = vmspace_resident(vmspace_current(), addr, n, vec);

		if (err == 0)
			err = copy_to_user(vec_user, vec, n);
		if (err != 0)
			return err;
		addr += n * PAGE_SIZE;
		vec_user += n;
		pages -= n;
	}
	return 0;
}

long sys_mlock(uint64_t addr, uint64_t bytes)
{
	return vmspace_lock_range(vmspace_current(), addr, bytes, true, false);
}

long sys_mlock2(uint64_t addr, uint64_t bytes, int flags)
{
	if (flags & ~MLOCK_ONFAULT)
		return -EINVAL;
	return vmspace_lock_range(vmspace_current(), addr, bytes, true, flags & MLOCK_ONFAULT);
}

long sys_munlock(uint64_t addr, uint64_t bytes)
{
	return vmspace_lock_range(vmspace_current(), addr, bytes, false, false);
}

long sys_mlockall(int flags)
{
	return flags == 0 ? -EINVAL : vmspace_lock_all(vmspace_current(), flags);
}

long sys_munlockall(void)
{
	return vmspace_lock_all(vmspace_current(), 0);
}
