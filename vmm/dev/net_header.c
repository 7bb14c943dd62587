/* SPDX-License-Identifier: MIT */
/* net_header.c - virtio 1.2 section 5.1.6.2, as a list of what we refuse. */
#include "vmm/dev/net_header.h"

#include <net/ethernet.h>

#include "abi/net.h"

#define VLAN_BYTES 4u
/* Of a segment, at least: what Linux's own TCP sends (48 bytes less the longest options). By one byte each, a frame
 * would be 65,000 packets of the host's. */
#define GSO_BYTES_MIN 8u

static bool has(uint64_t features, unsigned bit)
{
	return features >> bit & 1;
}

static bool csum_ok(const struct virtio_net_hdr *h, uint32_t frame_bytes, uint64_t features)
{
	if (!(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return true;
	return has(features, VIRTIO_NET_F_CSUM) && h->csum_start >= ETHER_HDR_LEN &&
	       (uint32_t)h->csum_start + h->csum_offset + 2 <= frame_bytes;
}

static bool gso_ok(const struct virtio_net_hdr *h, uint32_t frame_bytes, uint64_t features, uint16_t mtu)
{
	unsigned feature;

	switch (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return h->gso_type == VIRTIO_NET_HDR_GSO_NONE && frame_bytes <= mtu + ETHER_HDR_LEN + VLAN_BYTES;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		feature = VIRTIO_NET_F_HOST_TSO4;
		break;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		feature = VIRTIO_NET_F_HOST_TSO6;
		break;
	default:
		return false;
	}
	if (h->gso_type & VIRTIO_NET_HDR_GSO_ECN && !has(features, VIRTIO_NET_F_HOST_ECN))
		return false;
	/* A segment needs a checksum of its own, so a frame to be cut has one to be filled in. */
	return has(features, feature) && h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM && h->gso_size >= GSO_BYTES_MIN &&
	       h->hdr_len > h->csum_start && h->hdr_len <= frame_bytes && frame_bytes <= CAY_NET_FRAME_MAX;
}

bool net_header_check(const struct virtio_net_hdr_mrg_rxbuf *in, uint32_t frame_bytes, uint64_t features, uint16_t mtu,
		      struct virtio_net_hdr_mrg_rxbuf *out)
{
	const struct virtio_net_hdr *h = &in->hdr;

	*out = (struct virtio_net_hdr_mrg_rxbuf){.num_buffers = 0};
	if (frame_bytes < ETHER_HDR_LEN || h->flags & ~VIRTIO_NET_HDR_F_NEEDS_CSUM)
		return false;
	if (!csum_ok(h, frame_bytes, features) || !gso_ok(h, frame_bytes, features, mtu))
		return false;
	if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		out->hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		out->hdr.csum_start = h->csum_start;
		out->hdr.csum_offset = h->csum_offset;
	}
	if (h->gso_type != VIRTIO_NET_HDR_GSO_NONE) {
		out->hdr.gso_type = h->gso_type;
		out->hdr.gso_size = h->gso_size;
		out->hdr.hdr_len = h->hdr_len;
	}
	return true;
}
