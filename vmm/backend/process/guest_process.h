/* SPDX-License-Identifier: MIT */
/*
 * guest_process.h - the host process that is a vCPU: making it, talking to it, noticing its death. What runs in it is
 * the stub (stub/), then the guest.
 */
#ifndef CAY_VMM_BACKEND_PROCESS_GUEST_PROCESS_H
#define CAY_VMM_BACKEND_PROCESS_GUEST_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/compiler.h"
#include "vmm/backend/process/shared.h"

struct guest_process {
	pid_t pid;
	int pidfd;  /* -1: there is none */
	int socket; /* to the stub; -1: none */
};

/*
 * Starts a process that waits for its start message. It has the two memfds and the other end of gp->socket and nothing
 * else, and it dies with the calling thread. Returns 0 or -errno; gp is then empty. Before the sandbox.
 */
MUST_CHECK int guest_process_create(struct guest_process *gp, int ram_fd, int control_fd);

/* One message, with fd if that is not -1. 0 or -errno; never waits: -EAGAIN when the stub does not read. */
MUST_CHECK int guest_process_send(struct guest_process *gp, const struct stub_message *m, int fd);

/* Sends a signal; a process that has ended is no error. Any thread, async-signal-safe. */
void guest_process_signal(const struct guest_process *gp, int signo);

/* Why it ended, in words, after its pidfd became readable. Text is cut to fit. */
void guest_process_epitaph(const struct guest_process *gp, char *text, size_t size);

/* Kills it if need be, waits for its end, and empties gp. */
void guest_process_destroy(struct guest_process *gp);

#endif
