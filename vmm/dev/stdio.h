/* SPDX-License-Identifier: MIT */
/*
 * stdio.h - the stdio device (abi/stdio.h) of a VM: its queue, served on the I/O thread, and the POLLs that wait.
 */
#ifndef CAY_VMM_DEV_STDIO_H
#define CAY_VMM_DEV_STDIO_H

#include "lib/compiler.h"

struct vm;

/*
 * Adds the device to vm (vm->stdio) on descriptors 0, 1 and 2 of the process. Makes the process ignore SIGPIPE, so that
 * a broken pipe is an EPIPE for the guest. Before the I/O thread starts and before the sandbox. Returns 0, -ENOMEM,
 * -ENOSPC (no room for a device).
 */
MUST_CHECK int stdio_create(struct vm *vm);

/* After the I/O thread has ended. Restores terminal settings. */
void stdio_destroy(struct vm *vm);

/* For exits in a hurry: restores terminal settings. Async-signal-safe. */
void stdio_restore_terminal(struct vm *vm);

#endif
