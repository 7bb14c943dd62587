/* SPDX-License-Identifier: MIT */
/* UDP over loopback: names, errors, flags, options, ancillary data, groups; and ping, raw sockets, interfaces (udp(7),
 * ip(7), ipv6(7), icmp(7), netdevice(7)). Ports are chosen by the kernel, so that it runs beside anything. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/errqueue.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "report.h"

static char buf[70000];
static const int on = 1;

static struct sockaddr_in in4(uint32_t addr, uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(addr)};
}

/* A socket on loopback; its address in *sin. */
static int bound(struct sockaddr_in *sin)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	socklen_t len = sizeof(*sin);

	*sin = in4(INADDR_LOOPBACK, 0);
	if (s < 0 || bind(s, (struct sockaddr *)sin, len) != 0 || getsockname(s, (struct sockaddr *)sin, &len) != 0)
		report(false, "a bound socket");
	return s;
}

static ssize_t send_to(int s, const void *data, size_t bytes, const struct sockaddr_in *to)
{
	return sendto(s, data, bytes, 0, (const struct sockaddr *)to, sizeof(*to));
}

static void names(void)
{
	struct sockaddr_in a, b, none = in4(INADDR_ANY, 0);
	socklen_t len = sizeof(b);
	int s = bound(&a), t = socket(AF_INET, SOCK_DGRAM, 0);

	report_true(ntohs(a.sin_port) >= 1024);
	report_errno(bind(s, (struct sockaddr *)&none, sizeof(none)), EINVAL);
	report_errno(bind(t, (struct sockaddr *)&a, sizeof(a)), EADDRINUSE);
	report_errno(bind(t, (struct sockaddr *)&a, 4), EINVAL);
	b = in4(0x01020304, 0);
	report_errno(bind(t, (struct sockaddr *)&b, sizeof(b)), EADDRNOTAVAIL);
	report_eq(getsockname(t, (struct sockaddr *)&b, &len), 0);
	report_true(b.sin_family == AF_INET && b.sin_port == 0 && b.sin_addr.s_addr == 0);
	report_errno(getpeername(t, (struct sockaddr *)&b, &len), ENOTCONN);
	report_errno(send(t, "x", 1, 0), EDESTADDRREQ);
	report_errno(listen(t, 1), EOPNOTSUPP);
	report_eq(connect(t, (struct sockaddr *)&a, sizeof(a)), 0);
	report_eq(getpeername(t, (struct sockaddr *)&b, &len), 0);
	report_true(b.sin_port == a.sin_port);
	report_eq(getsockname(t, (struct sockaddr *)&b, &len), 0);
	report_true(b.sin_addr.s_addr == htonl(INADDR_LOOPBACK) && b.sin_port != 0);
	b.sin_family = AF_UNSPEC;
	report_eq(connect(t, (struct sockaddr *)&b, sizeof(b)), 0);
	report_errno(getpeername(t, (struct sockaddr *)&b, &len), ENOTCONN);
	report_errno(socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP), EPROTONOSUPPORT);
	report_errno(socket(AF_INET, 77, 0), EINVAL);
	close(s);
	close(t);
}

static void datagrams(void)
{
	struct sockaddr_in a, b, from;
	int s = bound(&a), t = bound(&b), n;
	socklen_t len = sizeof(from);

	report_eq(send_to(t, "hello", 5, &a), 5);
	report_eq(ioctl(s, FIONREAD, &n), 0);
	report_eq(n, 5);
	report_eq(recvfrom(s, buf, sizeof(buf), MSG_PEEK, (struct sockaddr *)&from, &len), 5);
	report_true(from.sin_port == b.sin_port && len == sizeof(from));
	report_eq(recv(s, buf, 2, MSG_TRUNC), 5);
	report_errno(recv(s, buf, 2, MSG_DONTWAIT), EAGAIN);
	report_eq(send_to(t, "", 0, &a), 0);
	report_eq(recv(s, buf, 10, 0), 0);
	report_eq(send_to(t, buf, 65507, &a), 65507);
	report_eq(recv(s, buf, sizeof(buf), 0), 65507);
	report_errno(send_to(t, buf, 65508, &a), EMSGSIZE);
	report_errno(sendto(t, "x", 1, MSG_OOB, (struct sockaddr *)&a, sizeof(a)), EOPNOTSUPP);
	from = in4(INADDR_LOOPBACK, 0);
	report_errno(send_to(t, "x", 1, &from), EINVAL);
	from = in4(0x7fffffff, htons(9));
	report_errno(send_to(t, "x", 1, &from), EACCES);
	report_eq(send(t, "a", 1, MSG_MORE) == -1 && errno == EDESTADDRREQ, 1);
	report_eq(connect(t, (struct sockaddr *)&a, sizeof(a)), 0);
	report_eq(send(t, "ab", 2, MSG_MORE), 2);
	report_eq(send(t, "cd", 2, 0), 2);
	report_eq(recv(s, buf, 10, 0), 4);
	report_true(memcmp(buf, "abcd", 4) == 0);
	/* a connected socket hears only its peer */
	report_eq(send_to(s, "from peer", 9, &b), 9);
	int u = bound(&from);
	report_eq(send_to(u, "stranger", 8, &b), 8);
	report_eq(recv(t, buf, 100, 0), 9);
	report_errno(recv(t, buf, 100, MSG_DONTWAIT), EAGAIN);
	close(s);
	close(t);
	close(u);
}

