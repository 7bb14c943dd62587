/* SPDX-License-Identifier: MIT */
/*
 * main.c - the process of the user network: frames from the VMM on one side, this user's sockets on the other, libslirp
 * between them. It trusts neither side: frames are the guest's, data are the world's.
 * One thread, one poll loop. While frames for the guest wait for room, nothing more is read from the sockets.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <linux/virtio_net.h>
#include <slirp/libslirp.h>

#include "abi/net.h"
#include "vmm/usernet/backlog.h"
#include "vmm/usernet/confine.h"
#include "vmm/usernet/usernet.h"

#define FRAMES_PER_ROUND 64
#define NS_PER_MS        1000000
#define FINISH_MAX_NS    (2000ll * NS_PER_MS)
#define FINISH_ROUND_MS  100
#define FILES_MAX        65536 /* each connection has one; a hostile guest shall not have all of the host's */
#define OTHER_FDS        16    /* descriptors of libslirp's own and the VMM's, at most */

struct timer {
	SlirpTimerId id;
	void *cb_opaque;
	int64_t due_ms; /* INT64_MAX = off */
};

struct usernet {
	Slirp *slirp;
	struct pollfd *fds; /* [0] is the VMM */
	unsigned nr_fds, room;
	struct backlog backlog; /* for the guest */
	struct timer timer[SLIRP_TIMER_NUM];
	uint8_t frame[CAY_NET_HDR_BYTES + CAY_NET_FRAME_MAX];
};

/* Says why, to the VMM, which says it to the user. */
__attribute__((noreturn, format(printf, 1, 2))) static void give_up(const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)!write(USERNET_FD, text, strlen(text));
	exit(1);
}

