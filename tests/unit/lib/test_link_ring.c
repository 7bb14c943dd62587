/* SPDX-License-Identifier: MIT */
/* test_link_ring.c - both ends of a link's ring: in order, round the end, asleep, and against a hostile other end. */
#include "unit.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/link_ring.h"

struct rig {
	struct cay_link_ring ring;
	uint8_t *data;
	struct link_tx tx;
	struct link_rx rx;
};

static void rig_init(struct rig *r, uint32_t start)
{
	memset(r, 0, sizeof(*r));
	/* Exactly the ring's size: the sanitizer sees a byte beyond. */
	r->data = malloc(CAY_LINK_RING_BYTES);
	r->ring.head = r->ring.tail = start;
	link_tx_init(&r->tx, &r->ring, r->data);
	link_rx_init(&r->rx, &r->ring, r->data);
}

static bool send(struct rig *r, uint8_t fill, uint32_t bytes)
{
	static uint8_t buf[CAY_LINK_FRAME_MAX];

	memset(buf, fill, bytes);
	if (!link_tx_begin(&r->tx, bytes))
		return false;
	link_tx_put(&r->tx, buf, bytes / 3);
	link_tx_put(&r->tx, buf, bytes - bytes / 3);
	link_tx_end(&r->tx);
	return true;
}

static void expect(struct rig *r, uint8_t fill, uint32_t bytes)
{
	static uint8_t buf[CAY_LINK_FRAME_MAX];

	assert_int_equal(link_rx_begin(&r->rx), bytes);
	link_rx_get(&r->rx, buf, bytes / 2);
	link_rx_get(&r->rx, buf + bytes / 2, bytes - bytes / 2);
	for (uint32_t i = 0; i < bytes; i++)
		assert_int_equal(buf[i], fill);
	link_rx_end(&r->rx);
}

static void test_round_and_round(void **state)
{
	static const uint32_t sizes[] = {1, 4, 12, 13, 60, 1514, 4096, CAY_LINK_FRAME_MAX, 65536};
	struct rig r;

	(void)state;
	rig_init(&r, 0xfffffff0u - CAY_LINK_RING_BYTES); /* the indices wrap too */
	for (unsigned i = 0; i < 400; i++) {
		uint32_t bytes = sizes[i % ARRAY_SIZE(sizes)];

		assert_true(send(&r, (uint8_t)i, bytes));
		assert_int_equal(link_rx_begin(&r.rx), 0); /* not shown yet */
		assert_false(link_tx_publish(&r.tx));
		assert_true(link_rx_pending(&r.rx));
		expect(&r, (uint8_t)i, bytes);
		assert_false(link_rx_release(&r.rx));
		assert_false(link_rx_pending(&r.rx));
	}
	assert_int_equal(r.tx.nr_resyncs + r.rx.nr_resyncs, 0);
	free(r.data);
}

static void test_full(void **state)
{
	struct rig r;
	unsigned n = 0;

	(void)state;
	rig_init(&r, 0);
	assert_false(send(&r, 0, 0));
	assert_false(link_tx_begin(&r.tx, CAY_LINK_FRAME_MAX + 1));
	while (send(&r, (uint8_t)n, 60000))
		n++;
	assert_int_equal(n, CAY_LINK_RING_BYTES / 60016);
	assert_false(link_tx_publish(&r.tx));
	assert_false(link_tx_wait(&r.tx)); /* try again */
	assert_false(send(&r, 0, 60000));
	expect(&r, 0, 60000);
	assert_true(link_rx_release(&r.rx)); /* wake the producer */
	assert_true(send(&r, 1, 60000));
	expect(&r, 1, 60000);
	assert_false(link_rx_release(&r.rx)); /* once is enough */
	link_tx_stop_waiting(&r.tx);
	assert_false(link_tx_wait(&r.tx)); /* and again */
	expect(&r, 2, 60000);
	assert_true(link_rx_release(&r.rx));
	free(r.data);
}

/* The room that was made is too little for the next record: more is to be told, too. */
static void test_little_room(void **state)
{
	struct rig r;
	unsigned n = 0;

	(void)state;
	rig_init(&r, 0);
	assert_true(send(&r, 0, 100));
	while (send(&r, (uint8_t)(n + 1), 60000))
		n++;
	assert_false(link_tx_publish(&r.tx));
	assert_false(link_tx_wait(&r.tx));
	assert_true(link_tx_wait(&r.tx)); /* nothing has changed */
	expect(&r, 0, 100);
	assert_true(link_rx_release(&r.rx));
	assert_false(link_tx_begin(&r.tx, 60000));
	assert_false(link_tx_wait(&r.tx));
	expect(&r, 1, 60000);
	assert_true(link_rx_release(&r.rx)); /* wakes again */
	assert_true(link_tx_begin(&r.tx, 60000));
	free(r.data);
}

static void test_sleeping(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 0);
	assert_false(link_rx_arm(&r.rx));
	assert_true(send(&r, 1, 100));
	assert_true(link_tx_publish(&r.tx)); /* wake it */
	assert_true(send(&r, 2, 100));
	assert_false(link_tx_publish(&r.tx)); /* it has been told */
	expect(&r, 1, 100);
	assert_true(link_rx_arm(&r.rx)); /* there is one more: do not sleep */
	expect(&r, 2, 100);
	assert_false(link_rx_arm(&r.rx));
	assert_true(send(&r, 3, 100));
	assert_true(link_tx_publish(&r.tx));
	link_rx_awake(&r.rx);
	assert_true(send(&r, 4, 100));
	assert_false(link_tx_publish(&r.tx));
	free(r.data);
}

