/* SPDX-License-Identifier: MIT */
/*
 * inspect_sockets.c - as ss(8) lists them: what is in the tables by which packets find their sockets, so connections
 * that no process has any more, too; and local sockets, which are found by their descriptors.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "vmm/inspect/inspect.h"

#define CHAINS_MAX (1u << 20)
#define CHAIN_MAX  65536u /* sockets in one chain */
#define ROWS_MAX   20000u

/* A socket's descriptor. */
struct owner {
	uint64_t socket; /* struct socket */
	struct inspect_file file;
};

struct listing {
	json_t *sockets;
	struct owner *owners; /* sorted by socket */
	size_t nr_owners, room;
};

/* ---- descriptors */

static void add_owner(struct guest_map *m, const struct inspect_file *f, void *ctx)
{
	struct listing *l = ctx;

	if (guest_number(m, f->at, CAY_MAP_FILE_OPS) != guest_value(m, CAY_MAP_SOCKET_FILES))
		return;
	if (l->nr_owners == l->room) {
		size_t room = l->room != 0 ? l->room * 2 : 64;
		struct owner *more = realloc(l->owners, room * sizeof(*more));

		if (more == NULL)
			return;
		l->owners = more;
		l->room = room;
	}
	l->owners[l->nr_owners++] = (struct owner){guest_number(m, f->at, CAY_MAP_FILE_PRIV), *f};
}

static int by_socket(const void *a, const void *b)
{
	const struct owner *x = a, *y = b;

	if (x->socket != y->socket)
		return x->socket < y->socket ? -1 : 1;
	return x->file.pid != y->file.pid ? x->file.pid - y->file.pid : x->file.fd - y->file.fd;
}

/* The first descriptor of the first process that has it; NULL: nobody's any more. */
static const struct owner *owner_of(const struct listing *l, uint64_t socket)
{
	size_t low = 0, high = l->nr_owners;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (l->owners[middle].socket < socket)
			low = middle + 1;
		else
			high = middle;
	}
	return low < l->nr_owners && l->owners[low].socket == socket ? &l->owners[low] : NULL;
}

static void set_owner(const struct listing *l, json_t *row, uint64_t socket)
{
	const struct owner *o = owner_of(l, socket);

	json_object_set_new(row, "pid", json_integer(o != NULL ? o->file.pid : 0));
	json_object_set_new(row, "fd", json_integer(o != NULL ? o->file.fd : -1));
	json_object_set_new(row, "process", json_string(o != NULL ? o->file.process : ""));
}

/* ---- the network's */

static const char *protocol_name(uint64_t proto, char text[24])
{
	switch (proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_UDPLITE:
		return "udplite";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "icmpv6";
	default:
		snprintf(text, 24, "ip-%u", (unsigned)(proto & 255));
		return text;
	}
}

static const char *state_name(uint64_t state)
{
	static const char *const names[] = {"?",         "ESTAB",  "SYN-SENT",   "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2",
					    "TIME-WAIT", "CLOSED", "CLOSE-WAIT", "LAST-ACK", "LISTEN",     "CLOSING"};

	return state < ARRAY_SIZE(names) ? names[state] : "?";
}

static void set_end(struct guest_map *m, json_t *row, const char *key, uint64_t address, uint64_t port_at, bool v4only)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	uint8_t bytes[16] = {0}, port[2] = {0};
	char ip[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 16];
	static const uint8_t any[16];
	unsigned number;

	(void)!guest_read(m, address, bytes, sizeof(bytes));
	(void)!guest_read(m, port_at, port, sizeof(port));
	number = (unsigned)port[0] << 8 | port[1];
	if (memcmp(bytes, any, sizeof(any)) == 0)
		snprintf(ip, sizeof(ip), v4only ? "0.0.0.0" : "*");
	else if (memcmp(bytes, mapped, sizeof(mapped)) == 0)
		inet_ntop(AF_INET, bytes + 12, ip, sizeof(ip));
	else
		inet_ntop(AF_INET6, bytes, ip, sizeof(ip));
	if (number != 0)
		snprintf(text, sizeof(text), strchr(ip, ':') != NULL ? "[%s]:%u" : "%s:%u", ip, number);
	else
		snprintf(text, sizeof(text), "%s:*", ip);
	json_object_set_new(row, key, json_string(text));
}

