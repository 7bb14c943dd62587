/* SPDX-License-Identifier: MIT */
/* test_virtq.c - both ends of a virtqueue against each other, in two threads, and each against a hostile partner. */
// SOURCES: lib/virtq_driver.c lib/virtq_device.c
// LIBS: -lpthread
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "unit.h"

#include "lib/virtq_device.h"
#include "lib/virtq_driver.h"

#define NR        8u
#define RAM_BYTES 65536u

/* A queue and "guest memory" whose addresses are offsets in ram. */
struct rig {
	_Alignas(16) uint8_t ram[RAM_BYTES];
	_Alignas(16) uint8_t desc[16 * NR], avail[6 + 2 * NR], used[8 + 8 * NR];
	struct virtq_slot slot[NR];
	struct virtq_driver drv;
	struct virtq_device dev;
	struct virtq_host_seg seg[NR];
	struct virtq_chain chain;
};

static void *translate(void *ctx, uint64_t gpa, uint32_t bytes)
{
	struct rig *r = ctx;

	return gpa < RAM_BYTES && bytes <= RAM_BYTES - gpa ? r->ram + gpa : NULL;
}

static struct rig *rig_create(void)
{
	struct rig *r = aligned_alloc(16, sizeof(*r));

	memset(r, 0xa5, sizeof(*r));
	virtq_driver_init(&r->drv, NR, r->desc, r->avail, r->used, r->slot);
	virtq_device_init(&r->dev, NR, r->desc, r->avail, r->used, translate, r);
	r->chain = (struct virtq_chain){.seg = r->seg, .max_segs = NR};
	return r;
}

static void test_round_trip(void **state)
{
	struct rig *r = rig_create();
	struct virtq_seg seg[3] = {{0x100, 4, false}, {0x200, 8, false}, {0x300, 16, true}};
	uint32_t bytes = 0;
	int cookie;

	(void)state;
	assert_int_equal(virtq_device_pop(&r->dev, &r->chain), VIRTQ_EMPTY);
	assert_int_equal(virtq_driver_add(&r->drv, seg, 3, &cookie), 0);
	assert_int_equal(virtq_device_pop(&r->dev, &r->chain), VIRTQ_EMPTY);
	assert_true(virtq_driver_publish(&r->drv)); /* starts armed */
	assert_int_equal(virtq_device_pop(&r->dev, &r->chain), VIRTQ_POPPED);
	assert_int_equal(r->chain.nr_read, 2);
	assert_int_equal(r->chain.nr_write, 1);
	assert_int_equal(r->chain.read_bytes, 12);
	assert_int_equal(r->chain.write_bytes, 16);
	assert_ptr_equal(r->seg[1].base, r->ram + 0x200);
	assert_ptr_equal(r->seg[2].base, r->ram + 0x300);
	assert_null(virtq_driver_pop(&r->drv, &bytes));
	virtq_device_push(&r->dev, r->chain.head, 7);
	assert_true(virtq_device_should_notify(&r->dev));
	assert_false(virtq_device_should_notify(&r->dev));
	assert_ptr_equal(virtq_driver_pop(&r->drv, &bytes), &cookie);
	assert_int_equal(bytes, 7);
	assert_int_equal(r->drv.nr_free, NR);
	free(r);
}

static void test_full_and_bad_chains(void **state)
{
	struct rig *r = rig_create();
	struct virtq_seg s[NR + 1];
	int c;

	(void)state;
	for (unsigned i = 0; i <= NR; i++)
		s[i] = (struct virtq_seg){i, 1, false};
	assert_int_equal(virtq_driver_add(&r->drv, s, NR + 1, &c), -ENOSPC);
	assert_int_equal(virtq_driver_add(&r->drv, s, 0, &c), -EINVAL);
	assert_int_equal(virtq_driver_add(&r->drv, s, 1, NULL), -EINVAL);
	s[0].writable = true;
	assert_int_equal(virtq_driver_add(&r->drv, s, 2, &c), -EINVAL);
	s[0].writable = false;
	s[1].bytes = 0;
	assert_int_equal(virtq_driver_add(&r->drv, s, 2, &c), -EINVAL);
	s[1].bytes = 1;
	assert_int_equal(virtq_driver_add(&r->drv, s, NR, &c), 0);
	assert_int_equal(virtq_driver_add(&r->drv, s, 1, &c), -ENOSPC);
	free(r);
}

