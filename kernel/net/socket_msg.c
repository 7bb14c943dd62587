/* SPDX-License-Identifier: MIT */
/*
 * socket_msg.c - sending and receiving: the six system calls as one message each (struct sock_msg).
 * Ancillary data: SCM_RIGHTS and SCM_CREDENTIALS, laid out as cmsg(3) says.
 */
#include <errno.h>
#include <limits.h>
#include <linux/fcntl.h>

#include "kernel/fs/async.h"
#include "kernel/fs/pipe.h"
#include "kernel/linux/sys.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/net/socket.h"
#include "kernel/net/socket_calls.h"
#include "kernel/net/user_msg.h"
#include "lib/string.h"

#define CONTROL_MAX          4096 /* bytes of ancillary data in one sendmsg */
#define SCM_CREDENTIALS_TYPE 2

static long do_send(struct socket *s, struct file *f, struct sock_msg *m)
{
	if (f->flags & O_NONBLOCK)
		m->flags |= MSG_DONTWAIT;
	ssize_t n = s->ops->send(s, m);
	async_wrote(f, n >= 0 && m->uio->resid == 0);
	if (n == -EPIPE && !(m->flags & MSG_NOSIGNAL))
		return pipe_broken();
	return n == -EINTR && s->snd_timeout_ns == 0 ? -ERESTARTSYS : n;
}

static long do_recv(struct socket *s, struct file *f, struct sock_msg *m)
{
	if (f->flags & O_NONBLOCK)
		m->flags |= MSG_DONTWAIT;
	ssize_t n = s->ops->recv(s, m);
	return n == -EINTR && s->rcv_timeout_ns == 0 ? -ERESTARTSYS : n;
}

long socket_send_buffer(struct socket *s, struct file *f, const void *data_user, size_t bytes, unsigned flags,
			const struct sock_addr *addr)
{
	struct uio_seg seg = {(void *)data_user, MIN(bytes, (size_t)INT_MAX)};
	struct uio uio = {.segs = &seg, .nr_segs = 1, .resid = seg.bytes, .to_user = false};
	struct sock_msg m = {.uio = &uio, .flags = flags};

	if (addr != NULL)
		m.addr = *addr;
	return do_send(s, f, &m);
}

long sys_sendto(int fd, const void *data_user, size_t bytes, unsigned flags, const void *addr_user, int len)
{
	struct sock_addr addr;
	struct socket_call c;
	int err = socket_begin(&c, fd);

	if (err != 0)
		return err;
	long n = addr_user != NULL ? sock_addr_from_user(&addr, addr_user, len) : 0;
	if (n == 0)
		n = socket_send_buffer(c.s, c.f, data_user, bytes, flags, addr_user != NULL ? &addr : NULL);
	socket_end(&c);
	return n;
}

long socket_recv_buffer(struct socket *s, struct file *f, void *data_user, size_t bytes, unsigned flags,
			struct sock_addr *from)
{
	struct uio_seg seg = {data_user, MIN(bytes, (size_t)INT_MAX)};
	struct uio uio = {.segs = &seg, .nr_segs = 1, .resid = seg.bytes, .to_user = true};
	struct sock_msg m = {.uio = &uio, .flags = flags};
	long n = do_recv(s, f, &m);

	scm_files_put(m.files);
	if (n >= 0 && from != NULL)
		*from = m.addr;
	return n;
}

long sys_recvfrom(int fd, void *data_user, size_t bytes, unsigned flags, void *addr_user, uint32_t *len_user)
{
	struct sock_addr from;
	struct socket_call c;
	int err = socket_begin(&c, fd);

	if (err != 0)
		return err;
	long n = socket_recv_buffer(c.s, c.f, data_user, bytes, flags, &from);
	socket_end(&c);
	if (n >= 0 && addr_user != NULL) {
		err = sock_addr_to_user(&from, addr_user, len_user);
		if (err != 0)
			return err;
	}
	return n;
}

