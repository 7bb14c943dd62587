/* SPDX-License-Identifier: MIT */
/*
 * Rings of packet sockets (PACKET_RX_RING) in all three versions: sizes that are refused, frames that arrive, whose a
 * slot or a block is, what poll and PACKET_STATISTICS say. Frames: datagrams to ourselves on loopback, told from
 * others' by a filter on their UDP port.
 */
#include "report.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pthread.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK  4096u
#define FRAME  2048u
#define BLOCKS 2u

static int udp, lo;
static struct sockaddr_in to;

/* The port is learnt first: a filter that lets only its datagrams pass. */
static void open_udp(void)
{
	socklen_t len = sizeof(to);

	udp = socket(AF_INET, SOCK_DGRAM, 0);
	to = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	bind(udp, (struct sockaddr *)&to, sizeof(to));
	getsockname(udp, (struct sockaddr *)&to, &len);
	lo = (int)if_nametoindex("lo");
}

static int open_packet(int type)
{
	struct sock_filter insn[] = {
		/* On loopback each frame is seen as it goes and as it comes; the latter is enough. */
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_HOST, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (type == SOCK_RAW ? 14 : 0) + 22),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohs(to.sin_port), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0x40000),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = {sizeof(insn) / sizeof(insn[0]), insn};
	struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = lo};
	int s = socket(AF_PACKET, type, 0);

	setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
	if (bind(s, (struct sockaddr *)&ll, sizeof(ll)) != 0)
		report(false, "bind");
	return s;
}

static void say(const char *text)
{
	sendto(udp, text, strlen(text), 0, (struct sockaddr *)&to, sizeof(to));
}

static int option(int s, int name, int v)
{
	return setsockopt(s, SOL_PACKET, name, &v, sizeof(v));
}

static int ring(int s, unsigned block, unsigned nr, unsigned frame, unsigned frames)
{
	struct tpacket_req r = {block, nr, frame, frames};

	return setsockopt(s, SOL_PACKET, PACKET_RX_RING, &r, sizeof(r));
}

static int ready(int s)
{
	struct pollfd p = {.fd = s, .events = POLLIN};

	return poll(&p, 1, 0);
}

static unsigned drops(int s, unsigned *packets)
{
	struct tpacket_stats_v3 st = {0};
	socklen_t len = sizeof(st);

	getsockopt(s, SOL_PACKET, PACKET_STATISTICS, &st, &len);
	*packets = st.tp_packets;
	return st.tp_drops;
}

static int header_bytes(int s, int version)
{
	int v = version;
	socklen_t len = sizeof(v);

	return getsockopt(s, SOL_PACKET, PACKET_HDRLEN, &v, &len) == 0 ? v : -errno;
}

static void test_refusals(void)
{
	int s = open_packet(SOCK_RAW);

	report_eq(header_bytes(s, TPACKET_V1), 32);
	report_eq(header_bytes(s, TPACKET_V2), 32);
	report_eq(header_bytes(s, TPACKET_V3), 48);
	report_eq(header_bytes(s, 7), -EINVAL);
	report_errno(option(s, PACKET_VERSION, 3), EINVAL);
	report_errno(option(s, PACKET_RESERVE, -1), EINVAL);
	report_errno(ring(s, 4000, 1, 2000, 2), EINVAL);
	report_errno(ring(s, BLOCK, 2, FRAME, 3), EINVAL);
	report_errno(ring(s, BLOCK, 2, 2056, 2), EINVAL);
	report_errno(ring(s, BLOCK, 2, 32, 256), EINVAL);
	report_errno(ring(s, BLOCK, 2, 8192, 0), EINVAL);
	report_errno(ring(s, 0, 0, 0, 4), EINVAL);
	report(ring(s, 0, 0, 0, 0) == 0, "none in place of none");
	report(mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, s, 0) == MAP_FAILED && errno == EINVAL,
	       "there is none to map");
	report(ring(s, BLOCK, 2, FRAME, 4) == 0, "a ring");
	report_errno(ring(s, BLOCK, 2, FRAME, 4), EBUSY);
	report_errno(option(s, PACKET_VERSION, TPACKET_V2), EBUSY);
	report_errno(option(s, PACKET_RESERVE, 0), EBUSY);
	report(mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, s, 0) == MAP_FAILED && errno == EINVAL,
	       "a part cannot be mapped");
	char *m = mmap(NULL, 2 * BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, s, 0);
	report(m != MAP_FAILED, "all of it can");
	report(m[0] == 0 && m[2 * BLOCK - 1] == 0, "it is zero");
	report_errno(ring(s, 0, 0, 0, 0), EBUSY);
	munmap(m, 2 * BLOCK);
	report(ring(s, 0, 0, 0, 0) == 0, "it goes when it is no longer mapped");
	close(s);
}