/* Out of order, many times round the 16-bit index, without doorbells or events: nobody asked for one. */
static void test_wraps_silently(void **state)
{
	struct rig *r = rig_create();
	struct virtq_seg s[2] = {{0, 4, false}, {64, 4, true}};
	int cookie[2];

	(void)state;
	virtq_device_disarm(&r->dev);
	virtq_driver_disarm(&r->drv);
	for (unsigned i = 0; i < 200000; i++) {
		uint16_t head[2];
		uint32_t bytes;

		for (unsigned k = 0; k < 2; k++) {
			assert_int_equal(virtq_driver_add(&r->drv, s, 2, &cookie[k]), 0);
			assert_false(virtq_driver_publish(&r->drv));
			assert_int_equal(virtq_device_pop(&r->dev, &r->chain), VIRTQ_POPPED);
			head[k] = r->chain.head;
		}
		for (int k = 1; k >= 0; k--) {
			virtq_device_push(&r->dev, head[k], i);
			assert_ptr_equal(virtq_driver_pop(&r->drv, &bytes), &cookie[k]);
			assert_false(virtq_device_should_notify(&r->dev));
			assert_int_equal(bytes, i);
		}
	}
	assert_false(virtq_device_arm(&r->dev));
	assert_int_equal(virtq_driver_add(&r->drv, s, 2, &cookie[0]), 0);
	assert_true(virtq_driver_publish(&r->drv));
	assert_true(virtq_device_arm(&r->dev));
	free(r);
}

/* A device that names chains that are not in flight, or twice. */
static void test_driver_against_bad_device(void **state)
{
	struct rig *r = rig_create();
	struct virtq_seg s = {0, 4, false};
	uint32_t bytes;
	int cookie;

	(void)state;
	assert_int_equal(virtq_driver_add(&r->drv, &s, 1, &cookie), 0);
	assert_true(virtq_driver_publish(&r->drv));
	assert_int_equal(virtq_device_pop(&r->dev, &r->chain), VIRTQ_POPPED);
	virtq_device_push(&r->dev, 5, 0);
	virtq_device_push(&r->dev, 0xffff, 0);
	virtq_device_push(&r->dev, r->chain.head, 1);
	virtq_device_push(&r->dev, r->chain.head, 2);
	assert_ptr_equal(virtq_driver_pop(&r->drv, &bytes), &cookie);
	assert_int_equal(bytes, 1);
	assert_null(virtq_driver_pop(&r->drv, &bytes));
	assert_int_equal(r->drv.nr_bogus_used, 3);
	assert_int_equal(r->drv.nr_free, NR);
	free(r);
}

/* What a hostile driver can write, and the error it gets. */
struct bad_case {
	enum virtq_result expect;
	uint16_t avail_idx, head;
	struct vring_desc desc[3];
};
#define NEXT  VRING_DESC_F_NEXT
#define WRITE VRING_DESC_F_WRITE
static const struct bad_case bad_cases[] = {
	{VIRTQ_BAD_AVAIL_IDX, NR + 1, 0, {{0, 4, 0, 0}}},
	{VIRTQ_BAD_AVAIL_IDX, 0xffff, 0, {{0, 4, 0, 0}}},
	{VIRTQ_BAD_HEAD, 1, NR, {{0, 4, 0, 0}}},
	{VIRTQ_BAD_HEAD, 1, 0xffff, {{0, 4, 0, 0}}},
	{VIRTQ_BAD_NEXT, 1, 0, {{0, 4, NEXT, NR}}},
	{VIRTQ_BAD_LOOP, 1, 0, {{0, 4, NEXT, 0}}},
	{VIRTQ_BAD_LOOP, 1, 0, {{0, 4, NEXT, 1}, {0, 4, NEXT, 2}, {0, 4, NEXT, 1}}},
	{VIRTQ_BAD_LENGTH, 1, 0, {{0, 0, 0, 0}}},
	{VIRTQ_BAD_ADDRESS, 1, 0, {{RAM_BYTES - 3, 4, 0, 0}}},
	{VIRTQ_BAD_ADDRESS, 1, 0, {{UINT64_MAX - 1, 4, 0, 0}}},
	{VIRTQ_BAD_ADDRESS, 1, 0, {{16, UINT32_MAX, WRITE, 0}}},
	{VIRTQ_BAD_ORDER, 1, 0, {{0, 4, WRITE | NEXT, 1}, {0, 4, 0, 0}}},
	{VIRTQ_BAD_FLAGS, 1, 0, {{0, 16, VRING_DESC_F_INDIRECT, 0}}},
	{VIRTQ_BAD_FLAGS, 1, 0, {{0, 16, 0x8000, 0}}},
};

