/* SPDX-License-Identifier: MIT */
/* socket_calls.c - making, naming and connecting sockets. Sending and receiving: socket_msg.c. */
#include "kernel/net/socket_calls.h"

#include <errno.h>
#include <linux/fcntl.h>

#include "kernel/linux/sys.h"
#include "kernel/mm/uaccess.h"
#include "kernel/net/inet.h"
#include "kernel/net/netlink.h"
#include "kernel/net/packet.h"
#include "kernel/net/socket.h"
#include "kernel/net/unix.h"

#define SOCK_TYPE_BITS 0xf

int sock_addr_from_user(struct sock_addr *a, const void *user, int len)
{
	if (len < 0 || (unsigned)len > sizeof(a->bytes))
		return -EINVAL;
	a->len = (unsigned)len;
	a->family = 0;
	return len > 0 ? copy_from_user(a->bytes, user, (size_t)len) : 0;
}

/* Cut to the room there is; the true length is told (accept(2)). */
int sock_addr_to_user(const struct sock_addr *a, void *user, uint32_t *len_user)
{
	uint32_t room;

	if (user == NULL)
		return 0;
	if (get_user_u32(&room, len_user) != 0)
		return -EFAULT;
	if ((int32_t)room < 0)
		return -EINVAL;
	if (copy_to_user(user, a->bytes, MIN(room, a->len)) != 0)
		return -EFAULT;
	return put_user_u32(len_user, a->len);
}

/* What a call that waited returns to the signal code; with a timeout set it is never restarted (signal(7)). */
static long wait_result(long n, uint64_t timeout_ns)
{
	return n == -EINTR && timeout_ns == 0 ? -ERESTARTSYS : n;
}

static int check_type(int type)
{
	return type & ~(SOCK_TYPE_BITS | SOCK_NONBLOCK | SOCK_CLOEXEC) ? -EINVAL : 0;
}

int socket_create(int family, int type, int protocol, struct socket **s)
{
	int err = check_type(type);

	if (err != 0)
		return err;
	if (family == AF_UNIX)
		err = unix_create(type & SOCK_TYPE_BITS, protocol, s);
	else if (family == AF_INET || family == AF_INET6)
		err = inet_create(family, type & SOCK_TYPE_BITS, protocol, s);
	else if (family == AF_NETLINK)
		err = netlink_create(type & SOCK_TYPE_BITS, protocol, s);
	else if (family == AF_PACKET)
		err = packet_create(type & SOCK_TYPE_BITS, protocol, s);
	else
		err = -EAFNOSUPPORT;
	return err;
}

long sys_socket(int family, int type, int protocol)
{
	bool entered = family != AF_INET && family != AF_INET6 && kernel_enter();
	struct socket *s;
	int err = socket_create(family, type, protocol, &s);
	long fd = err != 0 ? err : socket_install(s, type);

	file_leave(entered);
	return fd;
}

long sys_socketpair(int family, int type, int protocol, int *fds_user)
{
	struct socket *s[2];
	int fd[2], err = check_type(type);

	if (err != 0)
		return err;
	if (family != AF_UNIX)
		return family == AF_INET || family == AF_INET6 ? -EOPNOTSUPP : -EAFNOSUPPORT;
	err = unix_create_pair(type & SOCK_TYPE_BITS, protocol, s);
	if (err != 0)
		return err;
	fd[0] = socket_install(s[0], type);
	fd[1] = socket_install(s[1], type);
	err = fd[0] < 0 ? fd[0] : fd[1] < 0 ? fd[1] : copy_to_user(fds_user, fd, sizeof(fd));
	for (unsigned i = 0; err != 0 && i < 2; i++)
		if (fd[i] >= 0)
			fd_close(fd[i]);
	return err;
}

long sys_bind(int fd, const void *addr_user, int len)
{
	struct sock_addr a;
	struct socket_call c;
	int err = socket_begin(&c, fd);

	if (err != 0)
		return err;
	err = sock_addr_from_user(&a, addr_user, len);
	if (err == 0)
		err = c.s->ops->bind != NULL ? c.s->ops->bind(c.s, &a) : -EOPNOTSUPP;
	socket_end(&c);
	return err;
}

