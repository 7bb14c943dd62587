/* SPDX-License-Identifier: MIT */
#include "kernel/dev/virtio_net_hdr.h"

#include "lib/string.h"

void netvirtio_hdr_make(struct virtio_net_hdr_mrg_rxbuf *h, const struct pbuf *p)
{
	uint16_t base = pbuf_mark(p, p->data);

	memset(h, 0, sizeof(*h));
	if (p->csum == PBUF_CSUM_PARTIAL) {
		h->hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h->hdr.csum_start = (uint16_t)(p->csum_start - base);
		h->hdr.csum_offset = p->csum_offset;
	}
	if (p->gso == PBUF_GSO_NONE)
		return;
	h->hdr.gso_type = p->gso == PBUF_GSO_TCP6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
	h->hdr.gso_size = p->gso_size;
	/* Up to the end of the TCP header, whose length is in the upper half of its byte 12. */
	h->hdr.hdr_len = (uint16_t)(h->hdr.csum_start + 4u * (p->head[p->csum_start + 12] >> 4));
}

bool netvirtio_hdr_apply(const struct virtio_net_hdr *h, struct pbuf *p)
{
	if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		if ((uint32_t)h->csum_start + h->csum_offset + 2 > p->head_len)
			return false;
		p->csum = PBUF_CSUM_PARTIAL;
		p->csum_start = (uint16_t)(pbuf_mark(p, p->data) + h->csum_start);
		p->csum_offset = h->csum_offset;
	} else if (h->flags & VIRTIO_NET_HDR_F_DATA_VALID) {
		p->csum = PBUF_CSUM_VALID;
	}
	switch (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return true;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		p->gso = PBUF_GSO_TCP4;
		break;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		p->gso = PBUF_GSO_TCP6;
		break;
	default:
		return false;
	}
	p->gso_size = h->gso_size;
	return h->gso_size != 0;
}