/* Adds the descriptors of one SCM_RIGHTS to m->files. */
static int take_rights(struct sock_msg *m, const int *fds, size_t nr)
{
	struct scm_files *files;
	unsigned had = m->files != NULL ? m->files->nr : 0;

	if (nr + had > SCM_FILES_MAX)
		return -EINVAL;
	files = krealloc(m->files, sizeof(*files) + (had + nr) * sizeof(files->file[0]));
	if (files == NULL)
		return -ENOMEM;
	files->nr = had;
	m->files = files;
	for (size_t i = 0; i < nr; i++) {
		struct file *f = fd_get_any(fds[i]);
		if (f == NULL)
			return -EBADF;
		files->file[files->nr++] = f;
	}
	return 0;
}

static int take_cred(struct sock_msg *m, const void *data, size_t bytes)
{
	const struct process *p = process_current();
	struct sock_cred c;

	if (bytes != sizeof(c))
		return -EINVAL;
	memcpy(&c, data, sizeof(c));
	if (p->cred.euid != 0 && (c.pid != p->pid || c.uid != p->cred.uid || c.gid != p->cred.gid))
		return -EPERM;
	m->cred = c;
	m->has_cred = true;
	return 0;
}

/* Ancillary data of a sendmsg, already copied. */
static int parse_control(struct sock_msg *m, const char *control, size_t bytes)
{
	size_t at = 0;
	int err = 0;

	while (err == 0 && bytes - at >= sizeof(struct cmsghdr)) {
		struct cmsghdr h;
		memcpy(&h, control + at, sizeof(h));
		if (h.cmsg_len < sizeof(h) || h.cmsg_len > bytes - at)
			return -EINVAL;
		const char *data = control + at + sizeof(h);
		size_t len = h.cmsg_len - sizeof(h);
		if (h.cmsg_level != SOL_SOCKET)
			err = 0; /* other levels are other protocols' */
		else if (h.cmsg_type == SCM_RIGHTS)
			err = take_rights(m, (const int *)(const void *)data, len / sizeof(int));
		else if (h.cmsg_type == SCM_CREDENTIALS_TYPE)
			err = take_cred(m, data, len);
		else
			err = -EINVAL;
		at += MIN(ALIGN_UP(h.cmsg_len, sizeof(size_t)), bytes - at);
	}
	return err;
}

/* *copy: kfree it when the message is sent; m refers to it. */
static int control_from_user(struct sock_msg *m, const struct msghdr *h, char **copy)
{
	char *control;
	int err;

	*copy = NULL;
	if (h->msg_control == NULL || h->msg_controllen == 0)
		return 0;
	if (h->msg_controllen > CONTROL_MAX)
		return -ENOBUFS;
	*copy = control = kmalloc(h->msg_controllen);
	if (control == NULL)
		return -ENOMEM;
	err = copy_from_user(control, h->msg_control, h->msg_controllen);
	if (err == 0)
		err = parse_control(m, control, h->msg_controllen);
	m->control = (const uint8_t *)control;
	m->control_bytes = h->msg_controllen;
	return err;
}

int user_msg_read(struct user_msg *um, const void *msg_user, bool recv)
{
	um->addr.len = 0;
	if (copy_from_user(&um->h, msg_user, sizeof(um->h)) != 0)
		return -EFAULT;
	if (!recv && um->h.msg_name != NULL && um->h.msg_namelen > 0) {
		int err = sock_addr_from_user(&um->addr, um->h.msg_name, (int)um->h.msg_namelen);
		if (err != 0)
			return err;
	}
	return iovec_from_user(&um->iov, um->h.msg_iov, um->h.msg_iovlen, recv);
}

void user_msg_free(struct user_msg *um)
{
	iovec_free(&um->iov);
}