static void test_hostile_driver(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(bad_cases); i++) {
		const struct bad_case *b = &bad_cases[i];
		struct rig *r = rig_create();
		struct vring_avail *avail = (void *)r->avail;

		memcpy(r->desc, b->desc, sizeof(b->desc));
		avail->ring[0] = b->head;
		avail->idx = b->avail_idx;
		assert_int_equal(virtq_device_pop(&r->dev, &r->chain), b->expect);
		avail->idx = 1;
		assert_int_equal(virtq_device_pop(&r->dev, &r->chain), b->expect); /* broken for good */
		assert_false(virtq_device_has_avail(&r->dev));
		assert_string_not_equal(virtq_result_name(b->expect), "unknown");
		free(r);
	}
}

static void test_too_many_segments(void **state)
{
	struct rig *r = rig_create();
	struct virtq_seg s[3] = {{0, 4, false}, {4, 4, false}, {8, 4, true}};
	int cookie;

	(void)state;
	r->chain.max_segs = 2;
	assert_int_equal(virtq_driver_add(&r->drv, s, 3, &cookie), 0);
	assert_true(virtq_driver_publish(&r->drv));
	assert_int_equal(virtq_device_pop(&r->dev, &r->chain), VIRTQ_TOO_MANY_SEGS);
	free(r);
}

/*
 * Two threads that sleep and ring as the real ones do. The doorbell and the event are counters under a lock; a lost
 * notification hangs the test (the harness's time limit reports it).
 */
struct bell {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool rung;
};
static struct bell doorbell = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
static struct bell event = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
#define STRESS_REQUESTS 100000u

static void bell_ring(struct bell *b)
{
	pthread_mutex_lock(&b->lock);
	b->rung = true;
	pthread_cond_signal(&b->cond);
	pthread_mutex_unlock(&b->lock);
}

static void bell_wait(struct bell *b)
{
	pthread_mutex_lock(&b->lock);
	while (!b->rung)
		pthread_cond_wait(&b->cond, &b->lock);
	b->rung = false;
	pthread_mutex_unlock(&b->lock);
}

/* Adds one to the number in the request, and answers with it. Sleeps whenever it finds nothing. */
static void *device_thread(void *arg)
{
	struct rig *r = arg;

	for (unsigned done = 0; done < STRESS_REQUESTS;) {
		virtq_device_disarm(&r->dev);
		while (virtq_device_pop(&r->dev, &r->chain) == VIRTQ_POPPED) {
			*(uint32_t *)r->seg[1].base = *(uint32_t *)r->seg[0].base + 1;
			virtq_device_push(&r->dev, r->chain.head, 4);
			done++;
			if (virtq_device_should_notify(&r->dev))
				bell_ring(&event);
		}
		if (done < STRESS_REQUESTS && !virtq_device_arm(&r->dev))
			bell_wait(&doorbell);
	}
	return NULL;
}

static void test_two_threads(void **state)
{
	struct rig *r = rig_create();
	pthread_t thread;
	uint32_t sent = 0, got = 0, bytes, *word = (uint32_t *)r->ram;
	uint32_t *cookie;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, device_thread, r), 0);
	while (got < STRESS_REQUESTS) {
		uint32_t slot = sent % (NR / 2);
		struct virtq_seg s[2] = {{8 * slot, 4, false}, {8 * slot + 4, 4, true}};

		if (sent < STRESS_REQUESTS && sent - got < NR / 2) {
			word[2 * slot] = sent;
			assert_int_equal(virtq_driver_add(&r->drv, s, 2, &word[2 * slot]), 0);
			sent++;
			if (virtq_driver_publish(&r->drv))
				bell_ring(&doorbell);
			if (sent % 5 != 0)
				continue;
		}
		virtq_driver_disarm(&r->drv);
		while ((cookie = virtq_driver_pop(&r->drv, &bytes)) != NULL) {
			assert_int_equal(cookie[1], cookie[0] + 1);
			got++;
		}
		if (sent - got == NR / 2 && !virtq_driver_arm(&r->drv))
			bell_wait(&event);
	}
	pthread_join(thread, NULL);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_full_and_bad_chains),
		cmocka_unit_test(test_wraps_silently), cmocka_unit_test(test_driver_against_bad_device),
		cmocka_unit_test(test_hostile_driver), cmocka_unit_test(test_too_many_segments),
		cmocka_unit_test(test_two_threads),
	};

	return RUN_TESTS(tests);
}