static int64_t clock_ns(void *opaque)
{
	struct timespec ts;

	(void)opaque;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static ssize_t to_guest(const void *data, size_t len, void *opaque)
{
	struct usernet *u = opaque;
	/* What comes from the host's sockets has been checked. */
	struct virtio_net_hdr_mrg_rxbuf hdr = {.hdr.flags = VIRTIO_NET_HDR_F_DATA_VALID, .num_buffers = 1};
	struct iovec iov[] = {{&hdr, sizeof(hdr)}, {(void *)(uintptr_t)data, len}};

	if (u->backlog.first == NULL) {
		if (writev(USERNET_FD, iov, 2) >= 0)
			return (ssize_t)len;
		if (errno != EAGAIN)
			return -1; /* the VM has ended; what it sent last is still to be read: from_guest */
	}
	return backlog_add(&u->backlog, iov, 2) ? (ssize_t)len : -1; /* lost, as on any line */
}

__attribute__((noreturn)) static void finish(struct usernet *u);

static void from_guest(struct usernet *u)
{
	for (int i = 0; i < FRAMES_PER_ROUND; i++) {
		ssize_t n = read(USERNET_FD, u->frame, sizeof(u->frame));

		if (n < 0 && errno == ECONNRESET)
			continue; /* the VM ended with frames unread; what it sent is still here */
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			finish(u);
		if (n < 0)
			return;
		if (n > (ssize_t)CAY_NET_HDR_BYTES)
			slirp_input(u->slirp, u->frame + CAY_NET_HDR_BYTES, (int)n - (int)CAY_NET_HDR_BYTES);
	}
}

static int add_poll(int fd, int events, void *opaque)
{
	struct usernet *u = opaque;
	short want = 0;

	if (u->nr_fds == u->room) {
		struct pollfd *bigger = realloc(u->fds, 2 * (size_t)u->room * sizeof(*bigger));

		if (bigger == NULL)
			return -1;
		u->fds = bigger;
		u->room *= 2;
	}
	want |= events & SLIRP_POLL_IN ? POLLIN : 0;
	want |= events & SLIRP_POLL_OUT ? POLLOUT : 0;
	want |= events & SLIRP_POLL_PRI ? POLLPRI : 0;
	u->fds[u->nr_fds] = (struct pollfd){.fd = fd, .events = want};
	return (int)u->nr_fds++;
}

static int get_revents(int index, void *opaque)
{
	struct usernet *u = opaque;
	short got = index < 0 ? 0 : u->fds[index].revents;

	return (got & POLLIN ? SLIRP_POLL_IN : 0) | (got & POLLOUT ? SLIRP_POLL_OUT : 0) |
	       (got & POLLPRI ? SLIRP_POLL_PRI : 0) | (got & POLLERR ? SLIRP_POLL_ERR : 0) |
	       (got & POLLHUP ? SLIRP_POLL_HUP : 0);
}

/* The VM is gone. What it sent and the host's sockets have not taken yet is not lost, if they take it soon. */
__attribute__((noreturn)) static void finish(struct usernet *u)
{
	int64_t end_ns = clock_ns(NULL) + FINISH_MAX_NS;

	do {
		uint32_t timeout_ms = FINISH_ROUND_MS;
		bool waits = false;
		int n;

		u->nr_fds = 0;
		slirp_pollfds_fill(u->slirp, &timeout_ms, add_poll, u);
		for (unsigned i = 0; i < u->nr_fds; i++)
			waits |= (u->fds[i].events & POLLOUT) != 0;
		if (!waits)
			break;
		n = poll(u->fds, u->nr_fds, FINISH_ROUND_MS);
		slirp_pollfds_poll(u->slirp, n < 0, get_revents, u);
	} while (clock_ns(NULL) < end_ns);
	exit(0);
}

static void guest_error(const char *msg, void *opaque)
{
	(void)msg;
	(void)opaque;
}

static void *timer_new(SlirpTimerId id, void *cb_opaque, void *opaque)
{
	struct usernet *u = opaque;

	u->timer[id] = (struct timer){id, cb_opaque, INT64_MAX};
	return &u->timer[id];
}

static void timer_free(void *timer, void *opaque)
{
	(void)opaque;
	((struct timer *)timer)->due_ms = INT64_MAX;
}

static void timer_mod(void *timer, int64_t due_ms, void *opaque)
{
	(void)opaque;
	((struct timer *)timer)->due_ms = due_ms;
}

static void no_fd(int fd, void *opaque)
{
	(void)fd;
	(void)opaque;
}

static void no_notify(void *opaque)
{
	(void)opaque;
}

static void init_completed(Slirp *slirp, void *opaque)
{
	(void)slirp;
	(void)opaque;
}

static const SlirpCb callbacks = {
	.send_packet = to_guest,
	.guest_error = guest_error,
	.clock_get_ns = clock_ns,
	.timer_new_opaque = timer_new,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = no_fd,
	.unregister_poll_fd = no_fd,
	.notify = no_notify,
	.init_completed = init_completed,
};

static void run_timers(struct usernet *u)
{
	int64_t now_ms = clock_ns(NULL) / NS_PER_MS;

	for (unsigned i = 0; i < SLIRP_TIMER_NUM; i++) {
		struct timer *t = &u->timer[i];

		if (t->cb_opaque == NULL || now_ms < t->due_ms)
			continue;
		t->due_ms = INT64_MAX;
		slirp_handle_timer(u->slirp, t->id, t->cb_opaque);
	}
}

static uint32_t until_timer_ms(const struct usernet *u)
{
	int64_t now_ms = clock_ns(NULL) / NS_PER_MS, least = UINT32_MAX;

	for (unsigned i = 0; i < SLIRP_TIMER_NUM; i++) {
		const struct timer *t = &u->timer[i];

		if (t->cb_opaque != NULL && t->due_ms != INT64_MAX && t->due_ms - now_ms < least)
			least = t->due_ms > now_ms ? t->due_ms - now_ms : 0;
	}
	return (uint32_t)least;
}

static void round_of_work(struct usernet *u)
{
	uint32_t timeout_ms = until_timer_ms(u);
	bool full = u->backlog.first != NULL;
	int n;

	u->nr_fds = 0;
	(void)add_poll(USERNET_FD, SLIRP_POLL_IN | (full ? SLIRP_POLL_OUT : 0), u);
	if (!full)
		slirp_pollfds_fill(u->slirp, &timeout_ms, add_poll, u);
	n = poll(u->fds, u->nr_fds, timeout_ms > INT32_MAX ? -1 : (int)timeout_ms);
	/* The guest's frames first: a packet that waits for the guest's link address goes when libslirp looks for work.
	 */
	if (n > 0 && u->fds[0].revents & (POLLIN | POLLHUP | POLLERR))
		from_guest(u);
	if (full)
		(void)!backlog_send(&u->backlog, USERNET_FD); /* an error: the VM has ended, which from_guest sees */
	if (!full)
		slirp_pollfds_poll(u->slirp, n < 0, get_revents, u);
	run_timers(u);
}

static struct in_addr ip4(const char *text)
{
	struct in_addr a = {0};

	inet_pton(AF_INET, text, &a);
	return a;
}

static struct in6_addr ip6(const char *text)
{
	struct in6_addr a = {0};

	inet_pton(AF_INET6, text, &a);
	return a;
}

static void start_slirp(struct usernet *u, unsigned mtu)
{
	const SlirpConfig cfg = {
		.version = 4,
		.in_enabled = true,
		.vnetwork = ip4("10.0.2.0"),
		.vnetmask = ip4("255.255.255.0"),
		.vhost = ip4("10.0.2.2"),
		.vdhcp_start = ip4("10.0.2.15"),
		.vnameserver = ip4("10.0.2.3"),
		.in6_enabled = true,
		.vprefix_addr6 = ip6("fec0::"),
		.vprefix_len = 64,
		.vhost6 = ip6("fec0::2"),
		.vnameserver6 = ip6("fec0::3"),
		.vhostname = "cay",
		.if_mtu = mtu,
		.if_mru = mtu,
	};

	u->slirp = slirp_new(&cfg, &callbacks, u);
	if (u->slirp == NULL)
		give_up("the user network does not start: libslirp refuses our configuration");
}

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* The family is that of ip: with a colon, IPv6. */
static union address address(const char *ip, const char *port)
{
	union address a = {0};
	uint16_t number = htons((uint16_t)atoi(port));

	if (strchr(ip, ':') != NULL)
		a.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = number, .sin6_addr = ip6(ip)};
	else
		a.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = number, .sin_addr = ip4(ip)};
	return a;
}

