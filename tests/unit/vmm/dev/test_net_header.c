/* SPDX-License-Identifier: MIT */
/* test_net_header.c - headers of frames in a table: what is passed on, what is refused. */
#include "unit.h"

#include "abi/net.h"
#include "vmm/dev/net_header.h"

#define BIT(name) (1ull << (name))
#define ALL                                                                                                            \
	(BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6) |                          \
	 BIT(VIRTIO_NET_F_MRG_RXBUF))
#define CSUM VIRTIO_NET_HDR_F_NEEDS_CSUM
#define TSO4 VIRTIO_NET_HDR_GSO_TCPV4

static void test_table(void **state)
{
	static const struct {
		const char *what;
		struct virtio_net_hdr hdr;
		uint32_t bytes;
		uint64_t features;
		bool ok;
	} cases[] = {
		{"plain", {0}, 60, 0, true},
		{"longest plain", {0}, 1500 + 18, 0, true},
		{"too long", {0}, 1500 + 19, ALL, false},
		{"no Ethernet header", {0}, 13, ALL, false},
		{"nothing", {0}, 0, ALL, false},
		{"unknown flag", {.flags = 8}, 60, ALL, false},
		{"data valid is for the other direction", {.flags = VIRTIO_NET_HDR_F_DATA_VALID}, 60, ALL, false},
		{"checksum", {.flags = CSUM, .csum_start = 34, .csum_offset = 16}, 60, ALL, true},
		{"checksum not offered", {.flags = CSUM, .csum_start = 34, .csum_offset = 16}, 60, 0, false},
		{"checksum at the end", {.flags = CSUM, .csum_start = 34, .csum_offset = 24}, 60, ALL, true},
		{"checksum behind the end", {.flags = CSUM, .csum_start = 34, .csum_offset = 25}, 60, ALL, false},
		{"checksum far behind", {.flags = CSUM, .csum_start = 65535, .csum_offset = 65535}, 60, ALL, false},
		{"checksum in the link header", {.flags = CSUM, .csum_start = 13, .csum_offset = 0}, 60, ALL, false},
		{"gso", {CSUM, TSO4, 54, 1460, 34, 16}, 30000, ALL, true},
		{"longest gso", {CSUM, TSO4, 54, 1460, 34, 16}, CAY_NET_FRAME_MAX, ALL, true},
		{"too long gso", {CSUM, TSO4, 54, 1460, 34, 16}, CAY_NET_FRAME_MAX + 1, ALL, false},
		{"gso not offered", {CSUM, TSO4, 54, 1460, 34, 16}, 30000, BIT(VIRTIO_NET_F_CSUM), false},
		{"gso without checksum", {0, TSO4, 54, 1460, 0, 0}, 30000, ALL, false},
		{"gso of nothing", {CSUM, TSO4, 54, 0, 34, 16}, 30000, ALL, false},
		{"gso of least", {CSUM, TSO4, 54, 8, 34, 16}, 30000, ALL, true},
		{"gso of crumbs", {CSUM, TSO4, 54, 7, 34, 16}, 30000, ALL, false},
		{"header longer than the frame", {CSUM, TSO4, 64, 1460, 34, 16}, 60, ALL, false},
		{"header ends before the checksum", {CSUM, TSO4, 34, 1460, 34, 16}, 3000, ALL, false},
		{"unknown gso", {CSUM, 7, 54, 1460, 34, 16}, 3000, ALL, false},
		{"udp gso", {CSUM, VIRTIO_NET_HDR_GSO_UDP, 54, 1460, 34, 16}, 3000, ALL, false},
		{"ecn not offered", {CSUM, TSO4 | VIRTIO_NET_HDR_GSO_ECN, 54, 1460, 34, 16}, 3000, ALL, false},
		{"ecn of nothing", {CSUM, VIRTIO_NET_HDR_GSO_ECN, 54, 1460, 34, 16}, 300, ALL, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct virtio_net_hdr_mrg_rxbuf in = {.hdr = cases[i].hdr, .num_buffers = 0xffff}, out;

		if (net_header_check(&in, cases[i].bytes, cases[i].features, 1500, &out) != cases[i].ok)
			fail_msg("%s", cases[i].what);
		assert_int_equal(out.num_buffers, 0);
	}
}

static void test_unasked_fields_are_cleared(void **state)
{
	struct virtio_net_hdr_mrg_rxbuf in = {.hdr = {0, 0, 11, 22, 33, 44}}, out, none = {0};

	(void)state;
	assert_true(net_header_check(&in, 60, ALL, 1500, &out));
	assert_memory_equal(&out, &none, sizeof(out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_unasked_fields_are_cleared),
	};

	return RUN_TESTS(tests);
}
