/* SPDX-License-Identifier: MIT */
/*
 * host.h - host system calls, inline: the filter allows them from the stub's text only. Each returns -errno on failure.
 * Structures and numbers are those of the kernel's own headers; there is no C library here.
 */
#ifndef CAY_VMM_BACKEND_PROCESS_STUB_HOST_H
#define CAY_VMM_BACKEND_PROCESS_STUB_HOST_H

#include <asm/unistd_64.h>
#include <linux/mman.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef CAY_UNIT_TEST /* the test is the host */
long host_call(long nr, long a, long b, long c, long d, long e, long f);
#else
static inline long host_call(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}
#endif

#define HOST_CALL6(name, a, b, c, d, e, f)                                                                             \
	host_call(__NR_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define HOST_CALL4(name, a, b, c, d) HOST_CALL6(name, a, b, c, d, 0, 0)
#define HOST_CALL3(name, a, b, c)    HOST_CALL4(name, a, b, c, 0)
#define HOST_CALL2(name, a, b)       HOST_CALL3(name, a, b, 0)
#define HOST_CALL1(name, a)          HOST_CALL2(name, a, 0)

/* Ends the guest's process: the VMM sees it and says so. The code tells which step of the start failed. */
static inline _Noreturn void host_exit(int code)
{
	for (;;)
		HOST_CALL1(exit_group, code);
}

/* The page-granular address space of this process. */
static inline long host_mmap(uint64_t va, uint64_t bytes, int prot, int flags, int fd, uint64_t offset)
{
	return HOST_CALL6(mmap, va, bytes, prot, flags, fd, offset);
}

static inline bool is_error(long ret)
{
	return ret < 0 && ret > -4096;
}

/* Zero pages of this process alone: the filter lets nothing anonymous be shared or be writable at once. */
static inline long host_map_private(uint64_t va, uint64_t bytes, int prot)
{
	long err = host_mmap(va, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);

	return is_error(err) ? err : HOST_CALL3(mprotect, va, bytes, prot);
}

static inline long host_munmap(uint64_t va, uint64_t bytes)
{
	return HOST_CALL2(munmap, va, bytes);
}

#endif
