/* SPDX-License-Identifier: MIT */
/* raw_syscall.h - a system call without libc: for code that has none, or that shares its errno with another process. */
#ifndef CAY_VMM_USERNET_RAW_SYSCALL_H
#define CAY_VMM_USERNET_RAW_SYSCALL_H

static inline long raw_syscall(long nr, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return ret;
}

#endif
