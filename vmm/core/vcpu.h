/* SPDX-License-Identifier: MIT */
/* vcpu.h - running a vCPU: its loop, its sleep, its timer. */
#ifndef CAY_VMM_CORE_VCPU_H
#define CAY_VMM_CORE_VCPU_H

#include <signal.h>

#include "vmm/core/vm.h"

/* Makes a blocking entry return; the handler does nothing (for a timer: marks the event pending). */
#define VCPU_KICK_SIGNAL (SIGRTMIN + 1)

/* Creates the timer of the calling thread, which becomes the vCPU's thread. 0 or -errno. */
MUST_CHECK int vcpu_init_thread(struct vcpu *vcpu);

/* Runs until the VM ends. */
void vcpu_loop(struct vcpu *vcpu);

/* Gate call WAIT: sleeps until an event is pending, the deadline, or the VM's end. */
void vcpu_wait(struct vcpu *vcpu);

/* Gate call PAUSE: sleeps for up to a millisecond. 0; -EINVAL for more. */
int64_t vcpu_pause(uint64_t ns);

/* Ends a vcpu_wait that is under way: it looks again. Any thread. */
void vcpu_wake(struct vcpu *vcpu);

/* Arms the timer for page->timer_deadline_ns. */
void vcpu_arm_timer(struct vcpu *vcpu);

/* An event was set: see vm_raise_event. Returns true if the caller must look again a little later (masked was set). */
bool vcpu_notify(struct vcpu *vcpu);

#endif
