/* SPDX-License-Identifier: MIT */
/*
 * shared.h - what the VMM and the stub in the guest's process share: inherited descriptors, the control page of each
 * vCPU, messages. The stub lives in the guest's address space, so the guest can write all of it: what comes from there
 * is a hint or a request, never a fact. What the VMM writes there is for the stub's use only.
 *
 * Host calls of the stub once the guest runs: filter.c, of the VMM, lists them with their arguments.
 */
#ifndef CAY_VMM_BACKEND_PROCESS_SHARED_H
#define CAY_VMM_BACKEND_PROCESS_SHARED_H

#include <linux/filter.h>
#include <stdint.h>

#include "abi/layout.h"

/* Of the guest's process; nothing else is open in it, but received files for the moment between receiving and mapping.
 */
enum {
	STUB_FD_DOORBELL =
		0,          /* eventfd of the VMM's I/O thread; came with the start message, so it is the lowest free */
	STUB_FD_SOCKET = 3, /* SOCK_SEQPACKET to the VMM */
	STUB_FD_RAM = 4,    /* memfd: guest RAM from GPA 0 */
	STUB_FD_CONTROL = 5, /* memfd: struct stub_control, one page per vCPU; closed before the guest runs */
	STUB_FD_PROGRAM = 6, /* memfd: the stub's ELF file; closed by exec */
	STUB_FD_END = 8,     /* RLIMIT_NOFILE */
};

/* Signals of the VMM to the guest's process. All others are blocked there, but those of the CPU's exceptions. */
#define STUB_SIGNAL_KICK 10 /* SIGUSR1: look at `pending` of the vCPU page */
/* SIGVTALRM, of a timer of the stub's own, each second of CPU time: ask STUB_REQ_HERE */
#define STUB_SIGNAL_HERE 26

enum stub_request {
	STUB_REQ_NONE = 0,
	STUB_REQ_GATE,    /* offset: what was stored to in the gate page */
	STUB_REQ_NO_PAGE, /* the host cannot give a page of a mapped file; detail = address */
	STUB_REQ_CRASH,   /* reason and detail */
	STUB_REQ_HERE,    /* is the VMM there? One that is stopped (SIGSTOP) does not answer, and so stops the guest */
};

enum stub_crash {
	STUB_CRASH_NOWHERE,    /* detail: a guest-physical address that does not exist */
	STUB_CRASH_GATE_WIDTH, /* detail: offset in the gate page, accessed otherwise than by a store of 4 bytes */
	STUB_CRASH_EXCEPTION,  /* the exception handler cannot be entered, or its entry faults; detail = vector */
	STUB_CRASH_DOORBELL,   /* detail: offset in the gate page of a doorbell that does not exist */
	STUB_CRASH_MEMORY,     /* the host refuses a mapping; detail = errno */
	STUB_CRASH_SIGNAL,     /* detail: a signal that has no meaning here */
};

struct stub_registers {
	uint64_t rip, rsp, rflags, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15, cr2, cr3;
};

/*
 * One page for each vCPU. request: set by the stub, which then waits on it until the VMM has stored STUB_REQ_NONE.
 * wake: the stub waits on it in the gate call WAIT; the VMM adds 1 and wakes.
 */
struct stub_control {
	uint32_t request; /* enum stub_request */
	uint32_t offset;
	uint32_t crash;  /* enum stub_crash */
	uint32_t unused; /* nobody wakes who waits on it */
	uint64_t detail;
	_Alignas(64) uint32_t wake;
	uint32_t window_changes; /* messages about the window sent so far: more than the stub has read = read them */
	uint32_t go; /* 1: enter the guest with rip, rsp and rdi of `regs`. The stub waits on it when all is ready */
	_Alignas(64) struct stub_registers regs; /* then of the last signal, for crash reports */
};

_Static_assert(sizeof(struct stub_control) <= 4096, "one page");

/* Where the stub has the control pages of all vCPUs: one may wake another. */
#define STUB_CONTROLS_GVA (CAY_STUB_GVA + CAY_STUB_BYTES)

/* The file behind STUB_FD_CONTROL: control pages, then the system call filter. */
struct stub_filter {
	uint64_t nr;
	struct sock_filter code[512]; /* GUEST_FILTER_MAX */
};
#define STUB_CONTROLS_BYTES     (CAY_VCPU_MAX * CAY_PAGE_BYTES)
#define STUB_FILTER_OFFSET      STUB_CONTROLS_BYTES
#define STUB_CONTROL_FILE_BYTES (STUB_FILTER_OFFSET + 2 * CAY_PAGE_BYTES)
_Static_assert(sizeof(struct stub_filter) <= 2 * CAY_PAGE_BYTES, "its place in the file");

/* Exit codes of a guest process that could not start: which step failed. */
enum stub_step {
	STUB_STEP_EXEC = 1,
	STUB_STEP_PARENT, /* the VMM is gone, or speaks another language */
	STUB_STEP_MEMORY,
	STUB_STEP_SIGNALS,
	STUB_STEP_FILTER,
};

enum stub_message_kind {
	STUB_MSG_START = 1, /* with the doorbell's descriptor */
	STUB_MSG_MAP,       /* [at, at + bytes) of the window is the file that comes with the message, from offset */
	STUB_MSG_UNMAP,
	STUB_MSG_ZERO, /* it is zero pages of its own: the file became shorter */
};

/* VMM to stub; one packet each. Those about the window may come before START. */
struct stub_message {
	uint32_t kind; /* enum stub_message_kind */
	uint32_t writable;
	uint64_t at, bytes, offset;
	/* STUB_MSG_START */
	uint64_t ram_bytes;
	uint64_t vcpu_id;
	uint64_t cr3_gpa, lstar, gs_base;
	uint64_t nr_doorbells, nr_vcpus;
};

#endif