static void errors(void)
{
	struct sockaddr_in a;
	int s = bound(&a), t = socket(AF_INET, SOCK_DGRAM, 0), err;
	socklen_t len = sizeof(err);
	struct pollfd p = {.fd = t, .events = POLLIN};

	close(s);
	report_eq(connect(t, (struct sockaddr *)&a, sizeof(a)), 0);
	report_eq(send(t, "x", 1, 0), 1);
	report_eq(poll(&p, 1, 20000), 1);
	report_eq(p.revents & POLLERR, POLLERR);
	report_errno(recv(t, buf, 1, 0), ECONNREFUSED);
	report_errno(recv(t, buf, 1, MSG_DONTWAIT), EAGAIN);
	report_eq(send(t, "x", 1, 0), 1);
	report_eq(getsockopt(t, SOL_SOCKET, SO_ERROR, &err, &len), 0);
	report_eq(err, ECONNREFUSED);
	close(t);
	/* unconnected: nobody is told */
	t = socket(AF_INET, SOCK_DGRAM, 0);
	report_eq(send_to(t, "x", 1, &a), 1);
	report_errno(recv(t, buf, 1, MSG_DONTWAIT), EAGAIN);
	close(t);
}

static void error_queue(void)
{
	struct sockaddr_in a, to;
	int s = bound(&a), t = socket(AF_INET, SOCK_DGRAM, 0);
	char control[200];
	struct iovec iov = {buf, sizeof(buf)};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control),
			   .msg_name = &to,
			   .msg_namelen = sizeof(to)};

	close(s);
	report_eq(setsockopt(t, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)), 0);
	report_errno(recvmsg(t, &m, MSG_ERRQUEUE), EAGAIN);
	report_eq(send_to(t, "lost", 4, &a), 4);
	report_eq(recvmsg(t, &m, MSG_ERRQUEUE), 4);
	report_true(memcmp(buf, "lost", 4) == 0);
	report_true((m.msg_flags & MSG_ERRQUEUE) != 0 && to.sin_port == a.sin_port);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	report_true(c != NULL && c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR);
	if (c != NULL) {
		struct sock_extended_err *e = (struct sock_extended_err *)CMSG_DATA(c);
		report_eq(e->ee_errno, ECONNREFUSED);
		report_eq(e->ee_origin, SO_EE_ORIGIN_ICMP);
		report_eq(e->ee_type, 3);
		report_eq(e->ee_code, 3);
	}
	close(t);
}

static void ancillary(void)
{
	struct sockaddr_in a, b;
	int s = bound(&a), t = bound(&b), tos = 0x10, ttl = 7;
	char control[200];
	struct iovec iov = {buf, sizeof(buf)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	unsigned seen = 0;

	report_eq(setsockopt(s, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)), 0);
	report_eq(setsockopt(s, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on)), 0);
	report_eq(setsockopt(s, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on)), 0);
	report_eq(setsockopt(t, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)), 0);
	report_eq(setsockopt(t, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)), 0);
	report_eq(send_to(t, "x", 1, &a), 1);
	report_eq(recvmsg(s, &m, 0), 1);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo *i = (struct in_pktinfo *)CMSG_DATA(c);
			report_eq(i->ipi_ifindex, if_nametoindex("lo"));
			report_true(i->ipi_addr.s_addr == htonl(INADDR_LOOPBACK));
			seen |= 1;
		} else if (c->cmsg_type == IP_TTL) {
			report_eq(*(int *)CMSG_DATA(c), 7);
			seen |= 2;
		} else if (c->cmsg_type == IP_TOS) {
			report_eq(*(uint8_t *)CMSG_DATA(c), 0x10);
			seen |= 4;
		}
	}
	report_eq(seen, 7);
	/* where from, by ancillary data */
	char out[CMSG_SPACE(sizeof(struct in_pktinfo))] = {0};
	struct msghdr o = {.msg_iov = &(struct iovec){"y", 1},
			   .msg_iovlen = 1,
			   .msg_name = &a,
			   .msg_namelen = sizeof(a),
			   .msg_control = out,
			   .msg_controllen = sizeof(out)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&o);
	*c = (struct cmsghdr){
		.cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo)), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO};
	int u = socket(AF_INET, SOCK_DGRAM, 0);
	struct in_pktinfo from = {.ipi_spec_dst.s_addr = htonl(0x7f000005)};
	struct sockaddr_in src;
	socklen_t len = sizeof(src);
	memcpy(CMSG_DATA(c), &from, sizeof(from));
	report_eq(sendmsg(u, &o, 0), 1);
	report_eq(recvfrom(s, buf, 10, 0, (struct sockaddr *)&src, &len), 1);
	report_true(src.sin_addr.s_addr == htonl(0x7f000005));
	close(s);
	close(t);
	close(u);
}