static bool text_is(const char *slot, unsigned mac, unsigned snaplen, const char *text)
{
	unsigned headers = 14 + 20 + 8;

	return snaplen == headers + strlen(text) && memcmp(slot + mac + headers, text, strlen(text)) == 0;
}

static void test_slots(int version)
{
	unsigned packets;
	int s = open_packet(SOCK_RAW);

	report(option(s, PACKET_VERSION, version) == 0, "version %d", version);
	report(option(s, PACKET_RESERVE, 8) == 0, "room in front");
	report(ring(s, BLOCK, BLOCKS, FRAME, 4) == 0, "a ring of four");
	char *m = mmap(NULL, BLOCKS * BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, s, 0);

	report_eq(ready(s), 0);
	say("first");
	report_eq(ready(s), 1);
	struct tpacket_hdr *h1 = (void *)m;
	struct tpacket2_hdr *h2 = (void *)m;
	unsigned status = version == TPACKET_V1 ? (unsigned)h1->tp_status : h2->tp_status;
	unsigned mac = version == TPACKET_V1 ? h1->tp_mac : h2->tp_mac,
		 net = version == TPACKET_V1 ? h1->tp_net : h2->tp_net;
	struct sockaddr_ll *ll = (void *)(m + 32);
	report((status & TP_STATUS_USER) && !(status & TP_STATUS_LOSING), "it is the program's");
	report_eq(mac, 32 + 20 + 12 + 16 + 8 - 14 + 0);
	report_eq(net, mac + 14);
	report(text_is(m, mac, version == TPACKET_V1 ? h1->tp_snaplen : h2->tp_snaplen, "first"), "the frame");
	report(ll->sll_family == AF_PACKET && ll->sll_ifindex == lo && ll->sll_pkttype == PACKET_HOST &&
		       ntohs(ll->sll_protocol) == ETH_P_IP,
	       "and where it came from");
	char byte;
	report_errno(recv(s, &byte, 1, MSG_DONTWAIT), EAGAIN);

	say("second");
	say("third");
	say("fourth");
	say("fifth");
	say("sixth");
	report_eq(drops(s, &packets), 2);
	report_eq(packets, 6);
	report_eq(drops(s, &packets), 0);
	memset(m, 0, 4); /* the first is the kernel's again */
	say("seventh");
	report(memmem(m, FRAME, "seventh", 7) != NULL, "it takes the place that is free");
	for (unsigned i = 0; i < 4; i++)
		memset(m + i * FRAME, 0, 4);
	report_eq(ready(s), 0);
	close(s);
	report((m[FRAME + mac + 12] & 0xff) == 0x08, "what is mapped outlives the descriptor");
	munmap(m, BLOCKS * BLOCK);
}

static void test_long_frames_are_cut(void)
{
	static char text[3000];
	int s = open_packet(SOCK_DGRAM);

	memset(text, 'x', sizeof(text) - 1);
	option(s, PACKET_VERSION, TPACKET_V2);
	report(ring(s, BLOCK, BLOCKS, FRAME, 4) == 0, "a ring of a SOCK_DGRAM socket");
	char *m = mmap(NULL, BLOCKS * BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, s, 0);
	struct tpacket2_hdr *h = (void *)m;
	say(text);
	report_eq(h->tp_mac, 32 + 20 + 12 + 16);
	report_eq(h->tp_net, h->tp_mac);
	report_eq(h->tp_len, 3027);
	report_eq(h->tp_snaplen, FRAME - h->tp_mac);
	report_eq(m[h->tp_net], 0x45);
	munmap(m, BLOCKS * BLOCK);
	close(s);
}

static int blocks(int s, unsigned timeout_ms, unsigned private)
{
	struct tpacket_req3 r = {BLOCK, BLOCKS, FRAME, 4, timeout_ms, private, 0};

	return setsockopt(s, SOL_PACKET, PACKET_RX_RING, &r, sizeof(r));
}

