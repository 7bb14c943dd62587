/* SPDX-License-Identifier: MIT */
/* net_pcap.c - see net_pcap.h. Each record is one write to a file opened for appending, so threads need no lock. */
#include "vmm/dev/net_pcap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "abi/net.h"
#include "vmm/core/log.h"

#define PCAP_MAGIC_NS  0xa1b23c4du
#define PCAP_ETHERNET  1u
#define PCAP_IOV_MAX   72 /* longer than any list of receive buffers */
#define PCAP_FRAME_MAX 0x40000u

static atomic_bool ended; /* a record could not be written whole */

struct pcap_file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t rsvd[2];
	uint32_t frame_max;
	uint32_t link_type;
};

struct pcap_record {
	uint32_t s, ns;
	uint32_t bytes_here, bytes_there;
};

int net_pcap_open(const char *path)
{
	const struct pcap_file_header h = {
		.magic = PCAP_MAGIC_NS,
		.major = 2,
		.minor = 4,
		.frame_max = PCAP_FRAME_MAX,
		.link_type = PCAP_ETHERNET,
	};
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666), err;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, &h, sizeof(h));
	if (n == sizeof(h))
		return fd;
	err = n < 0 ? -errno : -ENOSPC;
	close(fd);
	return err;
}

void net_pcap_write(int fd, const struct iovec *iov, unsigned nr, uint32_t bytes)
{
	struct iovec out[PCAP_IOV_MAX];
	struct pcap_record r = {0};
	uint32_t skip = CAY_NET_HDR_BYTES, left = bytes - CAY_NET_HDR_BYTES;
	struct timespec now;
	unsigned n = 1;
	ssize_t done;

	if (fd < 0 || atomic_load(&ended) || bytes <= CAY_NET_HDR_BYTES)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	r.s = (uint32_t)now.tv_sec;
	r.ns = (uint32_t)now.tv_nsec;
	r.bytes_here = r.bytes_there = left;
	out[0] = (struct iovec){&r, sizeof(r)};
	for (unsigned i = 0; i < nr && left > 0 && n < PCAP_IOV_MAX; i++) {
		uint32_t have = (uint32_t)iov[i].iov_len, drop = MIN(skip, have), take = MIN(have - drop, left);

		skip -= drop;
		left -= take;
		if (take > 0)
			out[n++] = (struct iovec){(uint8_t *)iov[i].iov_base + drop, take};
	}
	done = writev(fd, out, (int)n);
	if (done == (ssize_t)(sizeof(r) + r.bytes_here) || (done < 0 && errno == EINTR))
		return;
	/* Whatever came behind half a record could not be read. */
	if (!atomic_exchange(&ended, true))
		log_error("--pcap: the recording ends here: %s", done < 0 ? strerror(errno) : "no room for more");
}
