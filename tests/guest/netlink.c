/* SPDX-License-Identifier: MIT */
/*
 * Netlink: sockets told by NETLINK_SOCK_DIAG, and who hears of which change by NETLINK_ROUTE. As root on Linux it works
 * in a network namespace of its own; as another user there it changes nothing and skips that part.
 */
#include "report.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define FIN_WAIT1 4
#define LISTEN    10

static char answer[65536];

/* ---- sock_diag ---- */

struct diag_request {
	struct nlmsghdr h;
	struct inet_diag_req_v2 r;
};

static int diag;

static void ask(struct diag_request *q, unsigned flags)
{
	struct sockaddr_nl to = {.nl_family = AF_NETLINK};

	q->h = (struct nlmsghdr){.nlmsg_len = sizeof(*q),
				 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
				 .nlmsg_flags = NLM_F_REQUEST | flags,
				 .nlmsg_seq = 7};
	if (sendto(diag, q, sizeof(*q), 0, (struct sockaddr *)&to, sizeof(to)) != sizeof(*q))
		report(false, "a request is sent");
}

/* The message about a socket with this port of its own, from a list; and how many there were of it. NULL: none. */
static const struct inet_diag_msg *find(uint16_t port, unsigned *nr)
{
	static _Alignas(8) char found[1024];
	const struct inet_diag_msg *m = NULL;

	*nr = 0;
	for (;;) {
		ssize_t n = recv(diag, answer, sizeof(answer), 0);
		if (n <= 0)
			return m;
		for (struct nlmsghdr *h = (void *)answer; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			const struct inet_diag_msg *d = NLMSG_DATA(h);
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
				return m;
			if (d->id.idiag_sport != port || h->nlmsg_len > sizeof(found))
				continue;
			memcpy(found, h, h->nlmsg_len);
			m = NLMSG_DATA((struct nlmsghdr *)(void *)found);
			(*nr)++;
		}
	}
}

static unsigned attribute_bytes(const struct inet_diag_msg *m, unsigned type)
{
	const struct nlmsghdr *h = (const void *)((const char *)m - NLMSG_HDRLEN);
	unsigned left = h->nlmsg_len - NLMSG_LENGTH(sizeof(*m));

	for (const struct rtattr *a = (const void *)(m + 1); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == type)
			return RTA_PAYLOAD(a);
	return 0;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	getsockname(fd, (struct sockaddr *)&a, &len);
	return a.sin_port;
}

