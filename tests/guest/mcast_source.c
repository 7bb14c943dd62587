/* SPDX-License-Identifier: MIT */
/* Source filters of multicast groups (RFC 3678): which senders a socket hears, and what is refused. On loopback. */
#include "report.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define GROUP  0xe8010203u /* 232.1.2.3 */
#define FIRST  0x7f000001u
#define SECOND 0x7f000002u

static int rx;
static struct sockaddr_in to;

static struct in_addr in4(uint32_t a)
{
	return (struct in_addr){htonl(a)};
}

static int set(int name, uint32_t source)
{
	struct ip_mreq_source r = {
		.imr_multiaddr = in4(GROUP), .imr_interface = in4(FIRST), .imr_sourceaddr = in4(source)};

	return setsockopt(rx, IPPROTO_IP, name, &r, sizeof(r)) == 0 ? 0 : -errno;
}

static int set_any(int name)
{
	struct ip_mreq r = {.imr_multiaddr = in4(GROUP), .imr_interface = in4(FIRST)};

	return setsockopt(rx, IPPROTO_IP, name, &r, sizeof(r)) == 0 ? 0 : -errno;
}

/* Bit 0: what the first sends arrives; bit 1: what the second does. */
static int heard(void)
{
	int mask = 0;

	for (uint32_t from = FIRST; from <= SECOND; from++) {
		struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = in4(from)};
		struct in_addr out = in4(FIRST);
		int tx = socket(AF_INET, SOCK_DGRAM, 0);
		char b;
		bind(tx, (struct sockaddr *)&a, sizeof(a));
		setsockopt(tx, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof(out));
		sendto(tx, "x", 1, 0, (struct sockaddr *)&to, sizeof(to));
		if (recv(rx, &b, 1, MSG_DONTWAIT) == 1)
			mask |= 1 << (from - FIRST);
		close(tx);
	}
	return mask;
}

static void open_rx(void)
{
	int no = 0;

	rx = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(rx, IPPROTO_IP, IP_MULTICAST_ALL, &no, sizeof(no));
	bind(rx, (struct sockaddr *)&to, sizeof(to));
}

static int set_by_index(int name, const char *source)
{
	struct group_source_req r = {0};
	struct sockaddr_in *g = (void *)&r.gsr_group, *s = (void *)&r.gsr_source;

	g->sin_family = s->sin_family = AF_INET;
	g->sin_addr = in4(GROUP);
	inet_pton(AF_INET, source, &s->sin_addr);
	r.gsr_interface = 1; /* lo */
	return setsockopt(rx, IPPROTO_IP, name, &r, sizeof(r)) == 0 ? 0 : -errno;
}

/* ---- whole lists ---- */

static int set_list4(uint32_t mode, unsigned nr, const uint32_t *sources, unsigned missing)
{
	char room[IP_MSFILTER_SIZE(16)] = {0};
	struct ip_msfilter *f = (void *)room;

	*f = (struct ip_msfilter){
		.imsf_multiaddr = in4(GROUP), .imsf_interface = in4(FIRST), .imsf_fmode = mode, .imsf_numsrc = nr};
	for (unsigned i = 0; i < nr && i < 16; i++)
		f->imsf_slist[i] = in4(sources[i]);
	return setsockopt(rx, IPPROTO_IP, IP_MSFILTER, f, IP_MSFILTER_SIZE(nr) - missing) == 0 ? 0 : -errno;
}

/* The list in `room` places: its length, mode in *mode, sources added up in *sum, bytes in *bytes. */
static int get_list4(unsigned room, uint32_t *mode, uint32_t *sum, socklen_t *bytes)
{
	char buf[IP_MSFILTER_SIZE(16)] = {0};
	struct ip_msfilter *f = (void *)buf;

	*f = (struct ip_msfilter){.imsf_multiaddr = in4(GROUP), .imsf_interface = in4(FIRST), .imsf_numsrc = room};
	*bytes = IP_MSFILTER_SIZE(room);
	*sum = 0;
	if (getsockopt(rx, IPPROTO_IP, IP_MSFILTER, f, bytes) != 0)
		return -errno;
	*mode = f->imsf_fmode;
	for (unsigned i = 0; i < room && i < f->imsf_numsrc; i++)
		*sum += ntohl(f->imsf_slist[i].s_addr) - FIRST + 1;
	return (int)f->imsf_numsrc;
}

