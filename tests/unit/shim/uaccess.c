/* SPDX-License-Identifier: MIT */
/* uaccess.c - kernel/mm/uaccess.h on the host: "user" memory is the test's own, less a range that faults. */
#include <errno.h>
#include <string.h>

#include "kernel/mm/uaccess.h"
#include "shim.h"

static uint64_t fault_lo, fault_hi;

void shim_uaccess_fault_range(uint64_t lo, uint64_t hi)
{
	fault_lo = lo;
	fault_hi = hi;
}

static bool bad(const void *p, size_t bytes)
{
	uint64_t lo = (uint64_t)p, hi;

	if (__builtin_add_overflow(lo, bytes, &hi) || lo < CAY_USER_MIN || hi >> 47 != 0)
		return true;
	return lo < fault_hi && hi > fault_lo;
}

int copy_from_user(void *dst, const void *src_user, size_t bytes)
{
	if (bytes != 0 && bad(src_user, bytes))
		return -EFAULT;
	memcpy(dst, src_user, bytes);
	return 0;
}

int copy_to_user(void *dst_user, const void *src, size_t bytes)
{
	if (bytes != 0 && bad(dst_user, bytes))
		return -EFAULT;
	memcpy(dst_user, src, bytes);
	return 0;
}

int clear_user(void *dst_user, size_t bytes)
{
	if (bytes != 0 && bad(dst_user, bytes))
		return -EFAULT;
	memset(dst_user, 0, bytes);
	return 0;
}

ssize_t strncpy_from_user(char *dst, const char *src_user, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bad(src_user + i, 1))
			return -EFAULT;
		dst[i] = src_user[i];
		if (dst[i] == '\0')
			return (ssize_t)i;
	}
	return -ENAMETOOLONG;
}

int get_user_u32(uint32_t *dst, const void *src_user)
{
	return copy_from_user(dst, src_user, sizeof(*dst));
}

int get_user_u64(uint64_t *dst, const void *src_user)
{
	return copy_from_user(dst, src_user, sizeof(*dst));
}

int put_user_u32(void *dst_user, uint32_t v)
{
	return copy_to_user(dst_user, &v, sizeof(v));
}

int put_user_u64(void *dst_user, uint64_t v)
{
	return copy_to_user(dst_user, &v, sizeof(v));
}

int cmpxchg_user_u32(void *uaddr, uint32_t expect, uint32_t desired, uint32_t *old)
{
	if (bad(uaddr, 4))
		return -EFAULT;
	*old = expect;
	__atomic_compare_exchange_n((uint32_t *)uaddr, old, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return 0;
}
