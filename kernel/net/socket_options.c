/* SPDX-License-Identifier: MIT */
/* socket_options.c - setsockopt and getsockopt: at SOL_SOCKET what is the same for all families, the rest is theirs. */
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>

#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/net/socket.h"

/* Options that change nothing here but are read back as they were set. */
static bool is_kept(int name)
{
	switch (name) {
	case SO_DEBUG:
	case SO_REUSEADDR:
	case SO_DONTROUTE:
	case SO_BROADCAST:
	case SO_SNDBUF:
	case SO_RCVBUF:
	case SO_KEEPALIVE:
	case SO_OOBINLINE:
	case SO_PRIORITY:
	case SO_REUSEPORT:
	case SO_PASSCRED:
	case SO_TIMESTAMP:
	case SO_MARK:
		return true;
	}
	return false;
}

static int set_timeout(uint64_t *timeout_ns, const void *user, unsigned len)
{
	struct ktimeval tv;

	if (len < sizeof(tv))
		return -EINVAL;
	if (copy_from_user(&tv, user, sizeof(tv)) != 0)
		return -EFAULT;
	if (tv.usec < 0 || tv.usec >= 1000000)
		return -EDOM;
	*timeout_ns = tv.sec < 0 ? 1 : (uint64_t)MIN(tv.sec, 1000000000) * NSEC_PER_SEC + (uint64_t)tv.usec * 1000;
	return 0;
}

/* An option that is the family's own business. */
static int family_set(struct socket *s, int level, int name, const void *user, unsigned len)
{
	uint64_t small[SOCK_OPTION_BYTES / 8];
	void *value = small;
	int err = -EFAULT;

	if (s->ops->set_option == NULL)
		return -ENOPROTOOPT;
	len = MIN(len, (unsigned)SOCK_OPTION_BYTES_MAX);
	if (len > sizeof(small))
		value = kmalloc(len);
	if (value == NULL)
		return -ENOMEM;
	if (len == 0 || copy_from_user(value, user, len) == 0)
		err = s->ops->set_option(s, level, name, value, len);
	if (value != small)
		kfree(value);
	return err;
}

/* Sends of TCP and UDP tell that their memory may be used again; the others know no such sends. */
static int set_zerocopy(struct socket *s, const void *user, unsigned len)
{
	bool stream = s->type == SOCK_STREAM && s->protocol == IPPROTO_TCP;
	bool datagrams = s->type == SOCK_DGRAM && s->protocol == IPPROTO_UDP;
	uint32_t v;

	if (len < sizeof(v))
		return -EINVAL;
	if (get_user_u32(&v, user) != 0)
		return -EFAULT;
	if ((s->family != AF_INET && s->family != AF_INET6) || (!stream && !datagrams))
		return -EOPNOTSUPP;
	if (v > 1)
		return -EINVAL;
	s->option[SO_ZEROCOPY] = (int)v;
	return 0;
}

int socket_set_option(struct socket *s, int level, int name, const void *user, unsigned len)
{
	uint32_t v;

	if (level != SOL_SOCKET)
		return family_set(s, level, name, user, len);
	if (name == SO_RCVTIMEO || name == SO_SNDTIMEO)
		return set_timeout(name == SO_RCVTIMEO ? &s->rcv_timeout_ns : &s->snd_timeout_ns, user, len);
	if (name == SO_LINGER && (s->family == AF_UNIX || s->type != SOCK_STREAM))
		return len < sizeof(struct linger) ? -EINVAL : 0; /* closing never waits there */
	if (name == SO_ZEROCOPY)
		return set_zerocopy(s, user, len);
	if (!is_kept(name))
		return family_set(s, level, name, user, len);
	if (len < sizeof(v))
		return -EINVAL;
	if (get_user_u32(&v, user) != 0)
		return -EFAULT;
	/* Linux doubles a buffer size, for its own bookkeeping, and programs know it. */
	if (name == SO_SNDBUF || name == SO_RCVBUF)
		v = MAX(MIN(v, (uint32_t)SOCK_BUFFER_BYTES) * 2, 4608u);
	else if (name != SO_PRIORITY && name != SO_MARK)
		v = v != 0;
	s->option[name] = (int)v;
	if (s->ops->set_option != NULL)
		(void)s->ops->set_option(s, level, name, &s->option[name], sizeof(int));
	return 0;
}

static int copy_out(void *user, uint32_t *len_user, const void *value, uint32_t bytes)
{
	uint32_t len;

	if (get_user_u32(&len, len_user) != 0)
		return -EFAULT;
	if ((int32_t)len < 0)
		return -EINVAL;
	len = MIN(len, bytes);
	if (copy_to_user(user, value, len) != 0)
		return -EFAULT;
	return put_user_u32(len_user, len);
}

static int family_get(struct socket *s, int level, int name, void *user, uint32_t *len_user)
{
	uint64_t small[SOCK_OPTION_BYTES / 8] = {0};
	void *value = small;
	unsigned len;
	uint32_t room;
	int err;

	if (s->ops->get_option == NULL)
		return -ENOPROTOOPT;
	if (get_user_u32(&room, len_user) != 0)
		return -EFAULT;
	if ((int32_t)room < 0)
		return -EINVAL;
	len = MIN(room, (uint32_t)SOCK_OPTION_BYTES_MAX);
	if (len > sizeof(small))
		value = kzalloc(len);
	if (value == NULL)
		return -ENOMEM;
	err = len > 0 && copy_from_user(value, user, len) != 0 ? -EFAULT
							       : s->ops->get_option(s, level, name, value, &len);
	if (err == 0)
		err = copy_out(user, len_user, value, len);
	if (value != small)
		kfree(value);
	return err;
}

int socket_get_option(struct socket *s, int level, int name, void *user, uint32_t *len_user)
{
	struct ktimeval tv;
	struct sock_cred cred;
	uint64_t ns;
	int v;

	if (level != SOL_SOCKET)
		return family_get(s, level, name, user, len_user);
	switch (name) {
	case SO_TYPE:
		v = s->type;
		break;
	case SO_DOMAIN:
		v = s->family;
		break;
	case SO_PROTOCOL:
		v = s->protocol;
		break;
	case SO_ERROR:
		v = s->ops->take_error != NULL ? s->ops->take_error(s) : 0;
		break;
	case SO_ACCEPTCONN:
		v = s->ops->is_listening != NULL && s->ops->is_listening(s);
		break;
	case SO_BPF_EXTENSIONS:
		v = SKF_AD_MAX;
		break;
	case SO_RCVTIMEO:
	case SO_SNDTIMEO:
		ns = name == SO_RCVTIMEO ? s->rcv_timeout_ns : s->snd_timeout_ns;
		tv = (struct ktimeval){(int64_t)(ns / NSEC_PER_SEC), (int64_t)(ns % NSEC_PER_SEC / 1000)};
		return copy_out(user, len_user, &tv, sizeof(tv));
	case SO_LINGER:
		if (s->family != AF_UNIX && s->type == SOCK_STREAM)
			return family_get(s, level, name, user, len_user);
		return copy_out(user, len_user, &(struct linger){0}, sizeof(struct linger));
	case SO_PEERCRED:
		if (s->ops->peer_cred == NULL || !s->ops->peer_cred(s, &cred))
			cred = (struct sock_cred){0, UINT32_MAX, UINT32_MAX};
		return copy_out(user, len_user, &cred, sizeof(cred));
	default:
		if (!is_kept(name) && name != SO_ZEROCOPY)
			return family_get(s, level, name, user, len_user);
		v = s->option[name];
	}
	return copy_out(user, len_user, &v, sizeof(v));
}
