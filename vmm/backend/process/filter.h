/* SPDX-License-Identifier: MIT */
/*
 * filter.h - the system call filter of the process that runs a guest: what the guest can ever ask of the host's kernel.
 * Made at start, because it holds addresses and descriptors; that takes microseconds.
 *
 * The stub's text is the only place from which calls are made; from anywhere else a call is a trap (SIGSYS), which is
 * how the guest's own `syscall` instructions are served. That is a service and no wall: the guest can jump to the
 * stub's instructions with any registers. So each rule holds for arbitrary arguments and assumes nothing of the stub:
 *   - Memory is mapped, unmapped and protected in the guest's areas only: the stub and the words it shares with the VMM
 *     lie outside and stay what they are. What can be written was given as a descriptor: anonymous memory is for
 *     reservations and holes, and RLIMIT_DATA bounds what mprotect could make of it. All of a descriptor that can be
 * mapped is the guest's to read, and, where it is open for writing, to write.
 *   - Futexes only in the words shared with the VMM, so nobody else's waiters can be woken through a mapped file.
 *   - Bytes leave through doorbells only, eight at a time; descriptors arrive through one socket and leave nowhere.
 * What is not allowed from inside the text kills the process: the stub does not ask for it.
 */
#ifndef CAY_VMM_BACKEND_PROCESS_FILTER_H
#define CAY_VMM_BACKEND_PROCESS_FILTER_H

#include <linux/filter.h>
#include <stdint.h>

#include "lib/compiler.h"

struct guest_filter {
	uint64_t text, text_bytes; /* the stub's code, in its process; not across a multiple of 4 GiB */
	/* The guest's areas: [0, map_end), and what begins in the 4 GiB from `image` on and is less than 4 GiB long. */
	uint64_t map_end; /* multiple of 4 GiB, not above the text or the shared words */
	uint64_t image;   /* multiple of 4 GiB; text and shared words are neither in the 8 GiB from here on */
	uint64_t shared, shared_bytes; /* the words that stub and VMM wait on; not across a multiple of 4 GiB */
	uint32_t doorbell;             /* an eventfd that the VMM only reads */
	uint32_t socket;               /* where descriptors of files come from */
	uint32_t fd_end;               /* as RLIMIT_NOFILE: descriptors below may be mapped and closed */
};

#define GUEST_FILTER_MAX 512

/*
 * Writes the filter to code[], for SECCOMP_SET_MODE_FILTER with SECCOMP_FILTER_FLAG_SPEC_ALLOW (the guest runs its
 * own code only; docs/security.md). Returns its length, or -EINVAL if p breaks what its fields demand. Not
 * guest-triggerable.
 */
MUST_CHECK int guest_filter_build(const struct guest_filter *p, struct sock_filter code[GUEST_FILTER_MAX]);

#endif
