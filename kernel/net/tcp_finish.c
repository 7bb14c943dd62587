/* SPDX-License-Identifier: MIT */
/*
 * tcp_finish.c - the VM ends with its program, but what the program wrote before is still to arrive, as it would on
 * Linux, whose kernel goes on. So the end waits for connections that the program has closed and whose peers have not
 * acknowledged everything; for peers that are gone not long.
 */
#include "kernel/net/netif.h"
#include "kernel/net/tcp_sock.h"

/* A peer that acknowledges nothing for so long is given up; and so is any after the second. */
#define NO_PROGRESS_NS 2000000000ull
#define FINISH_MAX_NS  10000000000ull
/* How often to look. Nothing else happens in the VM any more. */
#define LOOK_EVERY_NS 1000000u

/* Without the channel's lock: a figure that is a moment old is as good. */
static void add_unfinished(struct channel *ch, void *arg)
{
	const struct tcp_sock *t = container_of(container_of(ch, struct inet_sock, ch), struct tcp_sock, in);
	uint64_t *bytes = arg;

	if (ch->ops != &tcp_channel_ops || !READ_ONCE(t->file_gone) || netif_owner_of(&ch->key.remote) != NULL)
		return;
	switch (READ_ONCE(t->c.state)) {
	case TCPS_ESTABLISHED: /* closed, but there is data to be sent before the FIN */
	case TCPS_CLOSE_WAIT:
	case TCPS_FIN_WAIT1:
	case TCPS_CLOSING:
	case TCPS_LAST_ACK:
		*bytes += 1 + READ_ONCE(t->c.sndq.bytes); /* FIN is one, too */
		break;
	default:
		break;
	}
}

static uint64_t unfinished_bytes(void)
{
	uint64_t bytes = 0;

	channel_for_each(IPPROTO_TCP, add_unfinished, &bytes);
	return bytes;
}

void tcp_finish(void)
{
	struct waitq nobody = WAITQ_INIT(nobody);
	uint64_t left = unfinished_bytes();
	uint64_t now_ns, start_ns, progress_ns;

	if (left == 0)
		return;
	start_ns = progress_ns = now_ns = clock_monotonic_ns();
	while (left != 0 && now_ns - progress_ns < NO_PROGRESS_NS && now_ns - start_ns < FINISH_MAX_NS) {
		uint64_t before = left;

		(void)wait_event_deadline(&nobody, false, now_ns + LOOK_EVERY_NS, false);
		left = unfinished_bytes();
		now_ns = clock_monotonic_ns();
		if (left != before)
			progress_ns = now_ns;
	}
}