/* The guest is reached by the family of the host's address: libslirp translates none into the other. */
static int forward(struct usernet *u, const char *proto, const char *ip, const char *host, const char *guest)
{
	union address from = address(ip, host);
	bool v6 = from.any.sa_family == AF_INET6;
	union address to = address(v6 ? "fec0::15" : "10.0.2.15", guest);
	socklen_t len = v6 ? sizeof(from.v6) : sizeof(from.v4);

	/* Only IPv6, so that the same port of an IPv4 address can be published beside it. */
	return slirp_add_hostxfwd(u->slirp, &from.any, len, &to.any, len,
				  (strcmp(proto, "udp") == 0 ? SLIRP_HOSTFWD_UDP : 0) |
					  (v6 ? SLIRP_HOSTFWD_V6ONLY : 0));
}

/* "tcp,IP,HOST,GUEST", made by the VMM from a checked -p. */
static void publish(struct usernet *u, char *arg)
{
	char *save, *proto = strtok_r(arg, ",", &save), *ip = strtok_r(NULL, ",", &save);
	char *host = strtok_r(NULL, ",", &save), *guest = strtok_r(NULL, ",", &save);

	if (guest == NULL)
		give_up("the user network does not start: it does not understand a published port");
	if (forward(u, proto, ip, host, guest) == 0)
		return;
	switch (errno) {
	case EADDRINUSE:
		give_up("-p: port %s of %s is in use (%s); choose another, or end what uses it", host, ip, proto);
	case EADDRNOTAVAIL:
		give_up("-p: this machine has no address %s; 'ip address' lists them", ip);
	case EACCES:
		give_up("-p: this user may not use port %s; choose one from 1024 on", host);
	default:
		give_up("-p: cannot use port %s of %s (%s): %s", host, ip, proto, strerror(errno));
	}
}

/* libslirp listens with a queue of one: of many connections at once, the host's kernel drops all but two, and the
 * peers, which take themselves for connected, try again after seconds. Before anything else opens descriptors. */
static void lengthen_queues(unsigned nr_published)
{
	int last = USERNET_FD + OTHER_FDS + (int)nr_published;

	for (int fd = USERNET_FD + 1; fd <= last; fd++) {
		int listening = 0;
		socklen_t len = sizeof(listening);

		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening)
			(void)listen(fd, SOMAXCONN); /* fails: as before */
	}
}

int main(int argc, char **argv)
{
	static struct usernet u;
	struct rlimit files;

	u.room = 64;
	u.fds = malloc(u.room * sizeof(*u.fds));
	if (u.fds == NULL || argc < 2)
		return 1;
	/* What woke the waiter. Left unread, it would make our last words unreadable too. */
	if (argc > 2)
		(void)!read(USERNET_FD, u.frame, sizeof(u.frame));
	signal(SIGPIPE, SIG_IGN);
	fcntl(USERNET_FD, F_SETFL, O_NONBLOCK);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = MIN(files.rlim_max, (rlim_t)FILES_MAX);
		setrlimit(RLIMIT_NOFILE, &files);
	}
	start_slirp(&u, (unsigned)atoi(argv[1]));
	for (int i = 2; i < argc; i++)
		publish(&u, argv[i]);
	lengthen_queues((unsigned)argc - 2);
	if (confine() != 0)
		give_up("the user network does not start: cannot confine its process: %s", strerror(errno));
	if (write(USERNET_FD, USERNET_OK, strlen(USERNET_OK)) < 0)
		return 1;
	for (;;)
		round_of_work(&u);
}
