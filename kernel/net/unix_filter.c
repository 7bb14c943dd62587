/* SPDX-License-Identifier: MIT */
/*
 * unix_filter.c - filters on AF_UNIX sockets (SO_ATTACH_FILTER): of the messages that others send to a datagram or
 * seqpacket socket; on streams they have no effect, as on Linux. A filter is changed under the socket's lock and run
 * without one (rcu.h).
 */
#include <errno.h>

#include "kernel/net/filter.h"
#include "kernel/net/unix_priv.h"

int unix_set_option(struct socket *s, int level, int name, const void *value, unsigned len)
{
	struct unix_sock *u = unix_of(s);
	struct net_filter *new, *old;
	int err;

	if (!net_filter_is_option(level, name))
		return -ENOPROTOOPT;
	err = net_filter_make(name, value, len, &new);
	if (err != 0)
		return err;
	spin_lock(&u->lock);
	err = net_filter_swap(&u->filter, name, new, &old);
	spin_unlock(&u->lock);
	net_filter_free_later(old);
	return err;
}

bool unix_filter_passes(const struct unix_sock *to, const void *data, size_t *bytes)
{
	const struct net_filter *f = __atomic_load_n(&to->filter, __ATOMIC_ACQUIRE);
	uint32_t wanted;

	if (likely(f == NULL) || to->sock.type == SOCK_STREAM)
		return true;
	wanted = net_filter_run_flat(f, data, (uint32_t)*bytes);
	*bytes = MIN(*bytes, (size_t)wanted);
	return wanted > 0;
}
