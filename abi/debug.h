/* SPDX-License-Identifier: MIT */
/*
 * debug.h - how a stopped program is shown to the debugger in the VMM (--gdb). The kernel fills this record and makes
 * the gate call CAY_GATE_DEBUG with its GPA; the VMM stores a request in it and lets the call return; the kernel
 * carries the request out and calls again, until the request is RESUME. So breakpoints (int3 written into memory) and
 * steps (the trap flag) need nothing of the backend, and memory is read with the kernel's own page faults.
 */
#ifndef CAY_ABI_DEBUG_H
#define CAY_ABI_DEBUG_H

#include <stdint.h>

enum cay_debug_request {
	CAY_DEBUG_RESUME = 1, /* registers back from `regs`; the trap flag in rflags makes it a step */
	CAY_DEBUG_READ = 2,   /* `bytes` at program address `addr` to `data`; result = bytes that could be read */
	CAY_DEBUG_WRITE = 3,  /* the reverse, whatever the page's protection; result = 0 or -errno */
	CAY_DEBUG_SELECT = 4, /* registers of thread `addr` to `other`; result = 0 or -errno */
};

#define CAY_DEBUG_DATA_BYTES 1024
#define CAY_DEBUG_AUXV_BYTES 512
#define CAY_DEBUG_TIDS       64

struct cay_debug_regs {
	uint64_t gpr[16]; /* rax rbx rcx rdx rsi rdi rbp rsp r8-r15: gdb's order */
	uint64_t rip, rflags;
	uint64_t fs_base;
	uint64_t reserved;
};

struct cay_debug {
	/* written by the kernel */
	struct cay_debug_regs regs; /* and by the VMM before RESUME */
	int32_t signo;              /* why it stopped: Linux signal number */
	uint32_t auxv_bytes;
	int64_t result; /* of the request before */
	uint32_t tid;   /* the thread that stopped */
	uint32_t nr_tids;
	uint32_t tids[CAY_DEBUG_TIDS]; /* all threads of its process, as many as fit */
	struct cay_debug_regs other;   /* SELECT: read-only; rbx, rbp and r12-r15 are not known in a system call */
	/* written by the VMM */
	uint32_t request; /* enum cay_debug_request */
	uint64_t addr;
	uint32_t bytes;  /* at most CAY_DEBUG_DATA_BYTES */
	int32_t deliver; /* RESUME: signal that the program gets, 0 = none (that of the stop is swallowed) */
	uint8_t data[CAY_DEBUG_DATA_BYTES];
	uint8_t auxv[CAY_DEBUG_AUXV_BYTES]; /* of the program, as on its stack */
};

_Static_assert(sizeof(struct cay_debug) <= 4096, "one page");

#endif
