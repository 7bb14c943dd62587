/* SPDX-License-Identifier: MIT */
/*
 * stdio_request.h - one request of the stdio device: from a descriptor chain to a checked command to its result. No VM,
 * no queue, no thread: driven by the device (stdio.c), by unit tests and by the fuzzer alike.
 * Trust: the chain points into guest memory; header and payload are copied once and only the copies are looked at.
 */
#ifndef CAY_VMM_DEV_STDIO_REQUEST_H
#define CAY_VMM_DEV_STDIO_REQUEST_H

#include <stdint.h>
#include <sys/uio.h>

#include "abi/stdio.h"
#include "lib/compiler.h"
#include "lib/virtq_device.h"
#include "vmm/dev/stdio_host.h"

/* Segments that virtq_device_pop may deliver: header, data, status. */
#define STDIO_CHAIN_SEGS (CAY_STDIO_DATA_SEGS + 2)

struct stdio_request {
	struct cay_stdio_req req; /* copy of the header */
	struct iovec data[CAY_STDIO_DATA_SEGS];
	int nr_data;
	uint32_t data_bytes;
	void *status; /* 8 bytes of guest memory, any alignment; NULL when the chain has no place for it */
};

/*
 * Takes the chain apart and checks it against abi/stdio.h. Returns 0, or -EINVAL: then the guest is told so through
 * status, or if that is NULL, not at all.
 */
MUST_CHECK int stdio_decode(const struct virtq_chain *c, struct stdio_request *r);

/* True for a POLL that may have to wait: the caller keeps it until stdio_host_poll says something for req.arg. */
static inline int stdio_request_waits(const struct stdio_request *r)
{
	return r->req.op == CAY_STDIO_POLL && r->req.arg2 == CAY_STDIO_WAIT;
}

/* Does what a decoded request asks (a POLL: without waiting) and returns its result for the status. */
int64_t stdio_execute(struct stdio_host *h, const struct stdio_request *r);

/* Stores the result where the guest looks for it. */
void stdio_set_status(void *status, int64_t result);

#endif
