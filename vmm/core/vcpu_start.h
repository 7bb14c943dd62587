/* SPDX-License-Identifier: MIT */
/*
 * vcpu_start.h - the threads of the vCPUs other than 0, which is the main thread's.
 * Each makes its vCPU beside the rest of the start, because the sandbox forbids that later, and then waits until the
 * guest's kernel starts it (CAY_GATE_START_CPU) or the VM ends.
 */
#ifndef CAY_VMM_CORE_VCPU_START_H
#define CAY_VMM_CORE_VCPU_START_H

#include "vmm/core/vm.h"

enum vcpu_phase { VCPU_NONE, VCPU_SETTING_UP, VCPU_READY, VCPU_STARTED };

/* Creates the threads. After Landlock, which each thread inherits from its maker. 0 or -errno. */
MUST_CHECK int vcpus_create(struct vm *vm);

/* Waits until all are ready to run. 0, or the error of one that is not. Before the sandbox closes. */
MUST_CHECK int vcpus_wait_ready(struct vm *vm);

/* Gate call START_CPU. 0; -EINVAL for a vCPU that does not exist or was started before. Guest-triggerable. */
MUST_CHECK int64_t vcpu_start_other(struct vm *vm, uint64_t id, uint64_t rip, uint64_t rsp, uint64_t arg);

static inline bool vcpu_is_started(struct vcpu *vcpu)
{
	return vcpu->id == 0 || atomic_load(&vcpu->phase) == VCPU_STARTED;
}

/* vm->ending is set: all vCPUs but the caller's leave the guest, or their wait. Any thread. */
void vcpus_stop(struct vm *vm);

/* Waits for the end of the threads. vm->ending is set. Main thread. */
void vcpus_join(struct vm *vm);

#endif