static void sockets(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0),
	    u = socket(AF_INET, SOCK_DGRAM, 0), s;
	struct diag_request q = {
		.r = {.sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP, .idiag_states = 1u << LISTEN}};
	const struct inet_diag_msg *m;
	struct tcp_info info;
	socklen_t len = sizeof(info);
	struct stat st;
	unsigned nr;

	diag = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
	report(diag >= 0, "a socket of NETLINK_SOCK_DIAG");
	bind(l, (struct sockaddr *)&a, sizeof(a));
	listen(l, 5);
	bind(u, (struct sockaddr *)&a, sizeof(a));
	a.sin_port = port_of(l);
	connect(c, (struct sockaddr *)&a, sizeof(a));
	s = accept(l, NULL, NULL);

	ask(&q, NLM_F_DUMP);
	m = find(port_of(l), &nr);
	fstat(l, &st);
	report(m != NULL && nr == 1 && m->idiag_state == LISTEN, "a list of who listens has our listener, once");
	report(m != NULL && m->idiag_inode == st.st_ino && m->idiag_uid == getuid() &&
		       m->id.idiag_src[0] == a.sin_addr.s_addr,
	       "with its address, inode and user");
	report(m != NULL && m->idiag_wqueue == 5, "and its backlog");

	q.r.idiag_states = 1u << TCP_ESTABLISHED;
	q.r.idiag_ext = 1u << (INET_DIAG_INFO - 1) | 1u << (INET_DIAG_CONG - 1) | 1u << (INET_DIAG_SKMEMINFO - 1);
	report(write(s, "hello", 5) == 5, "write");
	ask(&q, NLM_F_DUMP);
	m = find(port_of(c), &nr);
	report(m != NULL && nr == 1 && m->idiag_state == TCP_ESTABLISHED && m->id.idiag_dport == a.sin_port,
	       "the connection, from its one end");
	report(m != NULL && m->idiag_rqueue == 5, "with five bytes to read");
	report(m != NULL && attribute_bytes(m, INET_DIAG_INFO) >= 104 && attribute_bytes(m, INET_DIAG_CONG) >= 4 &&
		       attribute_bytes(m, INET_DIAG_SKMEMINFO) == 4 * SK_MEMINFO_VARS,
	       "and what was asked for beside");

	q.r.idiag_ext = 0;
	q.r.idiag_states = -1u;
	q.r.id.idiag_sport = port_of(c);
	q.r.id.idiag_dport = a.sin_port;
	q.r.id.idiag_src[0] = q.r.id.idiag_dst[0] = a.sin_addr.s_addr;
	q.r.id.idiag_cookie[0] = q.r.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	ask(&q, 0);
	ssize_t n = recv(diag, answer, sizeof(answer), 0);
	m = NLMSG_DATA((struct nlmsghdr *)(void *)answer);
	report(n >= (ssize_t)NLMSG_LENGTH(sizeof(*m)) &&
		       ((struct nlmsghdr *)(void *)answer)->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
		       m->id.idiag_sport == port_of(c),
	       "one socket by its addresses");
	q.r.id.idiag_dport = htons(1);
	ask(&q, 0);
	n = recv(diag, answer, sizeof(answer), 0);
	const struct nlmsgerr *e = NLMSG_DATA((struct nlmsghdr *)(void *)answer);
	report(n > 0 && ((struct nlmsghdr *)(void *)answer)->nlmsg_type == NLMSG_ERROR && e->error == -ENOENT,
	       "one that is not there");

	q.r.sdiag_protocol = IPPROTO_UDP;
	q.r.id.idiag_sport = 0;
	ask(&q, NLM_F_DUMP);
	report(find(port_of(u), &nr) == NULL, "a list has only the ports that were asked for");
	q.r.id.idiag_dport = 0;
	ask(&q, NLM_F_DUMP);
	report(find(port_of(u), &nr) != NULL && nr == 1, "a socket of UDP");

	/* Data that the peer has no room for stand between us and the FIN. */
	fcntl(c, F_SETFL, O_NONBLOCK);
	while (write(c, answer, sizeof(answer)) > 0)
		;
	shutdown(c, SHUT_WR);
	report(getsockopt(c, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_state == FIN_WAIT1,
	       "TCP_INFO after a shutdown that cannot go out yet");
	q.r.sdiag_protocol = IPPROTO_TCP;
	ask(&q, NLM_F_DUMP);
	m = find(port_of(c), &nr);
	report(m != NULL && m->idiag_state == FIN_WAIT1, "and the list says the same");
	close(l), close(c), close(u), close(s), close(diag);
}

/* ---- notifications ---- */

static int listener(unsigned groups)
{
	struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_groups = groups};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		report(false, "bind of a listener");
	return fd;
}

/* Does a message of this kind about this address wait? Others are passed over. */
static bool hears(int fd, uint16_t type, uint32_t addr, unsigned *groups)
{
	struct sockaddr_nl from;
	bool found = false;

	for (;;) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, answer, sizeof(answer), 0, (struct sockaddr *)&from, &len);
		if (n <= 0)
			return found;
		for (struct nlmsghdr *h = (void *)answer; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			unsigned fixed = type == RTM_NEWROUTE || type == RTM_DELROUTE ? sizeof(struct rtmsg)
										      : sizeof(struct ifaddrmsg);
			unsigned left = h->nlmsg_len - NLMSG_LENGTH(fixed);
			if (h->nlmsg_type != type)
				continue;
			for (const struct rtattr *a = (const void *)((char *)NLMSG_DATA(h) + NLMSG_ALIGN(fixed));
			     RTA_OK(a, left); a = RTA_NEXT(a, left)) {
				if (a->rta_type != 1 /* IFA_ADDRESS, RTA_DST */ || RTA_PAYLOAD(a) != 4 ||
				    memcmp(RTA_DATA(a), &addr, 4) != 0)
					continue;
				found = true;
				*groups = from.nl_groups;
			}
		}
	}
}