static void set_number(struct guest_map *m, json_t *row, const char *key, uint64_t base, enum cay_map_id member)
{
	json_object_set_new(row, key, json_integer((json_int_t)guest_number(m, base, member)));
}

static void set_tcp(struct guest_map *m, json_t *row, uint64_t tcp)
{
	bool listening = guest_number(m, tcp, CAY_MAP_TCP_LISTENER) != 0;

	json_object_set_new(row, "state",
			    json_string(listening ? "LISTEN" : state_name(guest_number(m, tcp, CAY_MAP_TCP_STATE))));
	/* As ss has it: of a listener, connections that wait, and how many may. */
	set_number(m, row, "receive_queue", tcp, listening ? CAY_MAP_TCP_WAITING : CAY_MAP_TCP_RECEIVE_BYTES);
	set_number(m, row, "send_queue", tcp, listening ? CAY_MAP_TCP_BACKLOG : CAY_MAP_TCP_SEND_BYTES);
	if (listening)
		return;
	set_number(m, row, "cwnd_bytes", tcp, CAY_MAP_TCP_CWND);
	set_number(m, row, "rtt_ns", tcp, CAY_MAP_TCP_SRTT_NS);
	set_number(m, row, "retransmitted", tcp, CAY_MAP_TCP_RETRANS);
	set_number(m, row, "bytes_acked", tcp, CAY_MAP_TCP_BYTES_ACKED);
	set_number(m, row, "bytes_received", tcp, CAY_MAP_TCP_BYTES_RECEIVED);
}

static void add_channel(struct guest_map *m, struct listing *l, uint64_t ch)
{
	uint64_t inet = guest_outer(m, ch, CAY_MAP_INET_CHANNEL), socket = guest_at(m, inet, CAY_MAP_INET_SOCKET);
	bool v4only = guest_number(m, ch, CAY_MAP_CHANNEL_V4ONLY) != 0;
	json_t *row = json_object();
	char text[24];

	json_object_set_new(row, "protocol",
			    json_string(protocol_name(guest_number(m, ch, CAY_MAP_CHANNEL_PROTO), text)));
	if (guest_number(m, ch, CAY_MAP_CHANNEL_OPS) == guest_value(m, CAY_MAP_TCP_CHANNELS)) {
		set_tcp(m, row, guest_outer(m, inet, CAY_MAP_TCP_INET));
	} else {
		json_object_set_new(row, "state",
				    json_string(guest_number(m, ch, CAY_MAP_CHANNEL_RPORT) != 0 ? "ESTAB" : "UNCONN"));
		set_number(m, row, "receive_queue", ch, CAY_MAP_CHANNEL_INBOX_BYTES);
		json_object_set_new(row, "send_queue", json_integer(0));
	}
	set_number(m, row, "drops", ch, CAY_MAP_CHANNEL_DROPS);
	set_end(m, row, "local", guest_at(m, ch, CAY_MAP_CHANNEL_LOCAL), guest_at(m, ch, CAY_MAP_CHANNEL_LPORT),
		v4only);
	set_end(m, row, "remote", guest_at(m, ch, CAY_MAP_CHANNEL_REMOTE), guest_at(m, ch, CAY_MAP_CHANNEL_RPORT),
		v4only);
	set_owner(l, row, socket);
	json_array_append_new(l->sockets, row);
}

static void add_chain(struct guest_map *m, struct listing *l, uint64_t ch, enum cay_map_id next)
{
	for (unsigned i = 0; ch != 0 && i < CHAIN_MAX && m->budget > 0; i++) {
		if (json_array_size(l->sockets) >= ROWS_MAX) {
			m->budget = 0;
			return;
		}
		add_channel(m, l, ch);
		ch = guest_number(m, ch, next);
	}
}

static void add_table(struct guest_map *m, struct listing *l, enum cay_map_id table, enum cay_map_id nr,
		      enum cay_map_id next)
{
	uint64_t chains = guest_pointer(m, guest_value(m, table)), n = MIN(guest_value(m, nr), (uint64_t)CHAINS_MAX);
	uint64_t piece[512];