long user_msg_send(struct socket *s, struct file *f, const struct user_msg *um, unsigned flags)
{
	struct uio uio = um->iov.uio;
	struct sock_msg m = {.flags = flags, .uio = &uio, .addr = um->addr};
	char *control;
	long n = control_from_user(&m, &um->h, &control);

	if (n == 0)
		n = do_send(s, f, &m);
	if (n < 0)
		scm_files_put(m.files);
	kfree(control);
	return n;
}

static long send_one(struct socket *s, struct file *f, const void *msg_user, unsigned flags)
{
	struct user_msg um;
	long n = user_msg_read(&um, msg_user, false);

	if (n != 0)
		return n;
	n = user_msg_send(s, f, &um, flags);
	user_msg_free(&um);
	return n;
}

/* The program's control buffer while it is filled. */
struct control_out {
	char *user;
	size_t used, room;
};

/* Space for a record of `bytes` of data; where the data goes, or NULL if there is none. */
static char *add_record(struct control_out *c, int type, size_t bytes)
{
	struct cmsghdr h = {.cmsg_len = sizeof(h) + bytes, .cmsg_level = SOL_SOCKET, .cmsg_type = type};
	char *at = c->user + c->used;

	if (c->room - c->used < h.cmsg_len || copy_to_user(at, &h, sizeof(h)) != 0)
		return NULL;
	c->used += MIN(ALIGN_UP(h.cmsg_len, sizeof(size_t)), c->room - c->used);
	return at + sizeof(h);
}

/* Installs the files that came; those without room are closed and MSG_CTRUNC says so. */
static void give_rights(struct control_out *c, struct sock_msg *m)
{
	size_t room = c->room - c->used;
	size_t fit = room > sizeof(struct cmsghdr) ? (room - sizeof(struct cmsghdr)) / sizeof(int) : 0;
	unsigned nr = 0, want = (unsigned)MIN(fit, (size_t)m->files->nr);
	int fds[SCM_FILES_MAX];

	while (nr < want) {
		int fd = fd_install(m->files->file[nr], 0, m->flags & MSG_CMSG_CLOEXEC);
		if (fd < 0)
			break;
		file_get(m->files->file[nr]); /* scm_files_put drops the list's own */
		fds[nr++] = fd;
	}
	if (nr < m->files->nr)
		m->out_flags |= MSG_CTRUNC;
	char *at = nr > 0 ? add_record(c, SCM_RIGHTS, nr * sizeof(int)) : NULL;
	if (at != NULL && copy_to_user(at, fds, nr * sizeof(int)) != 0)
		m->out_flags |= MSG_CTRUNC;
}

/* The protocol's records. One that does not fit is cut where the room ends, its length with it, as Linux does. */
static void give_protocol_records(struct control_out *c, struct sock_msg *m)
{
	struct sock_control *out = m->control_out;
	struct cmsghdr h;

	if (out->cut)
		m->out_flags |= MSG_CTRUNC;
	for (size_t at = 0, room; at < out->used; at += ALIGN_UP(h.cmsg_len, sizeof(size_t))) {
		memcpy(&h, out->bytes + at, sizeof(h));
		size_t len = h.cmsg_len;
		room = c->room - c->used;
		if (room < len)
			m->out_flags |= MSG_CTRUNC;
		if (room < sizeof(h))
			return;
		len = MIN(len, room);
		memcpy(out->bytes + at, &len, sizeof(len)); /* cmsg_len is the first field */
		if (copy_to_user(c->user + c->used, out->bytes + at, len) != 0) {
			m->out_flags |= MSG_CTRUNC;
			return;
		}
		c->used += MIN(ALIGN_UP(len, sizeof(size_t)), room);
	}
}

static void give_control(struct control_out *c, struct socket *s, struct sock_msg *m)
{
	if (s->option[SO_PASSCRED]) {
		char *at = add_record(c, SCM_CREDENTIALS_TYPE, sizeof(m->cred));
		if (at == NULL || copy_to_user(at, &m->cred, sizeof(m->cred)) != 0)
			m->out_flags |= MSG_CTRUNC;
	}
	if (m->files != NULL)
		give_rights(c, m);
	give_protocol_records(c, m);
}