static void lists4(void)
{
	static const uint32_t both[2] = {FIRST, SECOND};
	uint32_t mode, sum, many[11];
	socklen_t bytes;

	for (unsigned i = 0; i < 11; i++)
		many[i] = FIRST + i;
	report_eq(set_list4(MCAST_EXCLUDE, 1, both, 0), -EINVAL);
	report_eq(set_list4(MCAST_INCLUDE, 0, both, 0), -EADDRNOTAVAIL);
	report_eq(get_list4(2, &mode, &sum, &bytes), -EADDRNOTAVAIL);
	report_eq(set_any(IP_ADD_MEMBERSHIP), 0);
	report_true(get_list4(2, &mode, &sum, &bytes) == 0 && mode == MCAST_EXCLUDE && bytes == IP_MSFILTER_SIZE(0));
	report_true(set_list4(MCAST_INCLUDE, 1, both, 0) == 0 && heard() == 1);
	report_true(get_list4(2, &mode, &sum, &bytes) == 1 && mode == MCAST_INCLUDE && sum == 1);
	report_true(bytes == IP_MSFILTER_SIZE(1));
	report_true(set_list4(MCAST_INCLUDE, 2, both, 0) == 0 && heard() == 3);
	report_true(get_list4(2, &mode, &sum, &bytes) == 2 && sum == 3 && bytes == IP_MSFILTER_SIZE(2));
	report_true(get_list4(1, &mode, &sum, &bytes) == 2 && sum == 1 && bytes == IP_MSFILTER_SIZE(1));
	report_true(set_list4(MCAST_EXCLUDE, 1, both, 0) == 0 && heard() == 2);
	report_eq(set(IP_ADD_SOURCE_MEMBERSHIP, FIRST), -EINVAL);
	report_true(set(IP_BLOCK_SOURCE, SECOND) == 0 && heard() == 0);
	report_true(set_list4(MCAST_EXCLUDE, 0, both, 0) == 0 && heard() == 3);
	report_eq(set_list4(MCAST_EXCLUDE, 10, many, 0), 0);
	report_eq(set_list4(MCAST_EXCLUDE, 11, many, 0), -ENOBUFS);
	report_eq(set_list4(MCAST_EXCLUDE, 2, both, 1), -EINVAL);
	report_eq(set_list4(MCAST_EXCLUDE, 0, both, 1), -EINVAL);
	report_eq(set_list4(2, 1, both, 0), -EINVAL);
	report_true(set_list4(MCAST_INCLUDE, 0, both, 0) == 0 && heard() == 0);
	report_eq(set_any(IP_DROP_MEMBERSHIP), -EADDRNOTAVAIL);
}

/* By glibc's functions, which take the option of the socket's family. */
static struct sockaddr_storage addr_of(int family, const char *text)
{
	struct sockaddr_storage a = {.ss_family = (sa_family_t)family};

	inet_pton(family, text,
		  family == AF_INET ? (void *)&((struct sockaddr_in *)(void *)&a)->sin_addr
				    : (void *)&((struct sockaddr_in6 *)(void *)&a)->sin6_addr);
	return a;
}

static void lists_of(int family, const char *group, const char *a, const char *b)
{
	int fd = socket(family, SOCK_DGRAM, 0), level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	struct sockaddr_storage list[12] = {addr_of(family, a), addr_of(family, b)}, got[12] = {0};
	struct sockaddr_storage to_group = addr_of(family, group), first = list[0];
	const struct sockaddr *g = (void *)&to_group;
	socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	struct group_req join = {.gr_interface = 1, .gr_group = to_group};
	uint32_t mode, nr = 12;

	report_errno(setsourcefilter(fd, 1, g, len, MCAST_EXCLUDE, 1, list), EINVAL);
	report_errno(getsourcefilter(fd, 1, g, len, &mode, &nr, got), EADDRNOTAVAIL);
	report_errno(setsourcefilter(fd, 77, g, len, MCAST_EXCLUDE, 1, list), ENODEV);
	report_eq(setsockopt(fd, level, MCAST_JOIN_GROUP, &join, sizeof(join)), 0);
	report_eq(setsourcefilter(fd, 1, g, len, MCAST_INCLUDE, 2, list), 0);
	nr = 12;
	report_eq(getsourcefilter(fd, 1, g, len, &mode, &nr, got), 0);
	report_true(mode == MCAST_INCLUDE && nr == 2 && memcmp(got, list, 2 * sizeof(got[0])) == 0);
	memset(got, 0, sizeof(got));
	nr = 1;
	report_eq(getsourcefilter(fd, 1, g, len, &mode, &nr, got), 0);
	report_true(nr == 2 && memcmp(got, list, sizeof(got[0])) == 0 && got[1].ss_family == 0);
	for (unsigned i = 2; i < 10; i++)
		list[i] = list[1];
	report_eq(setsourcefilter(fd, 1, g, len, MCAST_EXCLUDE, 10, list), 0);
	list[3].ss_family = AF_UNIX;
	if (family == AF_INET) /* of IPv6's Linux does not look at it */
		report_errno(setsourcefilter(fd, 1, g, len, MCAST_EXCLUDE, 10, list), EADDRNOTAVAIL);
	else
		report_eq(setsourcefilter(fd, 1, g, len, MCAST_EXCLUDE, 10, list), 0);
	report_errno(setsourcefilter(fd, 1, g, len, 7, 1, list), EINVAL);
	report_errno(setsourcefilter(fd, 1, (struct sockaddr *)&first, len, MCAST_EXCLUDE, 1, list), EINVAL);
	report_eq(setsourcefilter(fd, 1, g, len, MCAST_INCLUDE, 0, list), 0);
	report_errno(setsockopt(fd, level, MCAST_LEAVE_GROUP, &join, sizeof(join)), EADDRNOTAVAIL);
	close(fd);
}

