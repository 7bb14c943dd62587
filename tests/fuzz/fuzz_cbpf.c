/* SPDX-License-Identifier: MIT */
/*
 * Classic BPF programs of anybody's on packets of anybody's: what passes the check runs on a packet that is split
 * between head and fragment in any place, ends, and touches nothing else.
 */
// SOURCES: kernel/net/filter.c lib/cbpf.c kernel/net/pbuf.c kernel/fs/uio.c lib/inet_checksum.c shim/kmalloc.c shim/page.c shim/uaccess.c shim/log.c shim/ram.c
// CFLAGS: -DCAY_KERNEL=1
#include "fuzz/panic.h"
#include "fuzz/steps.h"
#include "kernel/dev/random.h"
#include "kernel/net/filter.h"

#define INSNS_MAX  64u
#define PACKET_MAX 200u

/* Only net_filter_set locks. */
void channel_lock(struct channel *ch)
{
	(void)ch;
}

void channel_unlock(struct channel *ch)
{
	(void)ch;
}

void random_bytes(void *buf, size_t n)
{
	memset(buf, 0x5a, n);
}

static struct pbuf *make_packet(struct steps *in)
{
	static uint8_t bytes[PACKET_MAX];
	uint32_t split = steps_u8(in), len = steps_bytes(in, bytes, sizeof(bytes)), head = MIN(split, len);
	struct pbuf *p = pbuf_alloc(0, head);
	struct pbuf_block *b;

	if (p == NULL)
		abort();
	memcpy(p->data, bytes, head);
	if (head == len)
		return p;
	b = pbuf_block_alloc(len - head);
	if (b == NULL)
		abort();
	memcpy(b->mem, bytes + head, len - head);
	if (!pbuf_add_frag(p, b, 0, len - head))
		abort();
	pbuf_block_put(b);
	return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct net_filter_frame about = {.protocol = 0x0008, .type = 0};
	struct steps in = {data, size};
	unsigned nr = steps_u8(&in) % INSNS_MAX + 1;
	/* As large as it says, so that the sanitizer sees a step beyond its end. */
	struct sock_filter *insn = malloc(nr * sizeof(*insn));

	steps_bytes(&in, insn, nr * (uint32_t)sizeof(*insn));
	struct pbuf *p = make_packet(&in);
	if (net_filter_is_valid(insn, nr)) {
		(void)net_filter_run_program(insn, p, NULL);
		(void)net_filter_run_program(insn, p, &about);
	}
	pbuf_put(p);
	free(insn);
	return 0;
}