static void test_blocks(void)
{
	struct tpacket_req three = {BLOCK, BLOCKS, FRAME, 4};
	static char text[1201];
	unsigned packets;
	int s = open_packet(SOCK_RAW);

	memset(text, 'x', sizeof(text) - 1);
	option(s, PACKET_VERSION, TPACKET_V3);
	report(setsockopt(s, SOL_PACKET, PACKET_RX_RING, &three, sizeof(three)) == -1 && errno == EINVAL,
	       "version 3 wants more to be said");
	report_errno(blocks(s, 10, BLOCK), EINVAL);
	report(blocks(s, 10, 100) == 0, "blocks with private parts");
	char *m = mmap(NULL, BLOCKS * BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, s, 0);
	volatile struct tpacket_block_desc *b = (void *)m, *next = (void *)(m + BLOCK);
	struct pollfd p = {.fd = s, .events = POLLIN};

	report_eq(ready(s), 0);
	say("hello");
	say("again");
	report_eq(poll(&p, 1, 10000), 1);
	report(b->hdr.bh1.block_status & TP_STATUS_BLK_TMO, "a block is given over when its time has come");
	report_eq(b->version, TPACKET_V3);
	report_eq(b->offset_to_priv, 48);
	report_eq(b->hdr.bh1.offset_to_first_pkt, 48 + 104);
	report_eq(b->hdr.bh1.seq_num, 1);
	report_eq(b->hdr.bh1.num_pkts, 2);
	struct tpacket3_hdr *h = (void *)(m + b->hdr.bh1.offset_to_first_pkt);
	report_eq(h->tp_mac, 48 + 32 + 16 - 14);
	report_eq(h->tp_net, h->tp_mac + 14);
	report(text_is((char *)h, h->tp_mac, h->tp_snaplen, "hello"), "its first frame");
	report_eq(h->tp_next_offset % 8, 0);
	h = (void *)((char *)h + h->tp_next_offset);
	report(text_is((char *)h, h->tp_mac, h->tp_snaplen, "again"), "its second frame");
	report_eq(h->tp_next_offset, 0);
	report(b->hdr.bh1.ts_first_pkt.ts_sec > 1000000000 &&
		       b->hdr.bh1.ts_last_pkt.ts_sec >= b->hdr.bh1.ts_first_pkt.ts_sec,
	       "times");

	for (int i = 0; i < 4; i++)
		say(text); /* three fill the other block; the first is not ours to write */
	report_eq(next->hdr.bh1.num_pkts, 2);
	report(next->hdr.bh1.block_status & TP_STATUS_USER, "a full block is given over at once");
	report_eq(drops(s, &packets), 2);
	report_eq(packets, 6);
	b->hdr.bh1.block_status = TP_STATUS_KERNEL;
	next->hdr.bh1.block_status = TP_STATUS_KERNEL;
	say("once more");
	report_eq(poll(&p, 1, 10000), 1);
	report_eq(b->hdr.bh1.num_pkts, 1);
	report_eq(b->hdr.bh1.seq_num, 3);
	munmap(m, BLOCKS * BLOCK);
	close(s);
}

static void test_auxdata(void)
{
	struct {
		struct cmsghdr h;
		struct tpacket_auxdata aux;
		char rest[100];
	} c;
	char b[1000];
	struct iovec iov = {b, 40};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)};
	int s = open_packet(SOCK_RAW);

	report(option(s, PACKET_AUXDATA, 1) == 0, "PACKET_AUXDATA");
	say("with more");
	report_eq(recvmsg(s, &m, 0), 40);
	report(c.h.cmsg_level == SOL_PACKET && c.h.cmsg_type == PACKET_AUXDATA, "the record");
	report_eq(c.aux.tp_len, 14 + 20 + 8 + 9);
	report_eq(c.aux.tp_snaplen, c.aux.tp_len);
	report(c.aux.tp_status & TP_STATUS_USER, "its status");
	report_eq(c.aux.tp_net, 14);
	close(s);
}

/* --- a ring comes and goes while another thread maps it: it is there, or it is not --- */

static _Atomic int stop;

static void *mapper(void *arg)
{
	const int *s = arg;

	while (!stop) {
		volatile char *m = mmap(NULL, 2 * BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, *s, 0);

		if (m == MAP_FAILED)
			continue;
		(void)!fault_of(m[0] = m[BLOCK] =
					1); /* SIGBUS: it went before it was touched; on Linux it stays then */
		munmap((void *)m, 2 * BLOCK);
	}
	return NULL;
}

static void test_a_ring_goes_while_it_is_mapped(void)
{
	int s = open_packet(SOCK_RAW), made = 0;
	pthread_t t;

	report_catch_faults();
	pthread_create(&t, NULL, mapper, &s);
	for (int i = 0; i < 60000 && made < 12000; i++) {
		made += ring(s, BLOCK, 2, FRAME, 4) == 0;
		for (volatile int wait = i % 100 * 20; wait > 0; wait--)
			;
		ring(s, 0, 0, 0, 0);
	}
	stop = 1;
	pthread_join(t, NULL);
	report(made > 0, "a ring comes and goes while it is mapped");
	close(s);
}

int main(void)
{
	int s = socket(AF_PACKET, SOCK_RAW, 0);

	if (s < 0) {
		printf("SKIP packet sockets: needs CAP_NET_RAW\n");
		return 0;
	}
	close(s);
	open_udp();
	test_refusals();
	test_slots(TPACKET_V1);
	test_slots(TPACKET_V2);
	test_long_frames_are_cut();
	test_blocks();
	test_auxdata();
	test_a_ring_goes_while_it_is_mapped();
	return report_failures != 0;
}
