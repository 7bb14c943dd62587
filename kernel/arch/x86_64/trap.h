/* SPDX-License-Identifier: MIT */
/* trap.h - C side of the ways into the kernel; called from entry.S, but for syscalls_init. */
#ifndef CAY_KERNEL_ARCH_TRAP_H
#define CAY_KERNEL_ARCH_TRAP_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/arch/x86_64/frame.h"
#include "kernel/linux/sys.h"
#include "lib/compiler.h"

/* The table the dispatcher uses: syscall_table with its holes filled and, for --strace, everything led through it. */
extern syscall_fn syscall_live[SYSCALL_MAX];
extern const syscall_fn *syscall_full_calls;

void syscalls_init(void);
/* From now on every call asks seccomp_allows. Under the kernel lock. */
void syscalls_watch(void);

/* Serves the call in a full frame (orig_rax < SYSCALL_MAX). Returns its result. Kernel lock. */
long syscall_call_full(struct trapframe *f);

void syscall_trapped(struct trapframe *f);
/* For the dispatcher, now and then: makes the call and counts its CPU time (kernel/sched/system_time.h). */
long syscall_sampled(long a, long b, long c, long d, long e, long f);
void exit_work(struct trapframe *f);
void upcall_handler(struct trapframe *f);
NORETURN void upcall_in_kernel(uint64_t rip);
void exception_handler(struct trapframe *f, uint64_t vector, uint64_t error, uint64_t cr2);
/* misreported.c: was what came as #UD a general protection fault? */
bool trap_is_protection_fault(const struct trapframe *f);
/* The page of a mapped file that the program's instruction touches; 0: not known. May fault. */
uint64_t trap_file_address(const struct trapframe *f);

#endif
