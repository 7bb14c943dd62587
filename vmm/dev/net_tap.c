/* SPDX-License-Identifier: MIT */
/*
 * net_tap.c - --net tap=IF: an existing tap interface of the host (Documentation/networking/tuntap.rst of Linux). Ours
 * when we are root, or when it was made for our user: ip tuntap add dev IF mode tap user NAME.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/core/log.h"
#include "vmm/dev/net_priv.h"

#define BIT(name) (1ull << (name))

static int fail(const char *name, const char *why, const char *advice)
{
	log_error("--net tap=%s: %s; %s", name, why, advice);
	return -EINVAL;
}

static int explain(const char *name, int err)
{
	switch (err) {
	case EPERM:
		return fail(name, "this user may not use it",
			    "make it for this user: sudo ip tuntap add dev NAME mode tap user $USER");
	case EBUSY:
		return fail(name, "another process has it open", "choose another tap, or end that process");
	case EINVAL:
		return fail(name, "it exists but is no tap interface of ours to open",
			    "ip -d link show tells what it is");
	default:
		return fail(name, strerror(err), "ip -d link show tells what there is");
	}
}

static int attach(const char *name, short flags)
{
	struct ifreq ifr = {.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | flags)};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	memcpy(ifr.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	if (ioctl(fd, TUNSETIFF, &ifr) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int set_offloads(int fd, bool plain)
{
	int bytes = CAY_NET_HDR_BYTES;
	unsigned offloads = TUN_F_CSUM | (plain ? 0 : TUN_F_TSO4 | TUN_F_TSO6);

	if (ioctl(fd, TUNSETVNETHDRSZ, &bytes) != 0 || ioctl(fd, TUNSETOFFLOAD, offloads) != 0)
		return -errno;
	return 0;
}

/* Its MTU, and that it exists at all: opening a name that does not would make a new interface for root. */
static int look_up(struct net_device *dev, const char *name)
{
	struct ifreq ifr = {0};
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (s < 0)
		return -errno;
	memcpy(ifr.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	if (ioctl(s, SIOCGIFMTU, &ifr) != 0)
		err = -errno;
	else if (dev->config.mtu == 0)
		dev->config.mtu = (uint16_t)MIN(ifr.ifr_mtu, 65520);
	close(s);
	return err;
}

int net_tap_open(struct net_device *dev, unsigned nr_cpus)
{
	const char *name = dev->opt->name;
	bool plain = net_is_impaired(&dev->opt->impair);
	unsigned wanted = plain ? 1 : MIN(nr_cpus, NET_PAIRS_MAX);
	short flags = wanted > 1 ? IFF_MULTI_QUEUE : 0;
	int err = look_up(dev, name), fd;

	if (err != 0)
		return fail(name, "there is no such interface",
			    "make it: sudo ip tuntap add dev NAME mode tap user $USER && sudo ip link set NAME up");
	fd = attach(name, flags);
	if (fd == -EINVAL) { /* an interface was made with several queues or without, and must be opened so */
		flags ^= IFF_MULTI_QUEUE;
		fd = attach(name, flags);
	}
	if (fd == -ENOENT || fd == -ENXIO || fd == -ENODEV)
		return fail(name, "the host has no /dev/net/tun", "load its module: sudo modprobe tun");
	if (fd == -EACCES)
		return fail(name, "this user may not open /dev/net/tun",
			    "ask the administrator: it is usually open to all");
	while (fd >= 0) {
		dev->pair[dev->nr_pairs++].fd = fd;
		err = set_offloads(fd, plain);
		if (err != 0)
			return explain(name, -err);
		if (dev->nr_pairs >= wanted || !(flags & IFF_MULTI_QUEUE))
			break;
		fd = attach(name, IFF_MULTI_QUEUE);
	}
	if (dev->nr_pairs == 0)
		return explain(name, -fd);
	dev->ops = &net_fd_ops;
	dev->features |= BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_GUEST_CSUM);
	if (!plain)
		dev->features |= BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6) |
				 BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6);
	dev->config.flags |= CAY_NET_UNINVITED | (dev->opt->prefix4 == 0 ? CAY_NET_DHCP : 0) |
			     (dev->opt->prefix6 == 0 ? CAY_NET_SLAAC : 0);
	return 0;
}