int main(void)
{
	socklen_t len = sizeof(to);
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	/* A port that is free now, for the group's address. */
	to = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
	bind(s, (struct sockaddr *)&to, sizeof(to));
	getsockname(s, (struct sockaddr *)&to, &len);
	close(s);
	to.sin_addr = in4(GROUP);
	open_rx();
	report(heard() == 0, "nobody is heard before joining");
	report_eq(set(IP_BLOCK_SOURCE, FIRST), -EINVAL);
	report_eq(set(IP_DROP_SOURCE_MEMBERSHIP, FIRST), -EINVAL);

	report(set(IP_ADD_SOURCE_MEMBERSHIP, FIRST) == 0, "one source is joined");
	report(heard() == 1, "it alone is heard");
	report(set(IP_ADD_SOURCE_MEMBERSHIP, FIRST) == -EADDRNOTAVAIL, "a source is not joined twice");
	report_eq(set(IP_BLOCK_SOURCE, SECOND), -EINVAL);
	report(set(IP_ADD_SOURCE_MEMBERSHIP, SECOND) == 0, "a second one");
	report(heard() == 3, "both are heard");
	report(set(IP_DROP_SOURCE_MEMBERSHIP, FIRST) == 0, "the first is left");
	report(heard() == 2, "the other is heard");
	report(set(IP_DROP_SOURCE_MEMBERSHIP, FIRST) == -EADDRNOTAVAIL, "what was left cannot be left");
	report(set_any(IP_ADD_MEMBERSHIP) == -EADDRINUSE, "a member cannot join");
	report(set(IP_DROP_SOURCE_MEMBERSHIP, SECOND) == 0, "the last is left");
	report(heard() == 0, "and the group with it");
	report_eq(set_any(IP_DROP_MEMBERSHIP), -EADDRNOTAVAIL);

	report(set_any(IP_ADD_MEMBERSHIP) == 0, "any source");
	report(heard() == 3, "all are heard");
	report(set(IP_UNBLOCK_SOURCE, FIRST) == -EADDRNOTAVAIL, "none is blocked");
	report(set(IP_BLOCK_SOURCE, FIRST) == 0, "one is blocked");
	report(heard() == 2, "all others are heard");
	report(set(IP_ADD_SOURCE_MEMBERSHIP, SECOND) == -EINVAL, "now none can be joined");
	report(set(IP_UNBLOCK_SOURCE, FIRST) == 0, "it is unblocked");
	report(heard() == 3, "and heard");
	report(set(IP_ADD_SOURCE_MEMBERSHIP, SECOND) == -EINVAL, "one that had a filter keeps its kind");
	set_any(IP_DROP_MEMBERSHIP);
	set_any(IP_ADD_MEMBERSHIP);
	report(set(IP_ADD_SOURCE_MEMBERSHIP, SECOND) == 0, "a membership without sources becomes one of them");
	report(heard() == 2, "and hears them only");
	report(set_any(IP_DROP_MEMBERSHIP) == 0, "all at once is left");

	int err = 0;
	for (uint32_t i = 0; i < 10 && err == 0; i++)
		err = set(IP_ADD_SOURCE_MEMBERSHIP, SECOND + i);
	report(err == 0, "ten sources");
	report(set(IP_ADD_SOURCE_MEMBERSHIP, SECOND + 10) == -ENOBUFS, "an eleventh is too many");
	set_any(IP_DROP_MEMBERSHIP);
	report(set_by_index(MCAST_JOIN_SOURCE_GROUP, "127.0.0.2") == 0 && heard() == 2,
	       "by the options of both families");
	report(set_by_index(MCAST_LEAVE_SOURCE_GROUP, "127.0.0.2") == 0 && heard() == 0, "and left by them");
	lists4();
	lists_of(AF_INET, "232.1.2.3", "127.0.0.1", "127.0.0.2");
	lists_of(AF_INET6, "ff12::1:2:3", "::1", "fe80::2");
	close(rx);
	return report_failures != 0;
}
