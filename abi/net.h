/* SPDX-License-Identifier: MIT */
/*
 * net.h - the network card (CAY_DEV_NET): virtio-net (virtio 1.2 section 5.1) but for how it is configured.
 *
 * Queues lie in pairs, receive then transmit: queue[2 * i] receives, queue[2 * i + 1] transmits. There is no control
 * queue: all pairs work from the start. Every frame begins with struct virtio_net_hdr_mrg_rxbuf (12 bytes), in its own
 * descriptor or not. cay_device_info.features holds VIRTIO_NET_F_* of <linux/virtio_net.h>; the guest uses no more:
 *   MRG_RXBUF   always: a frame may fill several receive buffers, num_buffers in the first says how many
 *   CSUM        the guest may leave a transport checksum to the device (NEEDS_CSUM, csum_start, csum_offset)
 *   HOST_TSO4/6 the guest may send frames of up to 64 KiB with gso_type TCPV4/6 and gso_size
 *   GUEST_CSUM  received frames may have NEEDS_CSUM (correct, not filled in) or DATA_VALID (checked)
 *   GUEST_TSO4/6  received TCP frames may be up to 64 KiB with gso_type and gso_size: several that were joined
 * A header that asks for what is not offered, or points outside its frame, makes the device drop that frame and count
 * it.
 *
 * cay_device_info.config[CAY_NET_CONFIG] is the GPA of a struct cay_net_config.
 */
#ifndef CAY_ABI_NET_H
#define CAY_ABI_NET_H

#include <stdint.h>

#define CAY_NET_CONFIG 0 /* index in cay_device_info.config */

#define CAY_NET_QUEUE_NR  256 /* entries of each queue */
#define CAY_NET_HDR_BYTES 12u /* struct virtio_net_hdr_mrg_rxbuf */
/* The longest frame in either direction without its header: Ethernet with a VLAN tag and 64 KiB of IP. */
#define CAY_NET_FRAME_MAX (18u + 65535u)
/* Descriptors that one transmitted frame may have, header included. */
#define CAY_NET_TX_SEGS_MAX 24u
/* Receive buffers are at least this long, so that a frame never needs more than CAY_NET_RX_SEGS_MAX. */
#define CAY_NET_RX_BUF_MIN  2048u
#define CAY_NET_RX_SEGS_MAX 34u

#define CAY_NET_DHCP  (1u << 0) /* ask for IPv4 address, router and DNS by DHCP */
#define CAY_NET_SLAAC (1u << 1) /* accept IPv6 router advertisements */
/*
 * The addresses are ours for certain: no probes (ARP, duplicate address detection), announcements, router solicitations
 * or multicast reports. Nothing is sent before the program makes the guest send: the first frame starts a process on
 * the host.
 */
#define CAY_NET_QUIET (1u << 2)
/* Frames may come before the guest has sent any. Without it the receive buffers can wait for the first one sent. */
#define CAY_NET_UNINVITED (1u << 3)

/* All addresses in network order; all zero = none. */
struct cay_net_config {
	uint8_t mac[6];
	uint16_t mtu; /* of IP: without the Ethernet header */
	uint32_t flags;
	uint8_t ip4[4];
	uint8_t gateway4[4];
	uint8_t dns4[2][4];
	uint8_t ip6[16];
	uint8_t gateway6[16];
	uint8_t dns6[16];
	uint8_t prefix4, prefix6; /* bits */
	uint8_t rsvd[6];
	/*
	 * The device's, changed while the VM runs: a bit for each pair whose transmit queue it does not look at just
	 * now and asks no doorbell for, because it will look again by itself in a moment. A guest that runs out of work
	 * rings for what is unsent; one that computes need not. Full barriers: the guest's between publishing and
	 * reading this, the device's between setting it and its last look.
	 */
	uint32_t napping;
	/*
	 * Likewise. Not 0: the host's thread that runs the guest's CPU looks at the queues itself whenever the guest
	 * waits for events (CAY_GATE_WAIT), so a CPU without work does best to wait at once, neither polling nor
	 * ringing.
	 */
	uint32_t carried;
};

_Static_assert(sizeof(struct cay_net_config) == 92, "same for both sides");

#endif