static void reuse(void)
{
	struct sockaddr_in a;
	int s = bound(&a), t = socket(AF_INET, SOCK_DGRAM, 0), got = 0;

	report_eq(setsockopt(t, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	report_errno(bind(t, (struct sockaddr *)&a, sizeof(a)), EADDRINUSE);
	report_eq(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	report_eq(bind(t, (struct sockaddr *)&a, sizeof(a)), 0);
	close(s);
	close(t);
	/* SO_REUSEPORT spreads flows over the sockets, each flow to one */
	int r[2];
	a = in4(INADDR_LOOPBACK, 0);
	for (int i = 0; i < 2; i++) {
		socklen_t len = sizeof(a);
		r[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		setsockopt(r[i], SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
		report_eq(bind(r[i], (struct sockaddr *)&a, sizeof(a)), 0);
		getsockname(r[i], (struct sockaddr *)&a, &len);
	}
	for (int i = 0; i < 64; i++) {
		int u = socket(AF_INET, SOCK_DGRAM, 0);
		send_to(u, "x", 1, &a);
		close(u);
	}
	int n[2] = {0, 0};
	for (int i = 0; i < 2; i++)
		while (recv(r[i], buf, 1, 0) == 1)
			n[i]++;
	report_eq(n[0] + n[1], 64);
	report(n[0] > 5 && n[1] > 5, "both sockets of a group get packets");
	close(r[0]);
	close(r[1]);
	(void)got;
}

static void both_families(void)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT}, from6;
	struct sockaddr_in a4, b, from;
	int s = socket(AF_INET6, SOCK_DGRAM, 0), t = bound(&b), v;
	socklen_t len = sizeof(a);

	report_eq(getsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &v, &(socklen_t){sizeof(v)}), 0);
	report_eq(v, 0);
	report_eq(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	report_errno(setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)), EINVAL);
	report_eq(getsockname(s, (struct sockaddr *)&a, &len), 0);
	a4 = in4(INADDR_LOOPBACK, a.sin6_port);
	report_eq(send_to(t, "four", 4, &a4), 4);
	len = sizeof(from6);
	report_eq(recvfrom(s, buf, 10, 0, (struct sockaddr *)&from6, &len), 4);
	report_true(IN6_IS_ADDR_V4MAPPED(&from6.sin6_addr) && from6.sin6_port == b.sin_port);
	report_eq(sendto(s, "back", 4, 0, (struct sockaddr *)&from6, sizeof(from6)), 4);
	len = sizeof(from);
	report_eq(recvfrom(t, buf, 10, 0, (struct sockaddr *)&from, &len), 4);
	report_true(from.sin_port == a.sin6_port && from.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
	report_errno(bind(t, (struct sockaddr *)&a, sizeof(a)), EAFNOSUPPORT);
	int u = socket(AF_INET6, SOCK_DGRAM, 0);
	struct sockaddr_in6 lo = {
		.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT, .sin6_port = a.sin6_port};
	report_eq(sendto(u, "six", 3, 0, (struct sockaddr *)&lo, sizeof(lo)), 3);
	len = sizeof(from6);
	report_eq(recvfrom(s, buf, 10, 0, (struct sockaddr *)&from6, &len), 3);
	report_true(IN6_IS_ADDR_LOOPBACK(&from6.sin6_addr));
	close(u);
	u = socket(AF_INET6, SOCK_DGRAM, 0);
	report_eq(setsockopt(u, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)), 0);
	inet_pton(AF_INET6, "::ffff:127.0.0.1", &lo.sin6_addr);
	report_errno(sendto(u, "x", 1, 0, (struct sockaddr *)&lo, sizeof(lo)), ENETUNREACH);
	close(s);
	close(t);
	close(u);
}

static void options(void)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0), v, big = 1 << 30;
	socklen_t len = sizeof(v);
	char name[IFNAMSIZ];

	report_eq(getsockopt(s, IPPROTO_IP, IP_TTL, &v, &len), 0);
	report_eq(v, 64);
	report_errno(setsockopt(s, IPPROTO_IP, IP_TTL, &big, sizeof(big)), EINVAL);
	report_eq(getsockopt(s, IPPROTO_IP, IP_MULTICAST_TTL, &v, &len), 0);
	report_eq(v, 1);
	report_errno(setsockopt(s, IPPROTO_IP, 99, &v, sizeof(v)), ENOPROTOOPT);
	report_errno(setsockopt(s, 250, 1, &v, sizeof(v)), ENOPROTOOPT);
	report_errno(setsockopt(s, IPPROTO_IP, IP_TTL, &v, 0), EINVAL);
	report_eq(setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3), 0);
	len = sizeof(name);
	report_eq(getsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, name, &len), 0);
	report_true(len == 3 && strcmp(name, "lo") == 0);
	report_errno(setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "nonesuch", 9), ENODEV);
	len = sizeof(v);
	report_eq(getsockopt(s, SOL_SOCKET, SO_PROTOCOL, &v, &len), 0);
	report_eq(v, IPPROTO_UDP);
	report_eq(getsockopt(s, SOL_SOCKET, SO_DOMAIN, &v, &len), 0);
	report_eq(v, AF_INET);
	close(s);
}

