/* SPDX-License-Identifier: MIT */
/*
 * net_user.c - --net user: the guest's connections become sockets of a process of this user's (vmm/usernet), which
 * speaks TCP/IP with the guest through libslirp. One frame with its header is one message on a socket pair.
 *
 * The process exists so that libslirp, which parses hostile packets, does so outside the VMM and under a filter of its
 * own; and because Debian has libslirp as a shared library only, which the static VMM cannot load. Making it must cost
 * nothing to programs that use no network, and the VMM itself may make no processes once it is sealed. So a tiny
 * program is started early and waits: at the first frame, or at once when ports are published, it becomes the real one
 * (both lie in this program, as the kernel does). It ends when the socket is closed.
 *
 * The child shares our memory until it has become the waiter, because a fork costs 85 us and then 3 us for each page
 * that either side writes, where this costs 45 us in all (measured under nested paging). It has a stack of its own and
 * uses no libc; what it shares is gone before the guest runs (net_user_wait).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/core/log.h"
#include "vmm/dev/net_priv.h"
#include "vmm/usernet/raw_syscall.h"
#include "vmm/usernet/usernet.h"

/* The programs, put here by the linker (mk/usernet.mk). */
extern const char usernet_blob[], usernet_blob_end[], waiter_blob[], waiter_blob_end[];

/* Frames as long as IP allows: fewer of them, and none has to be cut. */
#define USER_MTU 65520
/* With a bad line, frames are what a real line would carry. */
#define USER_MTU_PLAIN    1500
#define USER_GREETING_MAX 256
#define USER_GREETING_MS  10000
#define ARG_BYTES         64

/* What the child needs. It and its stack are used until `shares` is 0. */
struct spawning {
	_Alignas(16) char stack[8192];
	_Atomic uint32_t
		shares; /* 1 while the child has our memory; cleared by the host's kernel, which wakes a futex */
	int fd;
	char text[NET_PUBLISH_MAX + 2][ARG_BYTES];
	char *argv[NET_PUBLISH_MAX + 3];
};

static void make_args(const struct net_device *dev, struct spawning *s)
{
	const struct net_options *opt = dev->opt;
	unsigned n = 0;

	snprintf(s->text[n++], ARG_BYTES, "cay-usernet");
	snprintf(s->text[n++], ARG_BYTES, "%u", dev->config.mtu);
	for (unsigned i = 0; i < opt->nr_publish; i++) {
		const struct net_publish *p = &opt->publish[i];
		char ip[INET6_ADDRSTRLEN];

		inet_ntop(p->v6 ? AF_INET6 : AF_INET, p->host_ip, ip, sizeof(ip));
		snprintf(s->text[n++], ARG_BYTES, "%s,%s,%u,%u", p->udp ? "udp" : "tcp", ip, p->host_port,
			 p->guest_port);
	}
	for (unsigned i = 0; i < n; i++)
		s->argv[i] = s->text[i];
	s->argv[n] = NULL;
}

/* A program of ours in a file in memory; the lowest free descriptor. */
static long program_file(const char *program, const char *end, unsigned flags)
{
	long fd = raw_syscall(SYS_memfd_create, (long)"cay-usernet", flags, 0, 0, 0);

	raw_syscall(SYS_write, fd, (long)program, end - program, 0, 0);
	return fd;
}

/*
 * The child, in our memory but with descriptors of its own. Nothing of the VMM's stays open, so that whoever waits for
 * its output's end waits for it alone; and the terminal's signals are for the VM.
 */
