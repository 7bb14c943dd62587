/* SPDX-License-Identifier: MIT */
/*
 * gdb.h - `cay run --gdb PORT`: gdb on a TCP connection to 127.0.0.1, talking to the program through its kernel
 * (abi/debug.h). The connection is made before the sandbox closes, so exactly one gdb is served; when it leaves, the
 * program goes on. Threads: while the program is stopped its vCPU's thread waits for gdb; while it runs the I/O thread
 * listens for Ctrl-C.
 */
#ifndef CAY_VMM_DEBUG_GDB_H
#define CAY_VMM_DEBUG_GDB_H

#include <stdint.h>

#include "lib/compiler.h"

struct gdb;
struct vm;

/* Listens, says so on stderr, and waits for gdb to connect. Before the I/O thread and the sandbox. Returns 0 or -errno.
 */
MUST_CHECK int gdb_create(struct vm *vm, int port, struct gdb **out);
void gdb_destroy(struct gdb *g); /* NULL is allowed */

/* Gate call CAY_GATE_DEBUG, on the vCPU's thread; blocks while gdb looks around. Returns 0 or -EINVAL.
 * Guest-triggerable. */
int64_t gdb_gate(struct vm *vm, uint64_t record_gpa);

/* Tells gdb that the program ended. vCPU's thread. */
void gdb_ended(struct vm *vm, int wait_status);

#endif
