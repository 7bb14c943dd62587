/* SPDX-License-Identifier: MIT */
/*
 * signals.h - the host's signals to `cay` become the program's.
 * They are blocked in every thread and read from a signalfd by the I/O thread, so that no handler runs between the
 * vCPU's look at its events and its entry into the guest. A signal the user had ignored (nohup) stays ignored.
 *
 *   forwarded   HUP INT QUIT USR1 USR2 TERM CONT WINCH
 *   Ctrl-Z      SIGTSTP stops cay itself, with the terminal as the shell gave it to us; after `fg` the program's
 *               settings return and it gets SIGCONT and SIGWINCH. The program cannot catch it: its world stands still.
 *               Once a shell in the VM controls jobs, SIGTSTP is forwarded to the job in front instead.
 *   the rest    as for any process
 *
 * A program that ignores SIGINT or SIGTERM keeps running, as under docker. Only when the guest's kernel has not even
 * taken note of a signal for SIGNALS_STUCK_NS does the next one end the VM.
 */
#ifndef CAY_VMM_CORE_SIGNALS_H
#define CAY_VMM_CORE_SIGNALS_H

#include "lib/compiler.h"

struct vm;
struct signals;

#define SIGNALS_STUCK_NS 3000000000ULL

/*
 * Blocks the signals in the calling thread (threads made later inherit it) and watches for them on the I/O thread.
 * Before that thread starts and before the sandbox. The VM's stdio device exists, or there is no terminal to restore.
 * Returns 0 with *out to be freed by signals_destroy, or -errno.
 */
MUST_CHECK int signals_create(struct vm *vm, struct signals **out);

/* After the I/O thread has ended. NULL is allowed. The signals stay blocked: the process is about to end. */
void signals_destroy(struct signals *s);

#endif
