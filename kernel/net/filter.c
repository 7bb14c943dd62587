/* SPDX-License-Identifier: MIT */
/* filter.c - see filter.h. */
#include "kernel/net/filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include "kernel/dev/random.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/percpu.h"
#include "kernel/mm/uaccess.h"
#include "kernel/net/netif.h"
#include "kernel/sched/rcu.h"
#include "lib/cbpf.h"
#include "lib/string.h"

struct net_filter {
	struct rcu_head rcu;
	unsigned nr;
	bool locked;
	struct sock_filter insn[];
};

/* ---- checking */

bool net_filter_is_valid(const struct sock_filter *insn, unsigned nr)
{
	uint16_t *written;
	bool ok;

	if (nr == 0 || nr > BPF_MAXINSNS)
		return false;
	written = kmalloc(nr * sizeof(*written));
	if (written == NULL)
		return false;
	ok = cbpf_is_valid(insn, nr, written);
	kfree(written);
	return ok;
}

/* ---- running */

struct packet {
	struct cbpf_data data;
	const struct pbuf *p;
	const struct net_filter_frame *about; /* NULL: not a frame */
};

/* What Linux offers beside the packet's bytes. */
static bool load_beside(const struct packet *packet, uint32_t what, uint32_t *v)
{
	const struct net_filter_frame *about = packet->about;
	const struct pbuf *p = packet->p;

	switch (what) {
	case SKF_AD_PROTOCOL:
		if (about != NULL)
			*v = ntohs(about->protocol);
		else
			*v = ipaddr_is_v4(&p->dst) ? ETH_P_IP : ETH_P_IPV6;
		return true;
	case SKF_AD_PKTTYPE:
		*v = about != NULL ? about->type : PACKET_HOST;
		return true;
	case SKF_AD_RANDOM:
		random_bytes(v, sizeof(*v));
		return true;
	case SKF_AD_RXHASH:
		*v = p->hash;
		return true;
	case SKF_AD_CPU:
		*v = percpu_id();
		return true;
	case SKF_AD_IFINDEX:
		*v = p->netif != NULL ? (uint32_t)p->netif->index : 0;
		return true;
	case SKF_AD_HATYPE:
		*v = p->netif != NULL && p->netif->flags & IFF_LOOPBACK ? ARPHRD_LOOPBACK : ARPHRD_ETHER;
		return true;
	case SKF_AD_MARK:
	case SKF_AD_QUEUE:
	case SKF_AD_VLAN_TPID:
	case SKF_AD_VLAN_TAG:
	case SKF_AD_VLAN_TAG_PRESENT:
		*v = 0;
		return true;
	}
	return false;
}

static bool load(const struct cbpf_data *d, uint32_t at, unsigned bytes, uint32_t *v)
{
	const struct packet *packet = container_of(d, const struct packet, data);
	const struct pbuf *p = packet->p;
	uint8_t b[4];

	if (at >= (uint32_t)SKF_AD_OFF)
		return load_beside(packet, at - (uint32_t)SKF_AD_OFF, v);
	if (at > p->len || bytes > p->len - at)
		return false;
	pbuf_copy_out(p, at, b, bytes);
	*v = 0;
	for (unsigned i = 0; i < bytes; i++)
		*v = *v << 8 | b[i];
	return true;
}

uint32_t net_filter_run_program(const struct sock_filter *insn, const struct pbuf *p,
				const struct net_filter_frame *about)
{
	const struct packet packet = {.data = {.load = load, .len = p->len}, .p = p, .about = about};

	return cbpf_run(insn, &packet.data);
}

uint32_t net_filter_run(const struct net_filter *f, const struct pbuf *p)
{
	return net_filter_run_frame(f, p, NULL);
}

uint32_t net_filter_run_frame(const struct net_filter *f, const struct pbuf *p, const struct net_filter_frame *about)
{
	return f == NULL ? p->len : net_filter_run_program(f->insn, p, about);
}

struct flat {
	struct cbpf_data data;
	const uint8_t *bytes;
};

