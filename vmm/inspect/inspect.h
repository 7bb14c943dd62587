/* SPDX-License-Identifier: MIT */
/*
 * inspect.h - what a guest's kernel holds, as JSON: for `cay inspect`. See guest_map.h about trust. Each returns an
 * array, the caller's, or NULL without memory; m->budget is 0 afterwards if not all could be seen.
 */
#ifndef CAY_VMM_INSPECT_INSPECT_H
#define CAY_VMM_INSPECT_INSPECT_H

#include <jansson.h>

#include "vmm/inspect/guest_map.h"

#define INSPECT_PROCESSES_MAX 4096u
#define INSPECT_THREADS_MAX   16384u
#define INSPECT_FILES_MAX     65536u /* descriptors of all processes */

/* vCPU pages, for which threads run now. */
struct inspect_cpus {
	unsigned nr;
	const void *page[CAY_VCPU_MAX];
};

/* One object for each thread: pid, ppid, tid, uid, state, call, cpu, cpu_ns, name, program. */
MUST_CHECK json_t *inspect_threads(struct guest_map *m, const struct inspect_cpus *cpus);

/* One for each descriptor: pid, process, fd, type, access, position, path. */
MUST_CHECK json_t *inspect_files(struct guest_map *m);

/* One for each socket that can be reached by packets, and each local one that has a descriptor. */
MUST_CHECK json_t *inspect_sockets(struct guest_map *m);

/* ---- between the lists (inspect_files.c) */

struct inspect_file {
	uint64_t at; /* struct file */
	int pid, fd;
	char process[32];
};

/* Calls fn for each open descriptor. */
void inspect_each_file(struct guest_map *m, void (*fn)(struct guest_map *m, const struct inspect_file *f, void *ctx),
		       void *ctx);

#endif
