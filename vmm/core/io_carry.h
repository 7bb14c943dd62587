/* SPDX-License-Identifier: MIT */
/*
 * io_carry.h - I/O by the vCPU's own thread, when the guest has run out of work and left: on a host with fewer CPUs
 * than threads a handover to the I/O thread costs more than the exit, which the guest was about to make anyway. For VMs
 * with one vCPU that this process runs itself. All functions are the vCPU's thread's but for io_carry_wake.
 */
#ifndef CAY_VMM_CORE_IO_CARRY_H
#define CAY_VMM_CORE_IO_CARRY_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "lib/compiler.h"

struct io_thread;
struct vcpu;

/* May sources of this VM be carried? Makes what that needs. Before the sandbox. */
MUST_CHECK bool io_carry_prepare(struct io_thread *io);

/* Does what the carried sources have to do. True if there was anything: look at the vCPU's events again. */
bool io_carry_serve(struct io_thread *io);

/*
 * Sleeps until a carried source has work, io_carry_wake, a signal or `until` (CLOCK_MONOTONIC; NULL = for ever), unless
 * vcpu->wake_seq is not `seq` any more. 0; -ETIMEDOUT; -ENOENT: nothing is carried just now, sleep in another way.
 */
int io_carry_sleep(struct io_thread *io, struct vcpu *vcpu, uint32_t seq, const struct timespec *until);

/* After vcpu->wake_seq has changed. Any thread, async-signal-safe. */
void io_carry_wake(struct io_thread *io);

#endif