/* Beside the data: what is true of every message, or 0. */
static bool load_flat(const struct cbpf_data *d, uint32_t at, unsigned bytes, uint32_t *v)
{
	const struct flat *flat = container_of(d, const struct flat, data);

	*v = 0;
	if (at >= (uint32_t)SKF_AD_OFF) {
		switch (at - (uint32_t)SKF_AD_OFF) {
		case SKF_AD_RANDOM:
			random_bytes(v, sizeof(*v));
			return true;
		case SKF_AD_CPU:
			*v = percpu_id();
			return true;
		case SKF_AD_IFINDEX: /* there is no interface: Linux ends the program */
		case SKF_AD_HATYPE:
			return false;
		}
		return at - (uint32_t)SKF_AD_OFF < SKF_AD_MAX;
	}
	if (at > d->len || bytes > d->len - at)
		return false;
	for (unsigned i = 0; i < bytes; i++)
		*v = *v << 8 | flat->bytes[at + i];
	return true;
}

uint32_t net_filter_run_flat(const struct net_filter *f, const void *data, uint32_t len)
{
	const struct flat flat = {.data = {.load = load_flat, .len = len}, .bytes = data};

	return cbpf_run(f->insn, &flat.data);
}

/* ---- attaching */

bool net_filter_is_option(int level, int name)
{
	return level == SOL_SOCKET && (name == SO_ATTACH_FILTER || name == SO_DETACH_FILTER || name == SO_LOCK_FILTER);
}

void net_filter_free(struct net_filter *f)
{
	kfree(f);
}

static void free_rcu(struct rcu_head *h)
{
	kfree(container_of(h, struct net_filter, rcu));
}

void net_filter_free_later(struct net_filter *f)
{
	if (f != NULL)
		rcu_free_later(&f->rcu, free_rcu);
}

bool net_filter_copy(const struct net_filter *f, struct net_filter **out)
{
	size_t bytes = f != NULL ? sizeof(*f) + f->nr * sizeof(f->insn[0]) : 0;

	*out = f != NULL ? kmalloc(bytes) : NULL;
	if (*out != NULL)
		memcpy(*out, f, bytes);
	return *out != NULL || f == NULL;
}

static int make(const void *value, unsigned len, struct net_filter **out)
{
	struct sock_fprog prog;
	struct net_filter *f;
	int err;

	if (len != sizeof(prog))
		return -EINVAL;
	memcpy(&prog, value, sizeof(prog));
	if (prog.len == 0 || prog.len > BPF_MAXINSNS || prog.filter == NULL)
		return -EINVAL;
	f = kzalloc(sizeof(*f) + prog.len * sizeof(f->insn[0]));
	if (f == NULL)
		return -ENOMEM;
	f->nr = prog.len;
	err = copy_from_user(f->insn, prog.filter, prog.len * sizeof(f->insn[0])) != 0 ? -EFAULT : 0;
	if (err == 0 && !net_filter_is_valid(f->insn, f->nr))
		err = -EINVAL;
	if (err == 0)
		*out = f;
	else
		kfree(f);
	return err;
}

int net_filter_make(int name, const void *value, unsigned len, struct net_filter **new)
{
	*new = NULL;
	return name == SO_ATTACH_FILTER ? make(value, len, new) : 0;
}

int net_filter_swap(struct net_filter **slot, int name, struct net_filter *new, struct net_filter **old)
{
	struct net_filter *now = *slot;

	*old = new;
	if (now != NULL && now->locked)
		return -EPERM;
	if (name == SO_LOCK_FILTER) {
		if (now != NULL)
			now->locked = true;
		return 0;
	}
	if (name == SO_DETACH_FILTER && now == NULL)
		return -ENOENT;
	*old = now;
	__atomic_store_n(slot, new, __ATOMIC_RELEASE);
	return 0;
}

int net_filter_set(struct channel *ch, struct net_filter **slot, int name, const void *value, unsigned len)
{
	struct net_filter *new, *old;
	int err = net_filter_make(name, value, len, &new);

	if (err != 0)
		return err;
	channel_lock(ch);
	err = net_filter_swap(slot, name, new, &old);
	channel_unlock(ch);
	net_filter_free(old);
	return err;
}
