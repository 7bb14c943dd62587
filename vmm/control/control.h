/* SPDX-License-Identifier: MIT */
/*
 * control.h - a running VM as others see it: its entry among the user's VMs (registry.h), and a socket that answers
 * questions (`cay ps`, `stats`, `inspect`). Nothing can be changed through it: stopping is done by signals.
 *
 * Protocol: the client sends one line, a word of request.h; the answer is one JSON object, then the end of the stream.
 * Trust: only processes of the VM's own user, and root's, are answered; what they send is parsed as hostile all the
 * same. The answer may hold what the guest made up; text is made printable here, and the client checks it again.
 *
 * Served on the I/O thread, inside the sandbox: accept4, getsockopt, read, write, close, epoll_ctl. A client that does
 * not read its answer costs memory and one of a few places, until others need it. A VM that nobody asks pays for the
 * entry only.
 */
#ifndef CAY_VMM_CONTROL_CONTROL_H
#define CAY_VMM_CONTROL_CONTROL_H

#include "lib/compiler.h"
#include "vmm/control/registry.h"

struct control;
struct vm;

/* Opens the folder of entries. A VM that cannot have one runs without: NULL, and a note if the user wants notes. */
struct control *control_open(struct vm *vm);

/* Makes the entry. Before the sandbox. -EADDRINUSE after a message: the name is taken. */
MUST_CHECK int control_enter(struct control *c);

/* The folder whose files the sandbox must let us remove, as a path for open(2). */
const char *control_folder_path(const struct control *c);
/* "" while there is no entry. */
const char *control_name(const struct control *c);

/* Begins to answer: after io_thread_create, before io_thread_start. 0 or -errno. */
MUST_CHECK int control_serve(struct control *c);

/* The entry goes, and nothing else happens: async-signal-safe, for the last words of a VM that cannot go on. */
void control_leave(const struct control *c);

/* After the I/O thread has ended: the entry goes. NULL is allowed. */
void control_close(struct control *c);

#endif
