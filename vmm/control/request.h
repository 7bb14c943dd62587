/* SPDX-License-Identifier: MIT */
/* request.h - what may be asked of a VM. Both sides are the same program, but perhaps of different versions. */
#ifndef CAY_VMM_CONTROL_REQUEST_H
#define CAY_VMM_CONTROL_REQUEST_H

#include <stddef.h>

enum control_request {
	CONTROL_UNKNOWN,
	CONTROL_INFO,    /* "info": who it is, what it was given */
	CONTROL_STATS,   /* "stats": counters since its start */
	CONTROL_THREADS, /* "threads", "files", "sockets": what the kernel's structures say (vmm/inspect) */
	CONTROL_FILES,
	CONTROL_SOCKETS,
	CONTROL_NR
};

#define CONTROL_REQUEST_MAX 32 /* bytes of a request, newline included */

/* The word of a request, for a client. */
const char *control_request_word(enum control_request r);

/*
 * What the first nr bytes of a request are: -1 = more is needed, else an enum control_request. A line that is too long
 * is CONTROL_UNKNOWN.
 */
int control_request_parse(const char *bytes, size_t nr);

#endif
