/* SPDX-License-Identifier: MIT */
/* tcp_secret.c - see tcp_secret.h. */
#include "kernel/net/tcp_secret.h"

#include "kernel/net/tcp_seq.h"
#include "lib/siphash.h"
#include "lib/string.h"

#define COOKIE_PERIOD_NS 60000000000ull
#define MSS_BITS         2
#define COUNT_BITS       2 /* of the minute */
#define TS_BITS          5 /* window scale (15: none), SACK */
#define NO_WSCALE        15u

static struct siphash_key isn_key, ts_key, cookie_key, hash_key;

static const uint16_t cookie_mss[1 << MSS_BITS] = {536, 1220, 1440, 1460};

_Static_assert(sizeof(struct tcp_tuple) == 40, "five words to hash");

void tcp_secret_init(const uint8_t seed[64])
{
	memcpy(&isn_key, seed, 16);
	memcpy(&ts_key, seed + 16, 16);
	memcpy(&cookie_key, seed + 32, 16);
	memcpy(&hash_key, seed + 48, 16);
}

static uint64_t hash(const struct siphash_key *key, const struct tcp_tuple *t, uint64_t a, uint64_t b)
{
	uint64_t words[7];

	memcpy(words, t, sizeof(*t));
	words[5] = a;
	words[6] = b;
	return siphash13_words(key, words, 7);
}

uint32_t tcp_secret_isn(const struct tcp_tuple *t, uint64_t now_ns)
{
	/* Faster than RFC 9293's 4 us, so that a port that is used again at once is ahead of its last use: the clock
	 * wraps after 275 s, which is still longer than TIME-WAIT. */
	return (uint32_t)hash(&isn_key, t, 0, 0) + (uint32_t)(now_ns >> 6);
}

uint32_t tcp_secret_ts_offset(const struct tcp_tuple *t)
{
	struct tcp_tuple hosts = *t;

	hosts.lport = hosts.rport = 0; /* the same for all connections of two hosts, as PAWS in TIME-WAIT needs */
	return (uint32_t)hash(&ts_key, &hosts, 0, 0);
}

uint32_t tcp_secret_hash(const struct tcp_tuple *t)
{
	return (uint32_t)hash(&hash_key, t, 0, 0);
}

/* 28 bits that depend on everything, above the bits that carry something. */
static uint32_t cookie_of(const struct tcp_tuple *t, uint32_t irs, uint64_t minute, uint32_t mss_index)
{
	uint32_t h = (uint32_t)hash(&cookie_key, t, (uint64_t)irs << 32 | mss_index, minute);

	return h << (MSS_BITS + COUNT_BITS) | (uint32_t)(minute & ((1u << COUNT_BITS) - 1)) << MSS_BITS | mss_index;
}

uint32_t tcp_cookie_make(const struct tcp_tuple *t, const struct tcp_seg *syn, uint64_t now_ns, uint32_t *ts_val)
{
	uint32_t index = ARRAY_SIZE(cookie_mss) - 1;

	while (index > 0 && cookie_mss[index] > syn->mss)
		index--;
	uint32_t bits = (syn->has_wscale ? syn->wscale : NO_WSCALE) | (syn->sack_ok ? 16u : 0);
	uint32_t ts = *ts_val & ~((1u << TS_BITS) - 1);
	ts |= bits;
	*ts_val = seq_after(ts, *ts_val) ? ts - (1u << TS_BITS) : ts; /* never from the future */
	return cookie_of(t, syn->seq, now_ns / COOKIE_PERIOD_NS, index);
}

bool tcp_cookie_check(const struct tcp_tuple *t, const struct tcp_seg *ack, uint64_t now_ns, struct tcp_agreed *a)
{
	uint32_t cookie = ack->ack - 1, irs = ack->seq - 1;
	uint32_t index = cookie & ((1u << MSS_BITS) - 1);
	uint64_t minute = now_ns / COOKIE_PERIOD_NS;

	if (cookie != cookie_of(t, irs, minute, index) &&
	    (minute == 0 || cookie != cookie_of(t, irs, minute - 1, index)))
		return false;
	a->iss = cookie;
	a->irs = irs;
	a->mss_peer = cookie_mss[index];
	a->ts_ok = ack->has_ts;
	a->sack_ok = a->wscale_ok = false;
	a->snd_wscale = 0;
	if (ack->has_ts) {
		uint32_t bits = ack->ts_ecr & ((1u << TS_BITS) - 1);
		a->ts_recent = ack->ts_val;
		a->sack_ok = bits & 16u;
		a->wscale_ok = (bits & 15u) != NO_WSCALE;
		a->snd_wscale = a->wscale_ok ? (uint8_t)(bits & 15u) : 0;
	}
	return true;
}
