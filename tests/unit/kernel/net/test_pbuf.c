/* SPDX-License-Identifier: MIT */
/* Packets against a model: random operations on a pbuf and on an array of bytes give the same contents; nothing leaks.
 */
// SOURCES: kernel/net/pbuf.c kernel/fs/uio.c lib/inet_checksum.c shim/kmalloc.c shim/page.c shim/log.c shim/uaccess.c
#include "unit.h"

#include <stdlib.h>

#include "kernel/fs/file.h"
#include "kernel/mm/page.h"
#include "kernel/net/pbuf.h"
#include "lib/inet_checksum.h"
#include "shim.h"

static uint8_t model[200000], got[200000];
static uint32_t len;

static void same(struct pbuf *p)
{
	assert_int_equal(p->len, len);
	pbuf_copy_out(p, 0, got, p->len);
	assert_memory_equal(got, model, len);
	assert_int_equal(inet_sum_fold(pbuf_sum(p, 0, p->len, 0)), inet_sum_fold(inet_sum(model, len, 0)));
}

static void add_bytes(struct pbuf *p, uint32_t n, bool block)
{
	struct pbuf_block *b;

	for (uint32_t i = 0; i < n; i++)
		model[len + i] = (uint8_t)rand();
	if (!block && p->nr_frags == 0 && pbuf_tailroom(p) >= n) {
		memcpy(pbuf_append(p, n), model + len, n);
		len += n;
		return;
	}
	b = pbuf_block_alloc(n + 10);
	assert_non_null(b);
	memcpy(b->mem + 10, model + len, n);
	if (pbuf_add_frag(p, b, 10, n))
		len += n;
	pbuf_block_put(b);
}

static struct pbuf *random_step(struct pbuf *p)
{
	uint32_t n = (uint32_t)rand() % (len + 1);
	struct pbuf *q;

	switch (rand() % 8) {
	case 0:
	case 1:
		add_bytes(p, 1 + (uint32_t)rand() % 3000, rand() & 1);
		break;
	case 2:
		pbuf_pull(p, n / 4);
		memmove(model, model + n / 4, len - n / 4);
		len -= n / 4;
		break;
	case 3:
		n = len - n / 4;
		pbuf_trim(p, n);
		len = n;
		break;
	case 4:
		if (pbuf_headroom(p) >= 20) {
			memmove(model + 20, model, len);
			memset(model, 0x55, 20);
			memset(pbuf_push(p, 20), 0x55, 20);
			len += 20;
		}
		break;
	case 5:
		n = MIN(n, 60u);
		if (pbuf_need(p, n))
			assert_true(p->head_len >= n && memcmp(p->data, model, n) == 0);
		break;
	case 6:
		q = pbuf_clone(p, 64);
		assert_non_null(q);
		assert_true(pbuf_headroom(q) >= 64);
		pbuf_put(p);
		return q;
	case 7:
		q = pbuf_alloc(100, 0);
		assert_non_null(q);
		if (pbuf_add_range(q, p, n, len - n)) {
			memmove(model, model + n, len - n);
			len -= n;
			pbuf_put(p);
			return q;
		}
		pbuf_put(q);
		break;
	}
	return p;
}

static void test_random_operations(void **state)
{
	(void)state;
	srand(1);
	for (int round = 0; round < 300; round++) {
		struct pbuf *p = pbuf_alloc(128, 200);
		assert_non_null(p);
		pbuf_trim(p, 0);
		len = 0;
		for (int i = 0; i < 60 && len < 100000; i++) {
			p = random_step(p);
			same(p);
		}
		if (len <= PBUF_FLAT_MAX) {
			p = pbuf_flatten(p);
			assert_non_null(p);
			assert_int_equal(p->nr_frags, 0);
			same(p);
		}
		pbuf_put(p);
	}
	assert_int_equal(shim_pages_in_use(), 0);
}

/* Marks move with the head, whatever makes room for headers. */
static void test_marks_survive(void **state)
{
	struct pbuf *p = pbuf_alloc(100, 0), *q;
	struct pbuf_block *b = pbuf_block_alloc(300);

	(void)state;
	memset(b->mem, 0xaa, 300);
	memset(pbuf_append(p, 20), 0x11, 20);
	p->l3 = pbuf_mark(p, p->data);
	pbuf_pull(p, 20);
	assert_true(pbuf_add_frag(p, b, 0, 300));
	assert_true(pbuf_need(p, 120)); /* more than there is behind: the head moves to the front */
	p->l4 = pbuf_mark(p, p->data);
	assert_int_equal(pbuf_l3(p)[0], 0x11);
	assert_int_equal(pbuf_l3(p)[19], 0x11);
	assert_int_equal(pbuf_l4(p)[0], 0xaa);
	q = pbuf_clone(p, 200);
	assert_int_equal(pbuf_l3(q)[19], 0x11);
	assert_int_equal(pbuf_l4(q)[0], 0xaa);
	pbuf_put(q);
	pbuf_put(p);
	pbuf_block_put(b);
	assert_int_equal(shim_pages_in_use(), 0);
}

static void test_checksum_is_completed(void **state)
{
	struct pbuf *p = pbuf_alloc(0, 21);

	(void)state;
	for (unsigned i = 0; i < 21; i++)
		p->data[i] = (uint8_t)(i * 11);
	p->data[6] = p->data[7] = 0;
	p->csum = PBUF_CSUM_PARTIAL;
	p->csum_offset = 6;
	assert_true(pbuf_complete_csum(p));
	assert_int_equal(inet_checksum(p->data, 21), 0);
	p->csum = PBUF_CSUM_PARTIAL;
	p->csum_offset = 20; /* outside */
	assert_false(pbuf_complete_csum(p));
	pbuf_put(p);
}

static void test_no_memory(void **state)
{
	struct pbuf *p = pbuf_alloc(10, 10);
	static uint8_t data[60000];

	(void)state;
	for (long n = 0; n < 4; n++) {
		struct uio_seg seg = {data, sizeof(data)};
		struct uio uio = {.segs = &seg, .nr_segs = 1, .resid = sizeof(data), .kernel = true};
		shim_kmalloc_fail_after(n);
		(void)!pbuf_append_uio(p, sizeof(data), &uio);
		pbuf_put(pbuf_clone(p, 0));
		shim_kmalloc_fail_after(-1);
		pbuf_trim(p, 10);
	}
	pbuf_put(p);
	assert_int_equal(shim_pages_in_use(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_operations),
		cmocka_unit_test(test_marks_survive),
		cmocka_unit_test(test_checksum_is_completed),
		cmocka_unit_test(test_no_memory),
	};
	return RUN_TESTS(tests);
}
