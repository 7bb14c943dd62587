/* SPDX-License-Identifier: MIT */
/* choose.h - which backend runs a VM. */
#ifndef CAY_VMM_BACKEND_CHOOSE_H
#define CAY_VMM_BACKEND_CHOOSE_H

#include <stddef.h>

struct backend_ops;
struct run_options;

/*
 * The one that --backend names; for auto KVM where /dev/kvm can be opened, else the one that needs nothing. Never NULL.
 * why: the cause in words, for --verbose, cut to `bytes`.
 */
const struct backend_ops *backend_choose(const struct run_options *opt, char *why, size_t bytes);

#endif
