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
	close(rx);
	return report_failures != 0;
}
