/* SPDX-License-Identifier: MIT */
/*
 * Requests to netlink sockets: about routes, links, addresses and neighbours, with the right to change them, and about
 * sockets (sock_diag). Each input is one write; what is answered is read, and must be whole messages. Changes stay, so
 * that tables fill.
 */
// SOURCES: @net kernel/net/netlink.c kernel/net/rtnetlink.c kernel/net/rtnetlink_change.c kernel/net/sock_diag.c kernel/net/unix_diag.c kernel/net/packet_diag.c
#include "fuzz/panic.h"
#include "kernel/net/netlink.h"
#include "kernel/net/net_fixture.h"
#include "kernel/net/tcp_sock.h"
#include "kernel/net/unix.h"
#include "kernel/sched/thread.h"

static struct socket *route, *diag;

/* No sockets of AF_UNIX, but requests about them. */
void unix_for_each(void (*fn)(struct unix_sock *u, void *arg), void *arg)
{
	(void)fn;
	(void)arg;
}

/* There is no TCP here, so nobody asks. */
const struct channel_ops tcp_channel_ops;
void tcp_sock_info(struct tcp_sock *t, struct tcp_info *info)
{
	(void)t;
	(void)info;
	abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct process proc = {.pid = 7};

	(void)argc;
	(void)argv;
	thread_current()->proc = &proc;
	net_fixture_start();
	(void)udp_bound(AF_INET6, 7);
	(void)udp_bound(AF_INET, 8);
	if (netlink_create(SOCK_RAW, NETLINK_ROUTE, &route) != 0 ||
	    netlink_create(SOCK_RAW, NETLINK_SOCK_DIAG, &diag) != 0)
		abort();
	return 0;
}

static void check_answer(const uint8_t *at, size_t bytes)
{
	while (bytes > 0) {
		struct nlmsghdr h;
		if (bytes < sizeof(h))
			abort();
		memcpy(&h, at, sizeof(h));
		if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > bytes)
			abort();
		at += NLMSG_ALIGN(h.nlmsg_len);
		bytes -= MIN((size_t)NLMSG_ALIGN(h.nlmsg_len), bytes);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t answer[65536];

	if (size < 1)
		return 0;
	struct socket *s = data[0] & 1 ? diag : route;
	/* A copy of its own size, so that the sanitizer sees a look beyond its end. */
	uint8_t *request = malloc(size);
	memcpy(request, data + 1, size - 1);
	struct uio_seg seg = {request, size - 1};
	struct uio uio = {.segs = &seg, .nr_segs = 1, .resid = size - 1, .kernel = true};
	struct sock_msg m = {.uio = &uio};
	(void)s->ops->send(s, &m);
	free(request);
	for (;;) {
		ssize_t n = udp_read(s, answer, sizeof(answer));
		if (n < 0)
			break;
		check_answer(answer, (size_t)n);
	}
	return 0;
}
