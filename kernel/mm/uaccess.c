/* SPDX-License-Identifier: MIT */
/* uaccess.c - see uaccess.h. The range check is here, once; arch_user_copy survives what the check cannot see. */
#include "kernel/mm/uaccess.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/linux/signal.h"
#include "kernel/mm/oom.h"
#include "kernel/mm/vmspace_priv.h"
#include "lib/string.h"

int copy_from_user(void *dst, const void *src_user, size_t bytes)
{
	if (bytes == 0)
		return 0;
	return user_range(src_user, bytes) && arch_user_copy(dst, src_user, bytes) == 0 ? 0 : -EFAULT;
}

int copy_to_user(void *dst_user, const void *src, size_t bytes)
{
	if (bytes == 0)
		return 0;
	return user_range(dst_user, bytes) && arch_user_copy(dst_user, src, bytes) == 0 ? 0 : -EFAULT;
}

int clear_user(void *dst_user, size_t bytes)
{
	if (bytes == 0)
		return 0;
	return user_range(dst_user, bytes) && arch_user_zero(dst_user, bytes) == 0 ? 0 : -EFAULT;
}

int copy_struct_from_user(void *dst, size_t dst_bytes, const void *src_user, size_t src_bytes)
{
	size_t known = MIN(dst_bytes, src_bytes);
	char tail[64];

	if (copy_from_user(dst, src_user, known) != 0)
		return -EFAULT;
	memset((char *)dst + known, 0, dst_bytes - known);
	for (size_t at = known, n; at < src_bytes; at += n) {
		n = MIN(src_bytes - at, sizeof(tail));
		if (copy_from_user(tail, (const char *)src_user + at, n) != 0)
			return -EFAULT;
		for (size_t i = 0; i < n; i++)
			if (tail[i] != 0)
				return -E2BIG;
	}
	return 0;
}

ssize_t strncpy_from_user(char *dst, const char *src_user, size_t size)
{
	size_t done = 0;

	/* In pieces that do not cross a page, so that a string that ends before unmapped memory is read whole; small
	 * ones, because most strings are paths of a few dozen bytes. */
	while (done < size) {
		const char *at = src_user + done;
		size_t n = MIN(MIN(size - done, (size_t)128), PAGE_SIZE - ((uint64_t)at & (PAGE_SIZE - 1)));
		const char *nul;

		if (copy_from_user(dst + done, at, n) != 0)
			return -EFAULT;
		nul = memchr(dst + done, '\0', n);
		if (nul != NULL)
			return nul - dst;
		done += n;
	}
	return -ENAMETOOLONG;
}

int peek_user_u32(uint32_t *dst, const void *src_user)
{
	return user_range(src_user, sizeof(*dst)) ? arch_user_peek32(dst, src_user) : -EFAULT;
}

int cmpxchg_user_u32(void *uaddr, uint32_t expect, uint32_t desired, uint32_t *old)
{
	if (!user_range(uaddr, sizeof(uint32_t)))
		return -EFAULT;
	return arch_user_cmpxchg32(uaddr, expect, desired, old);
}

/* The frame behind one page of the program, with the rights asked for; faults it in. 0, -EFAULT, or FAULT_AGAIN. */
static int page_for_device(struct vmspace *vs, uint64_t addr, bool for_write, pa_t *pa)
{
	struct area *a = fault_area(vs, addr);
	unsigned level;
	uint64_t *e, mask;
	int signo;

	if (a == NULL || (a->prot & (for_write ? PROT_WRITE : PROT_READ | PROT_WRITE | PROT_EXEC)) == 0)
		return -EFAULT;
	e = paging_find(vs->root, addr, &level);
	if (e == NULL || !(*e & PTE_P) || (for_write && !(*e & PTE_W))) {
		int code = fault_in(vs, a, addr, for_write, &signo);

		if (code == FAULT_AGAIN)
			return code;
		if (code != 0) {
			if (signo == SIGKILL) /* out of memory: as if the program had touched the page */
				signal_fault(signo, code, addr);
			return -EFAULT;
		}
		e = paging_find(vs->root, addr, &level);
	}
	mask = (1ull << PT_LEVEL_SHIFT(level)) - 1;
	*pa = PA((*e & PTE_ADDR & ~mask) + (page_down(addr) & mask));
	return 0;
}

int user_pin(const void *uaddr, size_t bytes, int for_write, struct phys_seg *segs, unsigned max_segs, size_t *covered)
{
	struct vmspace *vs = vmspace_current();
	uint64_t addr = (uint64_t)uaddr;
	unsigned nr = 0;
	size_t done = 0;

	*covered = 0;
	if (!user_range(uaddr, bytes))
		return -EFAULT;
	vmspace_lock(vs);
	while (done < bytes) {
		uint64_t at = addr + done, offset = at & (PAGE_SIZE - 1);
		uint32_t n = (uint32_t)MIN(bytes - done, PAGE_SIZE - offset);
		pa_t pa;
		int err = page_for_device(vs, at, for_write, &pa);

		if (err == FAULT_AGAIN) {
			vmspace_unlock(vs);
			oom_wait();
			vmspace_lock(vs);
			continue;
		}
		if (err != 0)
			break;
		if (nr > 0 && segs[nr - 1].pa.v + segs[nr - 1].bytes == pa.v + offset &&
		    segs[nr - 1].bytes < 1u << 30) {
			segs[nr - 1].bytes += n;
		} else if (nr < max_segs) {
			segs[nr++] = (struct phys_seg){.pa = PA(pa.v + offset), .bytes = n};
		} else {
			break;
		}
		if (pa_is_ram(pa))
			page_pin(pa);
		done += n;
	}
	vmspace_unlock(vs);
	*covered = done;
	return done == 0 && bytes != 0 ? -EFAULT : (int)nr;
}

void user_unpin(const struct phys_seg *segs, unsigned nr_segs)
{
	for (unsigned i = 0; i < nr_segs; i++) {
		uint64_t end = segs[i].pa.v + segs[i].bytes;

		for (uint64_t pa = page_down(segs[i].pa.v); pa < end; pa += PAGE_SIZE)
			if (pa_is_ram(PA(pa)))
				page_unpin(PA(pa));
	}
}