long user_msg_recv(struct socket *s, struct file *f, const struct user_msg *um, void *msg_user, unsigned flags)
{
	struct sock_control control;
	struct uio uio = um->iov.uio;
	struct sock_msg m = {.flags = flags, .uio = &uio, .control_out = &control};
	struct msghdr h = um->h;
	long n;

	control.used = 0;
	control.cut = false;
	n = do_recv(s, f, &m);
	if (n < 0)
		return n;
	struct control_out c = {.user = h.msg_control, .room = h.msg_control != NULL ? h.msg_controllen : 0};
	give_control(&c, s, &m);
	scm_files_put(m.files);
	if (h.msg_name != NULL && copy_to_user(h.msg_name, m.addr.bytes, MIN(m.addr.len, h.msg_namelen)) != 0)
		return -EFAULT;
	h.msg_namelen = h.msg_name != NULL ? m.addr.len : 0;
	h.msg_controllen = c.used;
	h.msg_flags = (int)m.out_flags;
	return copy_to_user(msg_user, &h, sizeof(h)) != 0 ? -EFAULT : n;
}

static long recv_one(struct socket *s, struct file *f, void *msg_user, unsigned flags)
{
	struct user_msg um;
	long n = user_msg_read(&um, msg_user, true);

	if (n != 0)
		return n;
	n = user_msg_recv(s, f, &um, msg_user, flags);
	user_msg_free(&um);
	return n;
}

long sys_sendmsg(int fd, const void *msg_user, unsigned flags)
{
	struct socket_call c;
	int err = socket_begin(&c, fd);

	if (err != 0)
		return err;
	long n = send_one(c.s, c.f, msg_user, flags);
	socket_end(&c);
	return n;
}

long sys_recvmsg(int fd, void *msg_user, unsigned flags)
{
	struct socket_call c;
	int err = socket_begin(&c, fd);

	if (err != 0)
		return err;
	long n = recv_one(c.s, c.f, msg_user, flags);
	socket_end(&c);
	return n;
}

#define MESSAGES_MAX 1024 /* of one call */

/* struct mmsghdr of the system call. */
struct many_msg {
	struct msghdr msg_hdr;
	uint32_t msg_len;
};

/* Many messages until one fails; a failure after the first counts as the end. */
static long do_many(int fd, struct many_msg *msgs_user, unsigned nr, unsigned flags, bool recv, uint64_t deadline_ns)
{
	struct socket_call c;
	int err = socket_begin(&c, fd);
	unsigned done = 0;
	long n = 0;

	if (err != 0)
		return err;
	nr = MIN(nr, (unsigned)MESSAGES_MAX);
	while (done < nr) {
		n = recv ? recv_one(c.s, c.f, &msgs_user[done].msg_hdr, flags & ~(unsigned)MSG_WAITFORONE)
			 : send_one(c.s, c.f, &msgs_user[done].msg_hdr, flags);
		if (n < 0)
			break;
		if (put_user_u32(&msgs_user[done].msg_len, (uint32_t)n) != 0) {
			n = -EFAULT;
			break;
		}
		done++;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if (clock_monotonic_ns() >= deadline_ns)
			break;
	}
	socket_end(&c);
	return done > 0 ? (long)done : n;
}

long sys_sendmmsg(int fd, void *msgs_user, unsigned nr, unsigned flags)
{
	return do_many(fd, msgs_user, nr, flags, false, UINT64_MAX);
}

long sys_recvmmsg(int fd, void *msgs_user, unsigned nr, unsigned flags, const void *timeout_user)
{
	uint64_t deadline = UINT64_MAX, ns;

	if (timeout_user != NULL) {
		int err = timespec_from_user(timeout_user, &ns);
		if (err != 0)
			return err;
		deadline = deadline_after(ns);
	}
	return do_many(fd, msgs_user, nr, flags, true, deadline);
}