static void test_a_consumer_that_does_not_look(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 0);
	assert_false(link_tx_stalled(&r.tx, 1));
	assert_true(send(&r, 1, 100));
	assert_false(link_tx_publish(&r.tx));
	assert_true(link_tx_unread(&r.tx));
	assert_false(link_tx_stalled(&r.tx, 10));
	assert_false(link_tx_stalled(&r.tx, 10 + LINK_STALL_NS - 1));
	link_rx_awake(&r.rx); /* it has looked */
	assert_false(link_tx_stalled(&r.tx, 10 + LINK_STALL_NS));
	assert_true(link_tx_stalled(&r.tx, 10 + 2 * LINK_STALL_NS));
	assert_false(link_tx_stalled(&r.tx, 10 + 9 * LINK_STALL_NS)); /* once */
	expect(&r, 1, 100);
	(void)!link_rx_release(&r.rx);
	assert_false(link_tx_unread(&r.tx));
	assert_false(link_tx_stalled(&r.tx, 10 + 10 * LINK_STALL_NS));
	free(r.data);
}

static void test_a_new_vm_in_an_old_place(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 0);
	assert_true(send(&r, 1, 1000));
	(void)!link_tx_publish(&r.tx);
	link_tx_init(&r.tx, &r.ring, r.data); /* a new producer: what was not read is gone */
	assert_true(send(&r, 2, 50));
	(void)!link_tx_publish(&r.tx);
	expect(&r, 2, 50);
	(void)!link_rx_release(&r.rx);
	assert_true(send(&r, 3, 50));
	(void)!link_tx_publish(&r.tx);
	link_rx_init(&r.rx, &r.ring, r.data); /* a new consumer */
	assert_int_equal(link_rx_begin(&r.rx), 0);
	assert_true(send(&r, 4, 50));
	(void)!link_tx_publish(&r.tx);
	expect(&r, 4, 50);
	free(r.data);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 3;
}

/* The other end scribbles over everything at every step; ours must only never leave the ring. */
static void test_hostile(void **state)
{
	static uint8_t out[CAY_LINK_FRAME_MAX];
	uint32_t seed = 1;
	struct rig r;

	(void)state;
	rig_init(&r, 0);
	for (unsigned i = 0; i < 100000; i++) {
		uint32_t *words = (uint32_t *)&r.ring, bytes;

		words[next_random(&seed) % (sizeof(r.ring) / 4)] =
			next_random(&seed) % 3 ? next_random(&seed) : r.rx.head + 16;
		if (next_random(&seed) % 2)
			*(uint32_t *)(r.data + (r.rx.head & (CAY_LINK_RING_BYTES - 1) & ~3u)) = next_random(&seed);
		bytes = link_rx_begin(&r.rx);
		assert_true(bytes <= CAY_LINK_FRAME_MAX);
		link_rx_get(&r.rx, out, bytes);
		link_rx_end(&r.rx);
		(void)!link_rx_release(&r.rx);
		(void)!link_rx_arm(&r.rx);
		if (link_tx_begin(&r.tx, next_random(&seed) % 70000)) {
			link_tx_put(&r.tx, out, 100);
			link_tx_end(&r.tx);
		}
		(void)!link_tx_publish(&r.tx);
		(void)!link_tx_wait(&r.tx);
	}
	assert_true(r.rx.nr_resyncs > 0 && r.tx.nr_resyncs > 0);
	free(r.data);
}

#define FRAMES 20000u

static void *produce(void *arg)
{
	struct rig *r = arg;

	for (uint32_t i = 0; i < FRAMES;) {
		uint32_t words[400], bytes = 4 + i % 390 * 4;

		for (unsigned w = 0; w < bytes / 4; w++)
			words[w] = i;
		if (!link_tx_begin(&r->tx, bytes))
			continue;
		link_tx_put(&r->tx, words, bytes);
		link_tx_end(&r->tx);
		(void)!link_tx_publish(&r->tx);
		i++;
	}
	return NULL;
}

static void test_two_threads(void **state)
{
	pthread_t t;
	struct rig r;

	(void)state;
	rig_init(&r, 0);
	assert_int_equal(pthread_create(&t, NULL, produce, &r), 0);
	for (uint32_t i = 0; i < FRAMES;) {
		uint32_t words[400], bytes = link_rx_begin(&r.rx);

		if (bytes == 0)
			continue;
		assert_int_equal(bytes, 4 + i % 390 * 4);
		link_rx_get(&r.rx, words, bytes);
		link_rx_end(&r.rx);
		(void)!link_rx_release(&r.rx);
		assert_int_equal(words[0], i);
		assert_int_equal(words[bytes / 4 - 1], i);
		i++;
	}
	pthread_join(t, NULL);
	assert_int_equal(r.rx.nr_resyncs + r.tx.nr_resyncs, 0);
	free(r.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_and_round),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_little_room),
		cmocka_unit_test(test_sleeping),
		cmocka_unit_test(test_a_consumer_that_does_not_look),
		cmocka_unit_test(test_a_new_vm_in_an_old_place),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_two_threads),
	};

	return RUN_TESTS(tests);
}
