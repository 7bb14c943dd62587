/* SPDX-License-Identifier: MIT */
/* Bogus rings of the stdio device, and of any other that is there: the device must refuse, stop, or ignore; never touch
 * what is not RAM. */
#include "hostile.h"

#include "abi/stdio.h"

static struct queue q;

static struct cay_stdio_req *request(unsigned at, uint32_t op, uint32_t fd, int64_t arg)
{
	struct cay_stdio_req *r = (void *)(scratch + at);

	*r = (struct cay_stdio_req){.op = op, .fd = fd, .arg = arg};
	return r;
}

static void set(unsigned i, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
	q.desc[i].addr = addr;
	q.desc[i].len = len;
	q.desc[i].flags = flags;
	q.desc[i].next = next;
}

/* header, data, status: a well-formed chain 0-1-2 whose data descriptor the attack names. */
static void write_chain(uint64_t data, uint32_t len, uint16_t data_flags)
{
	set(0, gpa_of(request(0, CAY_STDIO_WRITE, 1, 0)), sizeof(struct cay_stdio_req), DESC_NEXT, 1);
	set(1, data, len, DESC_NEXT | data_flags, 2);
	set(2, gpa_of(scratch + 64), sizeof(struct cay_stdio_status), DESC_WRITE, 0);
}

static void offer_and_wait(uint16_t head)
{
	uint16_t before = q.used[1];

	queue_offer(&q, head);
	queue_wait(&q, before);
}

void attack(const char *variant)
{
	int dev = find_device(CAY_DEV_STDIO);

	if (dev < 0)
		accepted();
	q = queue_of((unsigned)dev, 0);
	if (same(variant, "head-range")) {
		offer_and_wait(0xffff);
	} else if (same(variant, "index-jump")) {
		q.avail[1] = 0x7fff;
		queue_kick(&q);
		queue_wait(&q, 0);
	} else if (same(variant, "loop")) {
		set(0, gpa_of(scratch), 16, DESC_NEXT, 1);
		set(1, gpa_of(scratch), 16, DESC_NEXT, 0);
		offer_and_wait(0);
	} else if (same(variant, "next-range")) {
		set(0, gpa_of(request(0, CAY_STDIO_WRITE, 1, 0)), 24, DESC_NEXT, 0xfff0);
		offer_and_wait(0);
	} else if (same(variant, "address-range")) {
		static const uint64_t bad[] = {CAY_GATE_GPA, CAY_WINDOW_GPA, 1ull << 47,
					       -1ull,        -4096ull,       CAY_DIRECT_GVA};

		for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			write_chain(bad[i], 4096, 0);
			offer_and_wait(0);
		}
		write_chain(BOOT->ram_bytes - 8, 16, 0);
		offer_and_wait(0);
	} else if (same(variant, "length-range")) {
		write_chain(gpa_of(scratch), 0xffffffff, 0);
		offer_and_wait(0);
	} else if (same(variant, "header-range")) {
		set(0, -8ull, sizeof(struct cay_stdio_req), DESC_NEXT, 1);
		set(1, gpa_of(scratch + 64), 8, DESC_WRITE, 0);
		offer_and_wait(0);
	} else if (same(variant, "header-short")) {
		set(0, gpa_of(scratch), 3, DESC_NEXT, 1);
		set(1, gpa_of(scratch + 64), 8, DESC_WRITE, 0);
		offer_and_wait(0);
	} else if (same(variant, "no-status")) {
		set(0, gpa_of(request(0, CAY_STDIO_WRITE, 1, 0)), 24, 0, 0);
		offer_and_wait(0);
	} else if (same(variant, "status-short")) {
		write_chain(gpa_of(scratch), 1, 0);
		q.desc[2].len = 1;
		offer_and_wait(0);
	} else if (same(variant, "status-readable")) {
		write_chain(gpa_of(scratch), 1, 0);
		q.desc[2].flags = 0;
		offer_and_wait(0);
	} else if (same(variant, "order")) {
		write_chain(gpa_of(scratch), 1, 0);
		q.desc[0].flags |= DESC_WRITE;
		offer_and_wait(0);
	} else if (same(variant, "indirect")) {
		set(0, gpa_of(scratch), 32, DESC_INDIRECT, 0);
		offer_and_wait(0);
	} else if (same(variant, "operations")) {
		/* Unknown operations and descriptors other than 0, 1, 2: an error each, and the device works on. */
		for (uint32_t op = 0; op < 40; op++)
			for (uint32_t fd = 0; fd < 5; fd++) {
				int64_t *result = (int64_t *)(scratch + 64);

				if (fd < 3 && op <= CAY_STDIO_CLOSE && op != 0)
					continue;
				*result = 77;
				write_chain(gpa_of(scratch + 4096), 64, 0);
				request(0, op, fd == 4 ? 0xffffffff : fd, -1);
				offer_and_wait(0);
				if (*(volatile int64_t *)result >= 0 && *(volatile int64_t *)result != 77)
					accepted();
			}
	} else if (same(variant, "arguments")) {
		static const int64_t bad[] = {-1, INT64_MIN, INT64_MAX, 0x7fffffff, 1 << 20};

		for (unsigned i = 0; i < 5; i++)
			for (uint32_t op = CAY_STDIO_POLL; op <= CAY_STDIO_CLOSE; op++) {
				write_chain(gpa_of(scratch + 4096), op == CAY_STDIO_STAT ? 3 : 64,
					    op % 2 ? DESC_WRITE : 0);
				request(0, op, i % 3, bad[i]);
				offer_and_wait(0);
			}
	} else if (same(variant, "many-readers")) {
		/* The whole ring full of reads of stdin. */
		for (uint32_t i = 0; i + 2 < q.nr; i += 3) {
			set(i, gpa_of(request(0, CAY_STDIO_READ, 0, 0)), 24, DESC_NEXT, (uint16_t)(i + 1));
			set(i + 1, gpa_of(scratch + 4096), 64, DESC_NEXT | DESC_WRITE, (uint16_t)(i + 2));
			set(i + 2, gpa_of(scratch + 64), 8, DESC_WRITE, 0);
			queue_offer(&q, (uint16_t)i);
		}
		queue_wait(&q, q.used[1]);
	} else if (same(variant, "rings-junk")) {
		for (unsigned d = 0; d < BOOT->nr_devices; d++)
			for (unsigned n = 0; n < BOOT->devices[d].nr_queues; n++) {
				struct queue x = queue_of(d, n);

				for (unsigned i = 0; i < x.nr * sizeof(struct desc); i++)
					((volatile uint8_t *)x.desc)[i] = (uint8_t)(i * 7 + 3);
				for (unsigned i = 0; i < x.nr + 2; i++)
					x.avail[i] = (uint16_t)(i * 251);
				queue_kick(&x);
			}
		queue_wait(&q, q.used[1]);
	} else if (same(variant, "kick-flood")) {
		for (unsigned i = 0; i < 20000; i++)
			queue_kick(&q);
	} else if (same(variant, "index-race")) {
		/* The ring changes while the device reads it. */
		write_chain(gpa_of(scratch), 0, 0);
		for (unsigned i = 0; i < 20000; i++) {
			q.desc[1].addr = i % 2 ? -1ull : gpa_of(scratch);
			q.desc[1].len = i % 3 ? 0xffffffff : 0;
			q.desc[i % 3].next = (uint16_t)(i % 5 ? 2 : 0xffff);
			if (i % 500 == 0)
				queue_offer(&q, 0);
		}
	} else
		accepted();
}
