/* SPDX-License-Identifier: MIT */
/*
 * backend.h - what runs the guest's code: KVM, or a sandboxed process. The core knows only this.
 * All functions returning int give 0 or -errno, having said nothing: the caller words the error.
 */
#ifndef CAY_VMM_BACKEND_H
#define CAY_VMM_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

struct vm;
struct vcpu;

enum vcpu_exit {
	VCPU_EXIT_KICK,      /* a signal or backend_ops.kick made it leave */
	VCPU_EXIT_GATE,      /* store in the gate page: exit->offset; the store is complete */
	VCPU_EXIT_NO_PAGE,   /* touched guest memory whose page the host cannot give (a shortened file); exit->text. May
				be run again */
	VCPU_EXIT_CRASH,     /* triple fault, access to nowhere: exit->text */
	VCPU_EXIT_HOST_ERROR /* exit->error, exit->text */
};

struct vcpu_exit_info {
	uint32_t offset; /* in the gate page */
	int error;
	char text[256];
};

struct vcpu_start {
	uint64_t rip, rsp, cr3_gpa, lstar;
	uint64_t gs_base;
	uint64_t arg; /* in rdi */
};

struct backend_ops {
	const char *name;
	const char *cannot_create; /* what to say when vm_create fails */
	bool needs_shared_memory;  /* guest RAM must be a memfd: vm->mem.fd */
	/* What the guest's CPU can do, into vm->backend_cpu. Takes as long as making the VM and may run beside
	 * vm_create. */
	MUST_CHECK int (*cpu_probe)(struct vm *vm);
	MUST_CHECK int (*vm_create)(struct vm *vm); /* and vCPU 0 */
	MUST_CHECK int (*vm_attach)(struct vm *vm); /* guest memory and window exist now: make them the guest's */
	void (*vm_destroy)(struct vm *vm);
	/* Stops what runs in processes of its own, or lets it go on. NULL: stopping our threads stops the guest. */
	void (*vm_pause)(struct vm *vm, bool stop);
	/* The first `bytes` of the file window become guest-physical memory (at least). vCPU thread. */
	MUST_CHECK int (*window_grow)(struct vm *vm, uint64_t bytes);
	/* RAM below `bytes` becomes the guest's; *attached: so much is now. NULL: all of it is from the start, else
	 * cpu_describe says how much. vCPU thread, under window_lock. */
	int (*ram_grow)(struct vm *vm, uint64_t bytes, uint64_t *attached);
	/* What the kernel may use: CAY_CPU_* bits, xcr0 and so on into boot info. */
	void (*cpu_describe)(struct vm *vm);
	/* Doorbell at this offset of the gate page signals the eventfd and does not exit. */
	MUST_CHECK int (*doorbell_fd)(struct vm *vm, uint32_t gate_offset, int eventfd);
	/* vCPUs other than 0, each on its own thread before the sandbox closes: makes the vCPU, ready for vcpu_start.
	 */
	MUST_CHECK int (*vcpu_create)(struct vcpu *vcpu);
	MUST_CHECK int (*vcpu_start)(struct vcpu *vcpu, const struct vcpu_start *start);
	/* On the vCPU's thread, before its first run and inside the sandbox: where it begins after all. */
	MUST_CHECK int (*vcpu_set_entry)(struct vcpu *vcpu, uint64_t rip, uint64_t rsp, uint64_t arg);
	enum vcpu_exit (*vcpu_run)(struct vcpu *vcpu, struct vcpu_exit_info *exit);
	/* `pending` was set while the guest ran unmasked: it must be looked at now. Either a vcpu_run that is under
	 * way, or the next one, returns VCPU_EXIT_KICK, or the guest's side makes the upcall itself. Any thread,
	 * async-signal-safe. */
	void (*vcpu_kick)(struct vcpu *vcpu);
	/* Ends the gate call WAIT of a vCPU whose state is CAY_VCPU_WAITING. NULL: vcpu_wait of the core serves it. Any
	 * thread, async-signal-safe. */
	void (*vcpu_wake)(struct vcpu *vcpu);
	/* Makes a vcpu_run that is under way return VCPU_EXIT_KICK: the VM ends. Any thread but the vCPU's. */
	void (*vcpu_leave)(struct vcpu *vcpu);
	/* Before each entry, on the vCPU's thread: takes back kicks up to now. */
	/* vcpu_kick from a signal handler on the vCPU's own thread: no further signal needed. */
	void (*vcpu_set_kick)(struct vcpu *vcpu);
	void (*vcpu_clear_kick)(struct vcpu *vcpu);
	/* Redirects the vCPU, if that is allowed now (vcpu_page.h), to upcall_entry. False if not. */
	bool (*vcpu_upcall)(struct vcpu *vcpu);
	/*
	 * After VCPU_EXIT_NO_PAGE: the vCPU goes on with exception VEC_MC, without an address. False if its kernel has
	 * asked for zeros instead (vcpu_page.h), or nothing can be raised now. NULL: the backend itself has raised it
	 * where it could.
	 */
	bool (*vcpu_no_page)(struct vcpu *vcpu);
	/* For crash reports: registers as text. */
	void (*vcpu_dump)(struct vcpu *vcpu, char *buf, unsigned size);
};

extern const struct backend_ops backend_kvm, backend_process;

#endif
