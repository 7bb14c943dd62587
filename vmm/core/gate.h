/* SPDX-License-Identifier: MIT */
/* gate.h - gate calls, host side (abi/gate.h). Arguments are hostile: decoded and checked before anything is done. */
#ifndef CAY_VMM_CORE_GATE_H
#define CAY_VMM_CORE_GATE_H

#include <stdint.h>

#include "vmm/core/vm.h"

/* Serves the store at `offset` of the gate page; writes gate.ret, or ends the VM. Runs on the vCPU's thread. */
void gate_dispatch(struct vcpu *vcpu, uint32_t offset);

#endif
