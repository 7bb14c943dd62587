/* SPDX-License-Identifier: MIT */
/*
 * net_pcap.h - records frames in a file, in the pcap format with nanoseconds (draft-ietf-opsawg-pcap).
 * Frames are recorded as they cross the card: with offloads they may be 64 KiB long and their checksums not filled in.
 */
#ifndef CAY_VMM_DEV_NET_PCAP_H
#define CAY_VMM_DEV_NET_PCAP_H

#include <stdint.h>
#include <sys/uio.h>

#include "lib/compiler.h"

/* Creates the file, with its header. Returns the descriptor, which appends, or -errno. */
MUST_CHECK int net_pcap_open(const char *path);

/*
 * One record: `bytes` of iov, whose first 12 are the virtio header and left out. fd -1: nothing is done. A record that
 * cannot be written whole ends the recording, which is said once; the network goes on. Any thread.
 */
void net_pcap_write(int fd, const struct iovec *iov, unsigned nr, uint32_t bytes);

#endif
