/* SPDX-License-Identifier: MIT */
/* The receive queue against a model: random pieces in random order, overlapping, repeated; each byte arrives once. */
// SOURCES: kernel/net/tcp_rcvq.c kernel/net/pbuf.c kernel/fs/uio.c lib/inet_checksum.c shim/kmalloc.c shim/page.c shim/uaccess.c shim/log.c
#include "unit.h"

#include <stdlib.h>

#include "kernel/fs/file.h"
#include "kernel/net/tcp_rcvq.h"
#include "kernel/net/tcp_seq.h"
#include "shim.h"

#define STREAM_BYTES 20000u
#define START        0xffffe000u /* numbers wrap in the middle */

static uint8_t byte_at(uint32_t offset)
{
	return (uint8_t)(offset * 2654435761u >> 11);
}

static struct pbuf *piece(uint32_t offset, uint32_t len)
{
	struct pbuf *p = pbuf_alloc(0, len);

	assert_non_null(p);
	for (uint32_t i = 0; i < len; i++)
		p->data[i] = byte_at(offset + i);
	return p;
}

/* As the protocol does it: in order, overlapping the end, or ahead. */
static void give(struct tcp_rcvq *q, uint32_t offset, uint32_t len)
{
	uint32_t seq = START + offset, have = tcp_rcvq_end(q), start, end;
	struct pbuf *p = piece(offset, len);

	if (seq_upto(seq + len, have)) {
		pbuf_put(p);
		return;
	}
	if (seq_before(seq, have)) {
		pbuf_pull(p, have - seq);
		seq = have;
	}
	if (seq == have)
		tcp_rcvq_append(q, p);
	else if (tcp_rcvq_insert(q, seq, p, &start, &end))
		assert_true(seq_upto(start, seq) && seq_after(end, seq));
}

static uint32_t read_some(struct tcp_rcvq *q, uint32_t at, uint32_t max)
{
	static uint8_t buf[STREAM_BYTES];
	struct uio_seg s = {buf, max};
	struct uio uio = {.segs = &s, .nr_segs = 1, .resid = max, .to_user = true, .kernel = true};
	ssize_t n = max > 0 ? tcp_rcvq_peek(q, 0, max, &uio) : 0;

	assert_true(n >= 0);
	for (ssize_t i = 0; i < n; i++)
		assert_int_equal(buf[i], byte_at(at + (uint32_t)i));
	if (n > 0)
		assert_int_equal(tcp_rcvq_byte(q, q->read_seq), byte_at(at));
	tcp_rcvq_take(q, (uint32_t)n);
	return (uint32_t)n;
}

static void test_random_pieces(void **state)
{
	(void)state;
	srand(1);
	for (unsigned round = 0; round < 30; round++) {
		uint32_t longest = round % 3 == 0 ? 40 : 1500, at = 0;
		struct tcp_rcvq q;

		tcp_rcvq_init(&q, START);
		while (at < STREAM_BYTES) {
			/* Mostly near what is missing, so that it ends; sometimes anywhere. */
			uint32_t base = tcp_rcvq_end(&q) - START,
				 spread = (unsigned)rand() % 4 == 0 ? STREAM_BYTES : 3 * longest;
			uint32_t offset =
				base > longest ? base - longest + (unsigned)rand() % spread : (unsigned)rand() % spread;
			uint32_t len = 1 + (unsigned)rand() % longest;
			if (offset >= STREAM_BYTES)
				continue;
			give(&q, offset, MIN(len, STREAM_BYTES - offset));
			assert_true(q.nr_ranges <= TCP_OOO_RANGES_MAX);
			if (rand() % 3 == 0)
				at += read_some(&q, at, (unsigned)rand() % 2000);
		}
		assert_int_equal(q.bytes + q.ahead_bytes, 0);
		assert_int_equal(q.nr_ranges, 0);
		assert_int_equal(q.truesize, 0);
		tcp_rcvq_free(&q);
		assert_int_equal(shim_pages_in_use(), 0);
	}
}

/* A hole after each byte: bounded. */
static void test_many_holes(void **state)
{
	struct tcp_rcvq q;
	uint32_t start, end;

	(void)state;
	tcp_rcvq_init(&q, START);
	for (uint32_t i = 1; i < 5000; i++)
		tcp_rcvq_insert(&q, START + 2 * i, piece(2 * i, 1), &start, &end);
	assert_int_equal(q.nr_ranges, TCP_OOO_RANGES_MAX);
	assert_int_equal(q.ahead_bytes, TCP_OOO_RANGES_MAX);
	assert_false(tcp_rcvq_insert(&q, START + 2, piece(2, 1), &start, &end)); /* there already: for a D-SACK */
	assert_int_equal(start, START + 2);
	assert_int_equal(end, START + 3);
	tcp_rcvq_drop_ahead(&q);
	assert_int_equal(q.truesize, 0);
	tcp_rcvq_free(&q);
}

/* Small packets share memory instead of holding a packet's worth each. */
static void test_small_packets(void **state)
{
	struct tcp_rcvq q;
	struct pbuf *big = pbuf_alloc(0, 2048);

	(void)state;
	assert_non_null(big);
	pbuf_trim(big, 1);
	big->data[0] = byte_at(0);
	tcp_rcvq_init(&q, START);
	tcp_rcvq_append(&q, big);
	size_t one = q.truesize;
	for (uint32_t i = 1; i < 1000; i++)
		give(&q, i, 1);
	assert_int_equal(q.bytes, 1000);
	assert_int_equal(q.truesize, one);
	assert_int_equal(read_some(&q, 0, 2000), 1000);
	tcp_rcvq_free(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_pieces),
		cmocka_unit_test(test_many_holes),
		cmocka_unit_test(test_small_packets),
	};
	return RUN_TESTS(tests);
}
