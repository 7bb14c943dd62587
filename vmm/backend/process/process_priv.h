/* SPDX-License-Identifier: MIT */
/* process_priv.h - the state of the process backend, for its own files. */
#ifndef CAY_VMM_BACKEND_PROCESS_PROCESS_PRIV_H
#define CAY_VMM_BACKEND_PROCESS_PROCESS_PRIV_H

#include <stdbool.h>

#include "vmm/backend/process/guest_process.h"
#include "vmm/core/io_thread.h"
#include "vmm/core/window.h"

struct process_vm {
	int control_fd;
	struct window_mirror mirror;
};

struct process_vcpu {
	struct guest_process guest;
	struct stub_control *control; /* the guest can write it */
	struct io_watch death;
	bool in_request; /* the stub waits for an answer */
	bool entered;
};

struct vm;

/* What tells all vCPUs' processes of changes of the file window. */
void mirror_init(struct window_mirror *mirror, struct vm *vm);

#endif
