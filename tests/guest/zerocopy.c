/* SPDX-License-Identifier: MIT */
/* MSG_ZEROCOPY: sends are numbered, and the error queue tells which of them no longer need their memory (Linux:
 * Documentation/networking/msg_zerocopy.rst). Over loopback Linux copies, too, and says so. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/errqueue.h>

#include "report.h"

static char data[100000];
static const int on = 1, off;

static int connected(int type, struct sockaddr_in *to, int *peer)
{
	socklen_t len = sizeof(*to);
	int l = socket(AF_INET, type, 0), s = socket(AF_INET, type, 0);

	*to = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (bind(l, (struct sockaddr *)to, len) != 0 || getsockname(l, (struct sockaddr *)to, &len) != 0)
		report(false, "bind");
	if (type == SOCK_STREAM)
		listen(l, 1);
	if (connect(s, (struct sockaddr *)to, len) != 0)
		report(false, "connect");
	*peer = type == SOCK_STREAM ? accept(l, NULL, NULL) : l;
	return s;
}

static ssize_t read_record(int s, struct sock_extended_err *ee, int *level, int *flags)
{
	union {
		char bytes[CMSG_SPACE(256)];
		struct cmsghdr align;
	} control = {0};
	struct msghdr m = {.msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(s, &m, MSG_ERRQUEUE);
	struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(&m) : NULL;

	*level = -1;
	*flags = n >= 0 ? m.msg_flags : 0;
	if (c != NULL) {
		*level = c->cmsg_level;
		memcpy(ee, CMSG_DATA(c), sizeof(*ee));
	}
	return n;
}

/* Takes what is told until sends [from, upto) are: one range after the other without a hole. */
static bool told(int s, uint32_t from, uint32_t upto)
{
	struct pollfd p = {.fd = s};
	struct sock_extended_err ee;
	int level, flags;

	while (from != upto) {
		if (poll(&p, 1, 5000) != 1 || !(p.revents & POLLERR))
			return false;
		if (read_record(s, &ee, &level, &flags) != 0 || level != IPPROTO_IP || !(flags & MSG_ERRQUEUE))
			return false;
		if (ee.ee_errno != 0 || ee.ee_origin != SO_EE_ORIGIN_ZEROCOPY ||
		    ee.ee_code != SO_EE_CODE_ZEROCOPY_COPIED)
			return false;
		if (ee.ee_info != from || ee.ee_data < from || ee.ee_data >= upto)
			return false;
		from = ee.ee_data + 1;
	}
	return poll(&p, 1, 0) == 0;
}

static void numbers(const char *name, int type)
{
	struct sock_extended_err ee;
	struct sockaddr_in to;
	int peer, s = connected(type, &to, &peer), level, flags;
	struct msghdr m = {.msg_iov = &(struct iovec){data, 3}, .msg_iovlen = 1};

	report(send(s, data, 5, MSG_ZEROCOPY) == 5, "%s: the flag alone is ignored", name);
	report_errno(read_record(s, &ee, &level, &flags), EAGAIN);
	report_eq(setsockopt(s, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)), 0);
	report(send(s, data, 5, 0) == 5, "%s: the option alone, too", name);
	report_errno(read_record(s, &ee, &level, &flags), EAGAIN);
	report(send(s, data, 5, MSG_ZEROCOPY) == 5 && told(s, 0, 1), "%s: the first is told", name);
	report(send(s, data, 9000, MSG_ZEROCOPY) == 9000 && sendmsg(s, &m, MSG_ZEROCOPY) == 3 &&
		       send(s, data, 1, MSG_ZEROCOPY) == 1 && told(s, 1, 4),
	       "%s: the next three are told", name);
	report(send(s, data, 0, MSG_ZEROCOPY) == 0 && send(s, data, 1, MSG_ZEROCOPY) == 1 &&
		       told(s, 4, type == SOCK_STREAM ? 5 : 6),
	       "%s: a stream does not count what is empty", name);
	report(recv(peer, data, 5, 0) == 5, "%s: the data has come", name);
	report_eq(setsockopt(s, SOL_SOCKET, SO_ZEROCOPY, &off, sizeof(off)), 0);
	report(send(s, data, 5, MSG_ZEROCOPY) == 5, "%s: and without the option again", name);
	report_errno(read_record(s, &ee, &level, &flags), EAGAIN);
	close(s);
	close(peer);
}

static void failures(void)
{
	int s = socket(AF_INET, SOCK_STREAM, 0), level, flags, v = 2;
	struct sock_extended_err ee;

	report_errno(setsockopt(s, SOL_SOCKET, SO_ZEROCOPY, &v, sizeof(v)), EINVAL);
	report_errno(setsockopt(s, SOL_SOCKET, SO_ZEROCOPY, &v, 3), EINVAL);
	report_eq(setsockopt(s, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)), 0);
	report_errno(send(s, data, 5, MSG_ZEROCOPY | MSG_NOSIGNAL), EPIPE);
	report_errno(read_record(s, &ee, &level, &flags), EAGAIN);
	close(s);
	int u = socket(AF_UNIX, SOCK_STREAM, 0);
	socklen_t len = sizeof(v);
	report_errno(setsockopt(u, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)), EOPNOTSUPP);
	report_true(getsockopt(u, SOL_SOCKET, SO_ZEROCOPY, &v, &len) == 0 && v == 0);
	close(u);
}

/* A full queue: what was taken counts as one send, what was refused as none. */
static void full(void)
{
	struct sockaddr_in to;
	int peer, s = connected(SOCK_STREAM, &to, &peer), v = 0;
	uint32_t sent = 0;
	socklen_t len = sizeof(v);
	ssize_t n;

	report_eq(setsockopt(s, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)), 0);
	report_true(getsockopt(s, SOL_SOCKET, SO_ZEROCOPY, &v, &len) == 0 && v == 1);
	while ((n = send(s, data, sizeof(data), MSG_ZEROCOPY | MSG_DONTWAIT)) > 0)
		sent++;
	report(n == -1 && (errno == EAGAIN || errno == ENOBUFS), "a full queue refuses");
	for (int i = 0; i < 1000 && recv(peer, data, sizeof(data), MSG_DONTWAIT) != -1; i++)
		;
	struct pollfd p = {.fd = peer, .events = POLLIN};
	while (poll(&p, 1, 100) == 1 && recv(peer, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	report(sent > 0 && told(s, 0, sent), "all that were taken are told");
	close(s);
	close(peer);
}

static void edges(void)
{
	struct epoll_event ev = {.events = EPOLLET};
	struct sockaddr_in to;
	int peer, s = connected(SOCK_STREAM, &to, &peer), ep = epoll_create1(0);

	report_eq(setsockopt(s, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)), 0);
	report_eq(epoll_ctl(ep, EPOLL_CTL_ADD, s, &ev), 0);
	report_eq(epoll_wait(ep, &ev, 1, 0), 0);
	report_eq(send(s, data, 10, MSG_ZEROCOPY), 10);
	report(epoll_wait(ep, &ev, 1, 5000) == 1 && ev.events & EPOLLERR, "epoll tells by an edge");
	report(told(s, 0, 1), "and it is there");
	close(ep);
	close(s);
	close(peer);
}

int main(void)
{
	numbers("TCP", SOCK_STREAM);
	numbers("UDP", SOCK_DGRAM);
	failures();
	full();
	edges();
	return report_summary();
}
