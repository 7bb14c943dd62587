/* SPDX-License-Identifier: MIT */
#include "vmm/backend/choose.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/backend/backend.h"
#include "vmm/cli/run_options.h"

const struct backend_ops *backend_choose(const struct run_options *opt, char *why, size_t bytes)
{
	if (opt->backend != RUN_BACKEND_AUTO) {
		snprintf(why, bytes, "--backend says so");
		return opt->backend == RUN_BACKEND_KVM ? &backend_kvm : &backend_process;
	}
	if (access("/dev/kvm", R_OK | W_OK) == 0) {
		snprintf(why, bytes, "/dev/kvm can be opened");
		return &backend_kvm;
	}
	snprintf(why, bytes, "/dev/kvm: %s", strerror(errno));
	return &backend_process;
}
