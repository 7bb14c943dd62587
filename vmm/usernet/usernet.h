/* SPDX-License-Identifier: MIT */
/*
 * usernet.h - what the VMM and the process of the user network agree on.
 * argv: name, MTU, then one "tcp,IP,HOST_PORT,GUEST_PORT" or "udp,..." per published port. Descriptor USERNET_FD is one
 * end of a SEQPACKET socket pair; its closing ends the process. The process first sends USERNET_OK, or one line saying
 * why it cannot work. After that a message is a frame with the 12 bytes of struct virtio_net_hdr_mrg_rxbuf in front.
 */
#ifndef CAY_VMM_USERNET_USERNET_H
#define CAY_VMM_USERNET_USERNET_H

#define USERNET_FD         3
#define USERNET_PROGRAM_FD 4 /* while waiting: the program itself, closed when it starts */
#define USERNET_OK         "ok"

#endif
