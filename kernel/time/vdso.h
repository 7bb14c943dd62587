/* SPDX-License-Identifier: MIT */
/* vdso.h - the shared object that lets a program read the clock without a system call. */
#ifndef CAY_KERNEL_TIME_VDSO_H
#define CAY_KERNEL_TIME_VDSO_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

struct vmspace;

/* Where sigreturn.S lies in the vDSO: kernel/time/vdso/vdso.lds. */
#define VDSO_SIGRETURN_OFFSET 0x800

/*
 * Maps the vDSO into vs, with its data page (the vCPU page, read-only) before it. *base: address of its ELF header, for
 * AT_SYSINFO_EHDR. 0, or -ENOMEM: the program can do without. Thread context.
 */
MUST_CHECK int vdso_map(struct vmspace *vs, uint64_t *base);

/* Can the current program still return from a signal handler through the vDSO that was mapped at base (0: none)?
 * Programs may unmap it: valgrind does. Thread context. */
bool vdso_is_mapped(uint64_t base);

#endif
