/* SPDX-License-Identifier: MIT */
/* socket.c - sockets as files: see socket.h. */
#include "kernel/net/socket.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <linux/fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "kernel/fs/cred.h"
#include "kernel/fs/pipe.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/net/inet.h"
#include "kernel/plat/cay/map.h"
#include "lib/string.h"

void scm_files_put(struct scm_files *files)
{
	for (unsigned i = 0; files != NULL && i < files->nr; i++)
		file_put(files->file[i]);
	kfree(files);
}

/* Takes the kernel lock for families that have no locks of their own. */
static bool socket_enter(const struct socket *s)
{
	return !s->ops->own_locks && kernel_enter();
}

static ssize_t socket_read(struct file *f, struct uio *uio, int64_t pos)
{
	struct socket *s = f->priv;
	struct sock_msg m = {.uio = uio, .flags = file_nowait(f, uio) ? MSG_DONTWAIT : 0};

	(void)pos;
	if (uio->resid == 0 && s->type == SOCK_STREAM)
		return 0; /* unlike recv(2), which waits for something to come */
	bool entered = socket_enter(s);
	ssize_t n = s->ops->recv(s, &m);
	scm_files_put(m.files); /* read(2) has no place for them */
	file_leave(entered);
	return n;
}

static ssize_t socket_write(struct file *f, struct uio *uio, int64_t pos)
{
	struct socket *s = f->priv;
	struct sock_msg m = {.uio = uio, .flags = file_nowait(f, uio) ? MSG_DONTWAIT : 0};

	(void)pos;
	bool entered = socket_enter(s);
	ssize_t n = s->ops->send(s, &m);
	file_leave(entered);
	return n == -EPIPE ? pipe_broken() : n;
}

static uint32_t socket_poll(struct file *f, struct poll_table *pt)
{
	struct socket *s = f->priv;
	bool entered = socket_enter(s);
	uint32_t mask = s->ops->poll(s, f, pt);

	file_leave(entered);
	return mask;
}

static int64_t socket_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	struct socket *s = f->priv;

	if (cmd == FIONREAD && s->ops->readable != NULL)
		return put_user_u32((void *)arg, (uint32_t)s->ops->readable(s));
	/* netdevice(7): what is about interfaces works on a socket of any family, and libc takes AF_UNIX for it. */
	return s->ops->ioctl != NULL ? s->ops->ioctl(s, cmd, arg) : inet_ioctl(s, cmd, arg);
}

static int socket_check_map(struct file *f, uint64_t offset, uint64_t bytes)
{
	struct socket *s = f->priv;

	return s->ops->check_map != NULL ? s->ops->check_map(s, offset, bytes) : -ENODEV;
}

/* Only what socket_check_map has allowed. */
static int socket_map(struct file *f, uint64_t pgoff, size_t nr, bool write, struct page_run *run)
{
	struct socket *s = f->priv;

	(void)write;
	return s->ops->map(s, pgoff, nr, run);
}

static void socket_release(struct file *f)
{
	struct socket *s = f->priv;

	s->ops->release(s);
}

static const struct file_ops socket_file_ops = {
	.own_lock = true,
	.has_async = true,
	.read = socket_read,
	.write = socket_write,
	.poll = socket_poll,
	.ioctl = socket_ioctl,
	.check_map = socket_check_map,
	.map = socket_map,
	.release = socket_release,
};
MAP_ADDRESS(SOCKET_FILES, socket_file_ops);

void sock_control_put(struct sock_msg *m, int level, int type, const void *data, unsigned bytes)
{
	struct sock_control *c = m->control_out;
	struct cmsghdr h = {.cmsg_len = sizeof(h) + bytes, .cmsg_level = level, .cmsg_type = type};

	if (c == NULL)
		return;
	if (h.cmsg_len > sizeof(c->bytes) - c->used) {
		c->cut = true;
		return;
	}
	memcpy(c->bytes + c->used, &h, sizeof(h));
	memcpy(c->bytes + c->used + sizeof(h), data, bytes);
	c->used += (unsigned)ALIGN_UP(h.cmsg_len, sizeof(size_t));
	c->used = MIN(c->used, (unsigned)sizeof(c->bytes));
}

void socket_init(struct socket *s, const struct socket_ops *ops, int family, int type, int protocol)
{
	*s = (struct socket){.ops = ops, .family = family, .type = type, .protocol = protocol};
	s->option[SO_SNDBUF] = s->option[SO_RCVBUF] = SOCK_BUFFER_BYTES;
}

struct file *socket_file(struct socket *s, int flags)
{
	struct file *f = file_anon(&socket_file_ops, s, FILE_READ | FILE_WRITE,
				   O_RDWR | (flags & SOCK_NONBLOCK ? O_NONBLOCK : 0), "socket", S_IFSOCK | 0777);

	if (f == NULL) {
		s->ops->release(s);
		return NULL;
	}
	s->ino = f->inode->ino;
	s->uid = cred_current()->fsuid;
	return f;
}

int socket_install(struct socket *s, int flags)
{
	struct file *f = socket_file(s, flags);

	if (f == NULL)
		return -ENOMEM;
	int fd = fd_install(f, 0, flags & SOCK_CLOEXEC);
	if (fd < 0)
		file_put(f);
	return fd;
}

struct socket *socket_of_file(const struct file *f)
{
	return f->ops == &socket_file_ops ? f->priv : NULL;
}

int socket_begin(struct socket_call *c, int fd)
{
	c->f = fd_get(fd);
	if (c->f == NULL)
		return -EBADF;
	if (c->f->ops != &socket_file_ops) {
		file_put(c->f);
		return -ENOTSOCK;
	}
	c->s = c->f->priv;
	c->entered = socket_enter(c->s);
	return 0;
}

void socket_end(struct socket_call *c)
{
	file_put(c->f);
	file_leave(c->entered);
}
