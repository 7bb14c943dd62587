/* SPDX-License-Identifier: MIT */
/*
 * Rings of packet sockets by themselves: sizes, memory that runs out, and a program that writes over all of what it
 * shares with us. What an honest program sees is compared with Linux in tests/guest/packet.c.
 */
// SOURCES: kernel/net/packet_ring.c kernel/net/packet_blocks.c kernel/net/pbuf.c kernel/fs/uio.c lib/inet_checksum.c shim/kmalloc.c shim/page.c shim/uaccess.c shim/log.c
#include "unit.h"

#include <errno.h>
#include <stdlib.h>

#include "kernel/mm/page.h"
#include "kernel/net/packet_ring.h"
#include "shim.h"

static struct tpacket_req3 sizes(uint32_t block, uint32_t nr, uint32_t frame)
{
	return (struct tpacket_req3){
		.tp_block_size = block, .tp_block_nr = nr, .tp_frame_size = frame, .tp_frame_nr = block / frame * nr};
}

static struct packet_ring *make(int version, struct tpacket_req3 req)
{
	struct packet_ring *r;

	assert_int_equal(packet_ring_create(version, 0, &req, &r), 0);
	return r;
}

static bool put(struct packet_ring *r, uint32_t bytes, uint64_t now_ns)
{
	struct packet_frame f = {.snaplen = UINT32_MAX, .link_bytes = 14, .status = TP_STATUS_USER, .time_ns = 5};
	struct pbuf *p = pbuf_alloc(0, bytes);
	bool done;

	assert_non_null(p);
	memset(p->data, 'p', bytes);
	done = packet_ring_put(r, p, &f, now_ns);
	pbuf_put(p);
	return done;
}

static void test_sizes(void **state)
{
	struct packet_ring *r;
	static const struct tpacket_req3 wrong[] = {
		{.tp_block_size = 4096, .tp_block_nr = 1, .tp_frame_size = 0, .tp_frame_nr = 0},
		{.tp_block_size = 0x80000000u, .tp_block_nr = 1, .tp_frame_size = 2048, .tp_frame_nr = 1u << 20},
		{.tp_block_size = 4096, .tp_block_nr = 0x80000001u, .tp_frame_size = 2048, .tp_frame_nr = 2},
		{.tp_block_size = 4096, .tp_block_nr = 1, .tp_frame_size = 8192, .tp_frame_nr = 0},
		{.tp_block_size = 0, .tp_block_nr = 1, .tp_frame_size = 2048, .tp_frame_nr = 0},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++)
		for (int version = TPACKET_V1; version <= TPACKET_V3; version++)
			assert_int_equal(packet_ring_create(version, 0, &wrong[i], &r), -EINVAL);
	struct tpacket_req3 big = sizes(2u << 20, 1u << 10, 2048), huge = sizes(1u << 30, 1, 2048);
	assert_int_equal(packet_ring_create(TPACKET_V2, 0, &big, &r), -ENOMEM);
	assert_int_equal(packet_ring_create(TPACKET_V2, 0, &huge, &r), -ENOMEM);
	struct tpacket_req3 plain = sizes(4096, 4, 2048);
	assert_int_equal(packet_ring_create(TPACKET_V2, 2048, &plain, &r), -EINVAL);
	plain.tp_sizeof_priv = UINT32_MAX;
	assert_int_equal(packet_ring_create(TPACKET_V3, 0, &plain, &r), -EINVAL);
	assert_int_equal(shim_pages_in_use(), 0);
}

/* Whichever allocation fails, nothing stays behind. */
static void test_no_memory(void **state)
{
	struct tpacket_req3 req = sizes(8192, 4, 2048);
	struct packet_ring *r;

	(void)state;
	for (long n = 0; n < 4; n++) {
		shim_page_fail_after(n);
		assert_int_equal(packet_ring_create(TPACKET_V1, 0, &req, &r), -ENOMEM);
		assert_int_equal(shim_pages_in_use(), 0);
	}
	shim_page_fail_after(-1);
}

static void test_is_mapped(void **state)
{
	struct packet_ring *r = make(TPACKET_V2, sizes(8192, 2, 2048));
	struct page_run run;

	(void)state;
	assert_false(packet_ring_is_mapped(r));
	assert_int_equal(packet_ring_map(r, 3, 8, &run), 0);
	assert_int_equal(run.nr, 1); /* the block ends there */
	page_ref(run.pa);
	assert_true(packet_ring_is_mapped(r));
	assert_int_equal(packet_ring_map(r, 4, 1, &run), -EINVAL);
	assert_int_equal(packet_ring_map(r, UINT64_MAX, 1, &run), -EINVAL);
	packet_ring_free(r);
	assert_int_equal(shim_pages_in_use(), 1); /* what is mapped stays */
}

/* The time of a block begins with its first frame; one that is empty is not given over. */
static void test_time(void **state)
{
	struct tpacket_req3 req = sizes(4096, 2, 2048);
	struct packet_ring *r;

	(void)state;
	req.tp_retire_blk_tov = 5;
	r = make(TPACKET_V3, req);
	assert_false(packet_ring_timer(r, 1000000000));
	assert_true(put(r, 60, 2000000000));
	assert_false(packet_ring_timer(r, 2004999999));
	assert_false(packet_ring_is_readable(r));
	assert_true(packet_ring_timer(r, 2005000000));
	assert_true(packet_ring_is_readable(r));
	assert_false(packet_ring_timer(r, 3000000000));
	packet_ring_free(r);
}

/* Random frames into each kind of ring while the program scribbles: no access outside (ASan watches the rest of RAM
 * only roughly, so the pages around are looked at here). */
static void test_scribbles(void **state)
{
	static const uint8_t guard[PAGE_SIZE];
	uint64_t now = 1;

	(void)state;
	srand(1);
	for (int version = TPACKET_V1; version <= TPACKET_V3; version++) {
		uint8_t *before = page_alloc(0, PAGE_ZERO);
		struct packet_ring *r = make(version, sizes(4096, 3, 1024));
		uint8_t *after = page_alloc(0, PAGE_ZERO);
		for (int i = 0; i < 20000; i++) {
			uint8_t *at = r->block[rand() % 3] + rand() % 4096;
			for (int n = rand() % 16; n > 0; n--)
				r->block[rand() % 3][rand() % 4096] = (uint8_t)rand();
			*at = rand() % 2 ? 0 : (uint8_t)rand();
			for (int n = 0; n < 3 && rand() % 4 == 0; n++)
				memset(r->block[n] + (version == TPACKET_V3 ? 8 : 0), 0, 4);
			(void)put(r, 14 + (uint32_t)rand() % 5000, now);
			now += (uint64_t)rand() % 10000000;
			(void)!packet_ring_timer(r, now);
			(void)packet_ring_is_readable(r);
			assert_true(r->end <= r->block_bytes && r->head < 12);
		}
		assert_memory_equal(before, guard, PAGE_SIZE);
		assert_memory_equal(after, guard, PAGE_SIZE);
		packet_ring_free(r);
		page_free(before, 0);
		page_free(after, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),     cmocka_unit_test(test_no_memory), cmocka_unit_test(test_time),
		cmocka_unit_test(test_scribbles), cmocka_unit_test(test_is_mapped),
	};
	return RUN_TESTS(tests);
}