static void many(void)
{
	struct sockaddr_in a, b;
	int s = bound(&a), t = bound(&b);
	struct iovec iov[4] = {{"a", 1}, {"bb", 2}, {"ccc", 3}, {"dddd", 4}}, in[4];
	struct mmsghdr m[4] = {0};
	char got[4][10];

	report_eq(connect(t, (struct sockaddr *)&a, sizeof(a)), 0);
	for (int i = 0; i < 4; i++)
		m[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	report_eq(sendmmsg(t, m, 4, 0), 4);
	report_eq(m[3].msg_len, 4);
	for (int i = 0; i < 4; i++) {
		in[i] = (struct iovec){got[i], 10};
		m[i].msg_hdr = (struct msghdr){.msg_iov = &in[i], .msg_iovlen = 1};
	}
	report_eq(recvmmsg(s, m, 3, 0, NULL), 3);
	report_eq(m[2].msg_len, 3);
	report_eq(recvmmsg(s, m, 4, MSG_WAITFORONE, NULL), 1);
	report_true(memcmp(got[0], "dddd", 4) == 0);
	close(s);
	close(t);
}

static void segments(void)
{
	struct sockaddr_in a, b;
	int s = bound(&a), t = bound(&b), size = 100;

	report_eq(setsockopt(t, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)), 0);
	memset(buf, 's', 250);
	report_eq(send_to(t, buf, 250, &a), 250);
	report_eq(recv(s, buf, sizeof(buf), 0), 100);
	report_eq(recv(s, buf, sizeof(buf), 0), 100);
	report_eq(recv(s, buf, sizeof(buf), 0), 50);
	close(s);
	close(t);
}

static void groups(void)
{
	struct sockaddr_in any = in4(INADDR_ANY, 0), to;
	int s = socket(AF_INET, SOCK_DGRAM, 0), t = socket(AF_INET, SOCK_DGRAM, 0);
	struct ip_mreqn req = {.imr_multiaddr.s_addr = htonl(0xef010203), .imr_ifindex = (int)if_nametoindex("lo")};
	socklen_t len = sizeof(any);

	report_eq(bind(s, (struct sockaddr *)&any, sizeof(any)), 0);
	getsockname(s, (struct sockaddr *)&any, &len);
	report_eq(setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &req, sizeof(req)), 0);
	report_errno(setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &req, sizeof(req)), EADDRINUSE);
	report_eq(setsockopt(t, IPPROTO_IP, IP_MULTICAST_IF, &req, sizeof(req)), 0);
	to = in4(0xef010203, any.sin_port);
	report_eq(send_to(t, "group", 5, &to), 5);
	report_eq(recv(s, buf, sizeof(buf), MSG_DONTWAIT), 5);
	report_eq(setsockopt(s, IPPROTO_IP, IP_DROP_MEMBERSHIP, &req, sizeof(req)), 0);
	report_errno(setsockopt(s, IPPROTO_IP, IP_DROP_MEMBERSHIP, &req, sizeof(req)), EADDRNOTAVAIL);
	req.imr_multiaddr.s_addr = htonl(0x01020304);
	report_errno(setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &req, sizeof(req)), EINVAL);
	close(s);
	close(t);
}