static bool hears_of_link(int fd)
{
	bool found = false;
	ssize_t n;

	while ((n = recv(fd, answer, sizeof(answer), 0)) > 0)
		for (struct nlmsghdr *h = (void *)answer; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
			found |= h->nlmsg_type == RTM_NEWLINK;
	return found;
}

static int change_addr(int fd, uint16_t type, uint32_t addr)
{
	struct {
		struct nlmsghdr h;
		struct ifaddrmsg m;
		struct rtattr a;
		uint32_t addr;
	} q = {
		.h = {.nlmsg_len = sizeof(q),
		      .nlmsg_type = type,
		      .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | (type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_EXCL : 0)},
		.m = {.ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = if_nametoindex("lo")},
		.a = {.rta_len = RTA_LENGTH(4), .rta_type = IFA_LOCAL},
		.addr = addr,
	};
	ssize_t n;

	send(fd, &q, sizeof(q), 0);
	n = recv(fd, answer, sizeof(answer), 0);
	return n >= (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr))
		       ? ((struct nlmsgerr *)NLMSG_DATA((struct nlmsghdr *)(void *)answer))->error
		       : -EIO;
}

static void set_loopback(bool up)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq r = {.ifr_name = "lo"};

	ioctl(s, SIOCGIFFLAGS, &r);
	r.ifr_flags = (short)(up ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP);
	report(ioctl(s, SIOCSIFFLAGS, &r) == 0, "loopback %s", up ? "up" : "down");
	close(s);
}

static void notifications(void)
{
	uint32_t addr = inet_addr("10.77.1.1"), other = inet_addr("10.77.2.1");
	int request = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	int hearing = listener(RTMGRP_IPV4_IFADDR), deaf = listener(0), links = listener(RTMGRP_LINK);
	unsigned groups = 0, group = RTNLGRP_IPV4_IFADDR;

	report(change_addr(request, RTM_NEWADDR, addr) == 0, "an address is added");
	report(hears(hearing, RTM_NEWADDR, addr, &groups) && groups == RTMGRP_IPV4_IFADDR,
	       "who joined hears of it, as one of its group");
	report_errno(recv(deaf, answer, sizeof(answer), 0), EAGAIN);
	report_errno(recv(links, answer, sizeof(answer), 0), EAGAIN);
	report(setsockopt(deaf, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) == 0, "another joins");
	report(change_addr(request, RTM_NEWADDR, other) == 0, "a second address");
	report(hears(hearing, RTM_NEWADDR, other, &groups) && hears(deaf, RTM_NEWADDR, other, &groups),
	       "both hear of it");
	report(setsockopt(hearing, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &group, sizeof(group)) == 0,
	       "the first leaves");
	report(change_addr(request, RTM_DELADDR, addr) == 0 && change_addr(request, RTM_DELADDR, other) == 0,
	       "both addresses go");
	report(!hears(hearing, RTM_DELADDR, addr, &groups), "who left hears nothing");
	report(hears(deaf, RTM_DELADDR, addr, &groups), "who stayed hears that they went");
	report(change_addr(request, RTM_DELADDR, addr) == -EADDRNOTAVAIL, "an address that is not there");
	report(!hears(deaf, RTM_DELADDR, addr, &groups), "and nobody hears of that");
	set_loopback(false);
	report(hears_of_link(links), "a link goes down: its group hears of it");
	set_loopback(true);
	report(hears_of_link(links), "and up");
	close(request), close(hearing), close(deaf), close(links);
}

/* Who does not read its answers loses those for which there is no room, and is told. */
static void answers_that_nobody_reads(void)
{
	struct nlmsghdr h = {.nlmsg_len = sizeof(h), .nlmsg_type = 1000, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK};
	int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), sent = 0, read = 0;
	bool told = false;
	char b[256];

	while (sent < 4000 && send(s, &h, sizeof(h), 0) == sizeof(h))
		sent++;
	for (;;) {
		ssize_t n = recv(s, b, sizeof(b), MSG_DONTWAIT);

		if (n < 0 && errno != ENOBUFS)
			break;
		told |= n < 0;
		read += n > 0;
	}
	report(sent == 4000, "all can be sent");
	report(read < sent && told, "of those for which there is no room ENOBUFS tells");
	close(s);
}

int main(void)
{
	bool alone = unshare(CLONE_NEWNET) == 0;
	/* A kernel without name spaces for networks is no ordinary Linux but a VM's, which has one of its own anyhow.
	 */
	bool no_such_thing = !alone && (errno == EINVAL || errno == ENOSYS);

	if (alone)
		set_loopback(true);
	sockets();
	answers_that_nobody_reads();
	if (alone || (no_such_thing && geteuid() == 0))
		notifications();
	else
		report_skip("notifications", "only root may change a network");
	return report_summary();
}
