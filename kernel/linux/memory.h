/* SPDX-License-Identifier: MIT */
/* memory.h - system calls on memory: see kernel/mm/vmspace.h for what they do. */
#ifndef CAY_KERNEL_LINUX_MEMORY_H
#define CAY_KERNEL_LINUX_MEMORY_H

#include <stdint.h>

long sys_mmap(uint64_t addr, uint64_t bytes, uint64_t prot, uint64_t flags, uint64_t fd, uint64_t offset);
long sys_munmap(uint64_t addr, uint64_t bytes);
long sys_mprotect(uint64_t addr, uint64_t bytes, uint64_t prot);
long sys_mremap(uint64_t old, uint64_t old_bytes, uint64_t new_bytes, uint64_t flags, uint64_t new_addr);
long sys_brk(uint64_t brk);
long sys_madvise(uint64_t addr, uint64_t bytes, int advice);
long sys_msync(uint64_t addr, uint64_t bytes, int flags);
long sys_mincore(uint64_t addr, uint64_t bytes, uint8_t *vec_user);
long sys_mlock(uint64_t addr, uint64_t bytes);
long sys_mlock2(uint64_t addr, uint64_t bytes, int flags);
long sys_munlock(uint64_t addr, uint64_t bytes);
long sys_mlockall(int flags);
long sys_munlockall(void);

#endif