static void *late_sender(void *arg)
{
	struct sockaddr_in *to = arg, me;
	int s = bound(&me);

	usleep(1000);
	send_to(s, "late", 4, to);
	close(s);
	return NULL;
}

static void waiting(void)
{
	struct sockaddr_in a;
	int s = bound(&a), e = epoll_create1(0);
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET};
	struct timeval tv = {.tv_usec = 1000};
	pthread_t t;

	pthread_create(&t, NULL, late_sender, &a);
	report_eq(recv(s, buf, sizeof(buf), 0), 4);
	pthread_join(t, NULL);
	epoll_ctl(e, EPOLL_CTL_ADD, s, &ev);
	pthread_create(&t, NULL, late_sender, &a);
	report_eq(epoll_wait(e, &ev, 1, 20000), 1);
	pthread_join(t, NULL);
	report_eq(epoll_wait(e, &ev, 1, 0), 0); /* edge: told once */
	report_eq(recv(s, buf, sizeof(buf), 0), 4);
	report_eq(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	report_errno(recv(s, buf, sizeof(buf), 0), EAGAIN);
	report_errno(shutdown(s, SHUT_RD), ENOTCONN);
	close(s);
	close(e);
}

static void pings(void)
{
	struct sockaddr_in lo = in4(INADDR_LOOPBACK, 0);
	struct icmphdr h = {.type = ICMP_ECHO, .un.echo.sequence = htons(3)}, got;
	int s = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), n;

	if (s < 0) {
		printf("SKIP raw sockets: not root\n");
		return;
	}
	h.un.echo.id = htons(77);
	h.checksum = (uint16_t) ~(8 + h.un.echo.id + h.un.echo.sequence);
	report_eq(send_to(s, &h, sizeof(h), &lo), 8);
	do /* our own request comes first */
		n = (int)recv(s, buf, sizeof(buf), 0);
	while (n == 28 && buf[20] == ICMP_ECHO);
	report_eq(n, 28);
	memcpy(&got, buf + 20, sizeof(got));
	report_true(got.type == ICMP_ECHOREPLY && got.un.echo.id == htons(77) && got.un.echo.sequence == htons(3));
	close(s);
}

static void interfaces(void)
{
	struct ifaddrs *list, *i;
	unsigned seen = 0;
	struct ifreq r = {.ifr_name = "lo"};
	int s = socket(AF_UNIX, SOCK_STREAM, 0), t = socket(AF_INET, SOCK_DGRAM, 0);

	report_eq(getifaddrs(&list), 0);
	for (i = list; i != NULL; i = i->ifa_next) {
		if (strcmp(i->ifa_name, "lo") != 0 || i->ifa_addr == NULL)
			continue;
		if (i->ifa_addr->sa_family == AF_INET)
			seen |= ((struct sockaddr_in *)i->ifa_addr)->sin_addr.s_addr == htonl(INADDR_LOOPBACK) ? 1 : 0;
		if (i->ifa_addr->sa_family == AF_INET6)
			seen |= 2;
		if (i->ifa_addr->sa_family == AF_PACKET)
			seen |= 4;
	}
	report_eq(seen, 7);
	freeifaddrs(list);
	report_eq(if_nametoindex("lo"), 1);
	report_eq(ioctl(s, SIOCGIFFLAGS, &r), 0);
	report_true((r.ifr_flags & (IFF_UP | IFF_LOOPBACK)) == (IFF_UP | IFF_LOOPBACK));
	report_eq(ioctl(t, SIOCGIFADDR, &r), 0);
	report_true(((struct sockaddr_in *)&r.ifr_addr)->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
	report_eq(ioctl(t, SIOCGIFNETMASK, &r), 0);
	report_true(((struct sockaddr_in *)&r.ifr_addr)->sin_addr.s_addr == htonl(0xff000000));
	report_eq(ioctl(t, SIOCGIFMTU, &r), 0);
	report_eq(r.ifr_mtu, 65536);
	strcpy(r.ifr_name, "nonesuch");
	report_errno(ioctl(t, SIOCGIFFLAGS, &r), ENODEV);
	close(s);
	close(t);
}

int main(void)
{
	names();
	datagrams();
	errors();
	error_queue();
	ancillary();
	reuse();
	both_families();
	options();
	many();
	segments();
	groups();
	waiting();
	pings();
	interfaces();
	return report_summary();
}
