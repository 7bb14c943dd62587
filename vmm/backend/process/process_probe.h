/* SPDX-License-Identifier: MIT */
/* process_probe.h - what the process backend needs of this host, found by trying. Nothing is kept. For `cay doctor`. */
#ifndef CAY_VMM_BACKEND_PROCESS_PROCESS_PROBE_H
#define CAY_VMM_BACKEND_PROCESS_PROCESS_PROBE_H

#include <stdbool.h>

struct process_probe {
	bool fsgsbase;               /* the guest sets its FS and GS base itself */
	int memory_error;            /* errno of sharing memory by descriptor, 0 = it works */
	int exec_error;              /* errno of making such memory executable */
	int namespaces_error;        /* errno of making namespaces of our own: wanted, not needed */
	unsigned long max_map_count; /* how many pieces the guest's address space may have at a time; 0 = not known */
};

void process_probe(struct process_probe *p);

#endif
