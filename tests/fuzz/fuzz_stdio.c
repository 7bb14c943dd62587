/* SPDX-License-Identifier: MIT */
/*
 * fuzz_stdio.c - a hostile guest's requests to the stdio device: any chain, any header, any payload, against a pipe, a
 * socket and a closed descriptor. Input: records of a shape byte, then the header, then data. Nothing may be written
 * outside the chain's buffers (ASan sees it), wait, or reach another descriptor of the process.
 */
// SOURCES: vmm/dev/stdio_request.c vmm/dev/stdio_host.c
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/dev/stdio_request.h"

static struct stdio_host host;
static int drain_fds[2];

static void prepare(void)
{
	int p[2], s[2];

	signal(SIGPIPE, SIG_IGN);
	if (pipe(p) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, s) != 0)
		abort();
	const int fds[CAY_STDIO_FDS] = {p[0], s[0], -1};
	stdio_host_init(&host, fds);
	drain_fds[0] = s[1];
	drain_fds[1] = p[1];
	fcntl(s[1], F_SETFL, O_NONBLOCK);
	fcntl(p[1], F_SETFL, O_NONBLOCK);
}

/* The next n bytes of the input, or as many zeros. */
static void take(const uint8_t **data, size_t *size, void *out, size_t n)
{
	size_t have = *size < n ? *size : n;

	memset(out, 0, n);
	memcpy(out, *data, have);
	*data += have;
	*size -= have;
}

#define SEGS 6
static void one_request(const uint8_t **data, size_t *size)
{
	struct virtq_host_seg seg[SEGS];
	struct virtq_chain c = {.seg = seg, .max_segs = SEGS};
	struct stdio_request r;
	uint8_t shape[2], lengths[SEGS];

	take(data, size, shape, sizeof(shape));
	take(data, size, lengths, sizeof(lengths));
	c.nr_read = shape[0] % (SEGS / 2 + 1);
	c.nr_write = shape[1] % (SEGS / 2 + 1);
	for (unsigned i = 0; i < c.nr_read + c.nr_write; i++) {
		/* Mostly what a request needs, so that the checks behind the first are reached. */
		uint32_t bytes = i == 0 && (shape[0] & 0x80) ? sizeof(struct cay_stdio_req) : lengths[i] % 64 + 1u;
		if (i + 1 == c.nr_read + c.nr_write && (shape[1] & 0x80))
			bytes = sizeof(struct cay_stdio_status);
		seg[i] = (struct virtq_host_seg){malloc(bytes), bytes};
		take(data, size, seg[i].base, bytes);
	}
	if (stdio_decode(&c, &r) == 0) {
		/* CLOSE would end the fun for the requests that follow. */
		if (r.req.op != CAY_STDIO_CLOSE)
			stdio_set_status(r.status, stdio_execute(&host, &r));
	} else if (r.status != NULL) {
		stdio_set_status(r.status, -1);
	}
	for (unsigned i = 0; i < c.nr_read + c.nr_write; i++)
		free(seg[i].base);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	char sink[4096];

	if (!ready)
		prepare();
	ready = true;
	while (size > 0)
		one_request(&data, &size);
	while (read(drain_fds[0], sink, sizeof(sink)) > 0)
		;
	if (write(drain_fds[1], "input", 5) < 0)
		return 0; /* full: there is something to read anyway */
	return 0;
}
