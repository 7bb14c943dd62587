/* SPDX-License-Identifier: MIT */
/*
 * fuzz_virtq_device.c - a hostile driver: the input is the raw contents of the three areas, followed by steps that pop,
 * push, arm or overwrite a byte of the rings. Whatever comes, segments lie inside "guest memory" and every loop ends.
 */
// SOURCES: lib/virtq_device.c
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/virtq_device.h"

#define NR          16u
#define RAM_BYTES   4096u
#define DESC_BYTES  (16 * NR)
#define AVAIL_BYTES (6 + 2 * NR)
#define USED_BYTES  (6 + 8 * NR)

static uint8_t ram[RAM_BYTES];
static _Alignas(16) uint8_t areas[DESC_BYTES + AVAIL_BYTES + 2 + USED_BYTES];

static void *translate(void *ctx, uint64_t gpa, uint32_t bytes)
{
	(void)ctx;
	return gpa < RAM_BYTES && bytes <= RAM_BYTES - gpa ? ram + gpa : NULL;
}

static void check_chain(const struct virtq_chain *c)
{
	uint64_t total = 0;

	if (c->nr_read + c->nr_write == 0 || c->nr_read + c->nr_write > c->max_segs || c->head >= NR)
		abort();
	for (unsigned i = 0; i < c->nr_read + c->nr_write; i++) {
		memset(c->seg[i].base, 0x55, c->seg[i].bytes); /* the sanitizer sees an address outside */
		total += c->seg[i].bytes;
	}
	if (total != (uint64_t)c->read_bytes + c->write_bytes)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct virtq_host_seg seg[8];
	struct virtq_chain chain = {.seg = seg, .max_segs = 8};
	struct virtq_device vq;
	size_t head = size < DESC_BYTES + AVAIL_BYTES ? size : DESC_BYTES + AVAIL_BYTES;

	memset(areas, 0, sizeof(areas));
	virtq_device_init(&vq, NR, areas, areas + DESC_BYTES, areas + DESC_BYTES + AVAIL_BYTES + 2, translate, NULL);
	memcpy(areas, data, head);
	for (size_t i = head; i + 2 < size; i += 3) {
		switch (data[i] & 3) {
		case 0:
			if (virtq_device_pop(&vq, &chain) == VIRTQ_POPPED) {
				check_chain(&chain);
				virtq_device_push(&vq, chain.head, chain.write_bytes);
			}
			break;
		case 1:
			areas[(data[i + 1] | (size_t)data[i] >> 2 << 8) % sizeof(areas)] = data[i + 2];
			break;
		case 2:
			virtq_device_push(&vq, data[i + 1] % NR, virtq_device_should_notify(&vq));
			break;
		default:
			if (data[i] & 4)
				areas[0] ^= virtq_device_arm(&vq);
			else
				virtq_device_disarm(&vq);
		}
	}
	return 0;
}
