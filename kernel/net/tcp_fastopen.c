/* SPDX-License-Identifier: MIT */
/* tcp_fastopen.c - see tcp_fastopen.h. The cookies of so many servers; the one used longest ago goes first. */
#include "kernel/net/tcp_fastopen.h"

#include "kernel/sched/spinlock.h"
#include "lib/string.h"

#define SERVERS 64u

static struct server {
	struct ipaddr addr;
	struct tcp_fast fast; /* bytes 0: free */
	uint64_t used_ns;
} servers[SERVERS];
static struct spinlock lock = SPINLOCK_INIT("fastopen");

/* The entry of this server, or NULL. Lock held. */
static struct server *find(const struct ipaddr *addr)
{
	for (unsigned i = 0; i < SERVERS; i++)
		if (servers[i].fast.bytes > 0 && ipaddr_eq(&servers[i].addr, addr))
			return &servers[i];
	return NULL;
}

static struct server *oldest(void)
{
	struct server *s = &servers[0];

	for (unsigned i = 1; i < SERVERS; i++)
		if (servers[i].used_ns < s->used_ns)
			s = &servers[i];
	return s;
}

void tcp_fastopen_learn(struct tcp_conn *c, const uint8_t *cookie, unsigned bytes)
{
	const struct ipaddr *addr = &tcp_of_conn(c)->in.remote;
	struct server *s;

	if (bytes > TCP_COOKIE_FITS)
		return;
	spin_lock(&lock);
	s = find(addr);
	if (bytes > 0) {
		s = s != NULL ? s : oldest();
		*s = (struct server){.addr = *addr, .fast = {.mss = c->mss_peer, .bytes = (uint8_t)bytes}};
		s->used_ns = clock_monotonic_ns();
		memcpy(s->fast.cookie, cookie, bytes);
	} else if (s != NULL) {
		*s = (struct server){0};
	}
	spin_unlock(&lock);
}

static struct tcp_fast look_up(const struct ipaddr *addr)
{
	struct tcp_fast fast = {0};
	struct server *s;

	spin_lock(&lock);
	s = find(addr);
	if (s != NULL) {
		s->used_ns = clock_monotonic_ns();
		fast = s->fast;
	}
	spin_unlock(&lock);
	return fast;
}

bool tcp_fastopen_has_cookie(const struct ipaddr *peer)
{
	return look_up(peer).bytes > 0;
}

size_t tcp_fastopen_syn(struct tcp_sock *t, struct sock_msg *m)
{
	struct tcp_fast fast = look_up(&t->in.remote);
	uint32_t mss = MIN(fast.mss, t->c.mss_path);
	ssize_t n = 0;

	if (m != NULL && m->uio->resid > 0 && fast.bytes > 0 && mss > TCP_OPTIONS_BYTES)
		n = tcp_sndq_write(&t->c.sndq, m->uio, mss - TCP_OPTIONS_BYTES);
	t->c.fast = &fast;
	tcp_sock_settle(t);
	t->c.fast = NULL;
	return n > 0 ? (size_t)n : 0; /* what could not be read is found by who sends the rest */
}