	/* Most chains are empty: many at a time. */
	for (uint64_t i = 0; chains != 0 && i + ARRAY_SIZE(piece) <= n && m->budget > 0; i += ARRAY_SIZE(piece)) {
		if (!guest_read(m, chains + i * 8, piece, sizeof(piece)))
			return;
		for (unsigned k = 0; k < ARRAY_SIZE(piece); k++)
			add_chain(m, l, piece[k], next);
	}
}

/* ---- local ones */

/* An address as the program gave it: two bytes of family, then a path, or 0 and an abstract name. */
static void set_unix_name(struct guest_map *m, json_t *row, const char *key, uint64_t sock)
{
	uint64_t len = MIN(guest_number(m, sock, CAY_MAP_UNIX_NAME_LEN), 110ull);
	uint64_t at = guest_at(m, sock, CAY_MAP_UNIX_NAME) + 2;
	char name[112] = "*", first = 0;

	if (len > 2 && guest_read(m, at, &first, 1) && first != 0) {
		guest_text(m, at, len - 2, name, sizeof(name));
	} else if (len > 3) {
		name[0] = '@';
		guest_text(m, at + 1, len - 3, name + 1, sizeof(name) - 1);
	}
	json_object_set_new(row, key, json_string(name));
}

static void set_unix(struct guest_map *m, json_t *row, uint64_t sock)
{
	uint64_t peer = guest_number(m, sock, CAY_MAP_UNIX_PEER);
	bool listening = guest_number(m, sock, CAY_MAP_UNIX_LISTENING) != 0;

	json_object_set_new(row, "state", json_string(listening ? "LISTEN" : peer != 0 ? "ESTAB" : "UNCONN"));
	set_number(m, row, "receive_queue", sock, CAY_MAP_UNIX_QUEUED);
	set_number(m, row, "send_queue", peer, CAY_MAP_UNIX_QUEUED);
	set_unix_name(m, row, "local", sock);
	set_unix_name(m, row, "remote", peer);
}

static const char *local_protocol(uint64_t family, uint64_t type)
{
	if (family == AF_UNIX)
		return type == SOCK_STREAM ? "unix-stream" : type == SOCK_DGRAM ? "unix-dgram" : "unix-seq";
	return family == AF_NETLINK ? "netlink" : family == AF_PACKET ? "packet" : NULL;
}

static void add_local(struct guest_map *m, struct listing *l, const struct owner *o)
{
	uint64_t family = guest_number(m, o->socket, CAY_MAP_SOCKET_FAMILY);
	const char *name = local_protocol(family, guest_number(m, o->socket, CAY_MAP_SOCKET_TYPE));
	json_t *row;

	if (name == NULL)
		return;
	row = json_pack("{s:s, s:s, s:i, s:i}", "protocol", name, "state", "UNCONN", "receive_queue", 0, "send_queue",
			0);
	if (family == AF_UNIX) {
		set_unix(m, row, guest_outer(m, o->socket, CAY_MAP_UNIX_SOCKET));
	} else {
		json_object_set_new(row, "local", json_string("*"));
		json_object_set_new(row, "remote", json_string("*"));
	}
	set_owner(l, row, o->socket);
	json_array_append_new(l->sockets, row);
}

json_t *inspect_sockets(struct guest_map *m)
{
	struct listing l = {.sockets = json_array()};

	inspect_each_file(m, add_owner, &l);
	if (l.nr_owners != 0)
		qsort(l.owners, l.nr_owners, sizeof(l.owners[0]), by_socket);
	add_table(m, &l, CAY_MAP_BOUND_TABLE, CAY_MAP_NR_BOUND, CAY_MAP_CHANNEL_BOUND_NEXT);
	add_table(m, &l, CAY_MAP_EXACT_TABLE, CAY_MAP_NR_EXACT, CAY_MAP_CHANNEL_EXACT_NEXT);
	for (size_t i = 0; i < l.nr_owners && json_array_size(l.sockets) < ROWS_MAX; i++)
		if (i == 0 || l.owners[i].socket != l.owners[i - 1].socket)
			add_local(m, &l, &l.owners[i]);
	free(l.owners);
	return l.sockets;
}
