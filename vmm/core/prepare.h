/* SPDX-License-Identifier: MIT */
/*
 * prepare.h - the part of a VM's start that does not need the VM: on a second CPU while KVM makes the first part, but
 * for the sandbox's rules, with which the first CPU passes the time that is left. What each side takes is about the
 * same (docs/design.md), so starting costs little more than the larger one.
 */
#ifndef CAY_VMM_CORE_PREPARE_H
#define CAY_VMM_CORE_PREPARE_H

#include <pthread.h>

#include "vmm/core/vm.h"
#include "vmm/load/kernel_image.h"
#include "vmm/sandbox/sandbox.h"

struct preparation {
	struct vm *vm;
	pthread_t thread;
	bool threaded;
	int err;     /* of any step */
	int cpu_err; /* of asking KVM about the CPU: the one step that says nothing itself */
	/* results, valid after prepare_finish returned 0 */
	struct kernel_image image; /* copied to its place in guest memory */
	struct sandbox_plan sandbox;
};

/* vm->mem exists. Starts the work; it runs at once if there is no thread to be had. */
void prepare_start(struct preparation *p, struct vm *vm);
/* Works out the sandbox's rules, beside that. 0, or -errno and the reason was said. */
MUST_CHECK int prepare_sandbox(struct preparation *p);
/* Waits for it. 0, or -errno and the reason was said, except that of cpu_err. Call exactly once after prepare_start, in
 * any case. */
MUST_CHECK int prepare_finish(struct preparation *p);

#endif
