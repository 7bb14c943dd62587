/* SPDX-License-Identifier: MIT */
/* process_priv.h - the state of the process backend, for its own files. */
#ifndef CAY_VMM_BACKEND_PROCESS_PROCESS_PRIV_H
#define CAY_VMM_BACKEND_PROCESS_PROCESS_PRIV_H

#include <stdbool.h>

#include "vmm/backend/process/guest_process.h"
#include "vmm/core/io_thread.h"
#include "vmm/core/window.h"

/* Of a link's segment, and there is one link. */
#define EARLY_MAPS_MAX 2

struct process_vm {
	int control_fd;
	struct window_mirror mirror;
	/* Files in the window before there is a process for each vCPU; the descriptors are ours. */
	struct early_map {
		struct stub_message message;
		int fd;
	} early[EARLY_MAPS_MAX];
	unsigned nr_early;
};

struct process_vcpu {
	struct guest_process guest;
	struct stub_control *control; /* the guest can write it */
	struct io_watch death;
	bool in_request; /* the stub waits for an answer */
	bool entered;
};

struct vcpu;
struct vm;

/* What tells all vCPUs' processes of changes of the file window. */
void mirror_init(struct window_mirror *mirror, struct vm *vm);
/* A new process learns what was mapped before it: on its thread, before the guest runs. 0 or -errno. */
MUST_CHECK int mirror_catch_up(struct vcpu *vcpu);
void mirror_fini(struct process_vm *pv);

#endif