long sys_listen(int fd, int backlog)
{
	struct socket_call c;
	int err = socket_begin(&c, fd);

	if (err != 0)
		return err;
	err = c.s->ops->listen != NULL ? c.s->ops->listen(c.s, backlog) : -EOPNOTSUPP;
	socket_end(&c);
	return err;
}

long sys_connect(int fd, const void *addr_user, int len)
{
	struct sock_addr a;
	struct socket_call c;
	int err = socket_begin(&c, fd);

	if (err != 0)
		return err;
	err = sock_addr_from_user(&a, addr_user, len);
	if (err == 0)
		err = c.s->ops->connect != NULL ? c.s->ops->connect(c.s, &a, c.f->flags & O_NONBLOCK) : -EOPNOTSUPP;
	long result = wait_result(err, c.s->snd_timeout_ns);
	socket_end(&c);
	return result;
}

static long do_accept(struct socket_call *c, void *addr_user, uint32_t *len_user, int flags)
{
	struct socket *s = c->s, *conn;
	struct sock_addr a;
	long result;
	int err;

	err = s->ops->accept != NULL ? s->ops->accept(s, c->f->flags & O_NONBLOCK, &conn) : -EOPNOTSUPP;
	if (err != 0)
		return wait_result(err, s->rcv_timeout_ns);
	err = conn->ops->name(conn, true, &a);
	if (err != 0)
		a = (struct sock_addr){.len = sizeof(a.family), .family = AF_UNIX}; /* it has gone already */
	result = socket_install(conn, flags);
	if (result >= 0 && addr_user != NULL) {
		err = sock_addr_to_user(&a, addr_user, len_user);
		if (err != 0) {
			fd_close((int)result);
			return err;
		}
	}
	return result;
}

long sys_accept4(int fd, void *addr_user, uint32_t *len_user, int flags)
{
	struct socket_call c;
	long result;

	if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
		return -EINVAL;
	result = socket_begin(&c, fd);
	if (result != 0)
		return result;
	result = do_accept(&c, addr_user, len_user, flags);
	socket_end(&c);
	return result;
}

long sys_accept(int fd, void *addr_user, uint32_t *len_user)
{
	return sys_accept4(fd, addr_user, len_user, 0);
}

static long get_name(int fd, bool peer, void *addr_user, uint32_t *len_user)
{
	struct sock_addr a;
	struct socket_call c;
	int err = socket_begin(&c, fd);

	if (err != 0)
		return err;
	err = c.s->ops->name(c.s, peer, &a);
	socket_end(&c);
	if (err != 0)
		return err;
	return addr_user != NULL ? sock_addr_to_user(&a, addr_user, len_user) : -EFAULT;
}

long sys_getsockname(int fd, void *addr_user, uint32_t *len_user)
{
	return get_name(fd, false, addr_user, len_user);
}

long sys_getpeername(int fd, void *addr_user, uint32_t *len_user)
{
	return get_name(fd, true, addr_user, len_user);
}

long sys_shutdown(int fd, int how)
{
	struct socket_call c;
	int err = socket_begin(&c, fd);

	if (err != 0)
		return err;
	err = how < SHUT_RD || how > SHUT_RDWR ? -EINVAL : c.s->ops->shutdown(c.s, how);
	socket_end(&c);
	return err;
}

long sys_setsockopt(int fd, int level, int name, const void *value_user, int len)
{
	struct socket_call c;
	int err = socket_begin(&c, fd);

	if (err != 0)
		return err;
	err = len < 0 ? -EINVAL : socket_set_option(c.s, level, name, value_user, (unsigned)len);
	socket_end(&c);
	return err;
}

long sys_getsockopt(int fd, int level, int name, void *value_user, uint32_t *len_user)
{
	struct socket_call c;
	int err = socket_begin(&c, fd);

	if (err != 0)
		return err;
	err = socket_get_option(c.s, level, name, value_user, len_user);
	socket_end(&c);
	return err;
}
