/* SPDX-License-Identifier: MIT */
/*
 * net.c - what the network stack wants from the rest of the kernel, on the host: random bytes that repeat, no network
 * thread (tests call net_work_round), every right, no descriptors, no cards, no TCP.
 */
#include <errno.h>

#include "kernel/dev/link_net.h"
#include "kernel/dev/random.h"
#include "kernel/dev/virtio_net.h"
#include "kernel/fs/cred.h"
#include "kernel/fs/file.h"
#include "kernel/fs/pipe.h"
#include "kernel/net/group_report.h"
#include "kernel/net/inet.h"
#include "kernel/net/net_priv.h"
#include "kernel/net/netconf.h"
#include "kernel/sched/thread.h"
#include "shim.h"

static uint64_t random_state = 88172645463325252ull;

void random_bytes(void *buf, size_t n)
{
	uint8_t *at = buf;

	while (n-- > 0) { /* xorshift */
		random_state ^= random_state << 13;
		random_state ^= random_state >> 7;
		random_state ^= random_state << 17;
		*at++ = (uint8_t)random_state;
	}
}

struct thread *kthread_create(const char *name, void (*fn)(void *arg), void *arg)
{
	(void)name;
	(void)fn;
	(void)arg;
	return thread_current();
}

void sched_yield_to_others(void)
{
}

void sched_resume_timers(void)
{
}

const struct cred *cred_current(void)
{
	static const struct cred all = {.cap_effective = ~0ull};

	return &all;
}

long pipe_broken(void)
{
	return -EPIPE;
}

struct file *file_anon(const struct file_ops *ops, void *priv, unsigned mode, unsigned flags, const char *name,
		       uint32_t st_mode)
{
	(void)ops;
	(void)priv;
	(void)mode;
	(void)flags;
	(void)name;
	(void)st_mode;
	return NULL;
}

int fd_install(struct file *f, int min, bool cloexec)
{
	(void)f;
	(void)min;
	(void)cloexec;
	return -EMFILE;
}

struct file *fd_get(int fd)
{
	(void)fd;
	return NULL;
}

__attribute__((weak)) unsigned cpu_id(void)
{
	return 0;
}

__attribute__((weak)) struct netif *virtio_net_init(const struct cay_net_config **config)
{
	(void)config;
	return NULL;
}

__attribute__((weak)) struct netif *link_net_init(const struct cay_net_config **config)
{
	(void)config;
	return NULL;
}

void netconf_start(struct netif *nif, const struct cay_net_config *cfg)
{
	(void)nif;
	(void)cfg;
}

/* Nobody asks for groups. */
__attribute__((weak)) void group_joined(struct netif *nif, const struct ipaddr *group)
{
	(void)nif;
	(void)group;
}

__attribute__((weak)) void group_left(struct netif *nif, const struct ipaddr *group)
{
	(void)nif;
	(void)group;
}

__attribute__((weak)) void igmp_input(struct pbuf *p)
{
	pbuf_put(p);
}

__attribute__((weak)) void mld_query(struct pbuf *p)
{
	(void)p;
}

/* Nobody listens to netlink. */
__attribute__((weak)) void rtnetlink_tell_link(const struct netif *nif, unsigned changed)
{
	(void)nif;
	(void)changed;
}

__attribute__((weak)) void rtnetlink_tell_addr(const struct netif *nif, const struct netif_addr *a, bool gone)
{
	(void)nif;
	(void)a;
	(void)gone;
}

__attribute__((weak)) void rtnetlink_tell_route(const struct route_entry *e, bool gone)
{
	(void)e;
	(void)gone;
}

/* TCP has tests of its own. */
int tcp_create(int family, struct socket **out)
{
	(void)family;
	(void)out;
	return -EPROTONOSUPPORT;
}

void tcp_init(void)
{
}

static unsigned nr_dns;

void netconf_add_dns(const struct ipaddr *server)
{
	(void)server;
	nr_dns++;
}

unsigned shim_nr_dns(void)
{
	return nr_dns;
}
