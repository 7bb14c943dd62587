/* SPDX-License-Identifier: MIT */
/* futex_calls.h - the futex system calls, as functions (sys.h). */
#ifndef CAY_KERNEL_LINUX_FUTEX_CALLS_H
#define CAY_KERNEL_LINUX_FUTEX_CALLS_H

#include <stddef.h>
#include <stdint.h>

long sys_futex(void *uaddr, int op, uint32_t val, const void *utimeout, void *uaddr2, uint32_t val3);
long sys_futex_waitv(const void *uwaiters, unsigned nr, unsigned flags, const void *utimeout, int clockid);
long sys_set_robust_list(void *head, size_t len);
long sys_get_robust_list(int tid, void *uhead, void *ulen);

#endif