static int become_waiter(void *arg)
{
	static char *const no_environment[] = {NULL};
	const struct spawning *s = arg;
	long fd;

	raw_syscall(SYS_setsid, 0, 0, 0, 0, 0);
	if (s->fd == USERNET_FD)
		raw_syscall(SYS_fcntl, USERNET_FD, F_SETFD, 0, 0, 0);
	else
		raw_syscall(SYS_dup3, s->fd, USERNET_FD, 0, 0, 0);
	raw_syscall(SYS_close_range, 0, USERNET_FD - 1, 0, 0, 0);
	raw_syscall(SYS_close_range, USERNET_FD + 1, ~0u, 0, 0, 0);
	fd = program_file(usernet_blob, usernet_blob_end, 0);
	raw_syscall(SYS_dup3, fd, USERNET_PROGRAM_FD, 0, 0, 0);
	raw_syscall(SYS_close, fd, 0, 0, 0, 0);
	fd = program_file(waiter_blob, waiter_blob_end, MFD_CLOEXEC);
	raw_syscall(SYS_execveat, fd, (long)"", (long)s->argv, (long)no_environment, AT_EMPTY_PATH);
	raw_syscall(SYS_exit, 127, 0, 0, 0, 0);
	return 0;
}

static int spawn(struct net_device *dev)
{
	static struct spawning s;
	int fds[2], pid;

	make_args(dev, &s);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
		return -errno;
	s.fd = fds[1];
	dev->user_shares = &s.shares;
	atomic_store(&s.shares, 1);
	pid = clone(become_waiter, s.stack + sizeof(s.stack), CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, &s, NULL, NULL,
		    &s.shares);
	close(fds[1]);
	dev->pair[0].fd = fds[0];
	if (pid > 0 && dev->opt->nr_publish != 0)
		(void)!write(fds[0], "", 1); /* no frame is that short: it only wakes the waiter */
	if (pid > 0)
		return 0;
	atomic_store(&s.shares, 0);
	return -errno;
}

int net_user_open(struct net_device *dev)
{
	static const struct cay_net_config addresses = {
		.flags = CAY_NET_QUIET,
		.ip4 = {10, 0, 2, 15},
		.gateway4 = {10, 0, 2, 2},
		.dns4 = {{10, 0, 2, 3}},
		.prefix4 = 24,
		.ip6 = {0xfe, 0xc0, [15] = 0x15},
		.gateway6 = {0xfe, 0xc0, [15] = 2},
		.dns6 = {0xfe, 0xc0, [15] = 3},
		.prefix6 = 64,
	};
	struct cay_net_config c = addresses;
	int err;

	memcpy(c.mac, dev->config.mac, sizeof(c.mac));
	c.mtu = dev->config.mtu;
	if (c.mtu == 0)
		c.mtu = net_is_impaired(&dev->opt->impair) ? USER_MTU_PLAIN : USER_MTU;
	if (dev->opt->nr_publish != 0)
		c.flags |= CAY_NET_UNINVITED;
	dev->config = c;
	dev->features |= 1ull << VIRTIO_NET_F_GUEST_CSUM; /* what comes has been checked by the host */
	dev->ops = &net_fd_ops;
	dev->nr_pairs = 1;
	dev->awaits_greeting = true;
	err = spawn(dev);
	if (err != 0)
		log_error("--net user: cannot make its process: %s; --net none does without", strerror(-err));
	return err;
}

int net_user_greeting(struct net_device *dev)
{
	char text[USER_GREETING_MAX];
	ssize_t n = read(dev->pair[0].fd, text, sizeof(text) - 1);

	if (n < 0 && errno == EAGAIN)
		return -EAGAIN;
	if (n <= 0)
		return -EPIPE;
	text[n] = '\0';
	if (strcmp(text, USERNET_OK) == 0) {
		dev->awaits_greeting = false;
		return 0;
	}
	log_error("%s", text);
	dev->said_dead = true;
	return -EIO;
}

int net_user_wait(struct net_device *dev)
{
	struct pollfd p = {.fd = dev->pair[0].fd, .events = POLLIN};
	int err;

	while (atomic_load(dev->user_shares) != 0)
		syscall(SYS_futex, dev->user_shares, FUTEX_WAIT, 1, NULL, NULL, 0);
	if (dev->opt->nr_publish == 0)
		return 0;
	err = poll(&p, 1, USER_GREETING_MS) == 1 ? net_user_greeting(dev) : -ETIMEDOUT;
	if (err != 0 && !dev->said_dead)
		log_error("the user network does not start: is Debian's package libslirp0 installed?");
	return err;
}
