/* SPDX-License-Identifier: MIT */
/*
 * Requests to netlink sockets: about routes, links, addresses and neighbours, with the right to change them, and about
 * sockets (sock_diag). Each input is one write; what is answered is read, and must be whole messages. Changes stay, so
 * that tables fill.
 */
// SOURCES: kernel/net/netlink.c kernel/net/rtnetlink.c kernel/net/rtnetlink_change.c kernel/net/sock_diag.c kernel/net/unix_diag.c kernel/net/pbuf.c kernel/net/channel.c kernel/net/channel_table.c kernel/net/net.c kernel/net/netif.c kernel/net/netif_addr.c kernel/net/loopback.c kernel/net/ether.c kernel/net/arp.c kernel/net/neigh.c kernel/net/ndp.c kernel/net/slaac.c kernel/net/ip_input.c kernel/net/ipv4_input.c kernel/net/ipv6_input.c kernel/net/ip_output.c kernel/net/route.c kernel/net/pmtu.c kernel/net/port.c kernel/net/icmp.c kernel/net/icmp4.c kernel/net/icmp6.c kernel/net/reassembly.c kernel/net/raw.c kernel/net/packet.c kernel/net/packet_options.c kernel/net/packet_ring.c kernel/net/packet_blocks.c kernel/net/udp.c kernel/net/udplite.c kernel/net/udp_send.c kernel/net/udp_recv.c kernel/net/inet.c kernel/net/inet_options.c kernel/net/inet_control.c kernel/net/inet_multicast.c kernel/net/inet_errqueue.c kernel/net/inet_ioctl.c kernel/net/socket.c kernel/fs/uio.c lib/siphash.c lib/inet_checksum.c lib/pheap.c lib/fmt.c kernel/time/timer.c kernel/time/timespec.c shim/kmalloc.c shim/page.c shim/clock.c shim/events.c shim/log.c shim/sched.c shim/uaccess.c shim/file.c shim/net.c shim/klock.c kernel/net/filter.c lib/cbpf.c
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
