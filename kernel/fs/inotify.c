/* SPDX-License-Identifier: MIT */
/*
 * inotify.c - watching files and folders: inotify(7), and notify.h, through which the VFS tells. A watch keeps its
 * inode in memory, so that the inode found by a path later is the same one. All watches are on one list, searched at
 * each event: programs watch few things, and those that watch many do so to see few events. Unlike Linux's, the events
 * of a file's end come with its last name, though it may still be open.
 */
#include <errno.h>
#include <linux/fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <asm/ioctls.h>

#include "kernel/fs/dcache.h"
#include "kernel/fs/fdtable.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/vfs.h"
#include "kernel/linux/sys.h"
#include "kernel/linux/user_path.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/wait.h"
#include "lib/string.h"

#define QUEUE_MAX   16384u /* /proc/sys/fs/inotify/max_queued_events */
#define WATCHES_MAX 65536u /* /proc/sys/fs/inotify/max_user_watches */
#define NAME_ALIGN  sizeof(struct inotify_event)

struct event {
	struct list link;
	struct inotify_event e; /* len: of the name with its zeros, a multiple of NAME_ALIGN */
	char name[];
};

struct inotify {
	struct list events; /* oldest first */
	unsigned nr_events, nr_bytes;
	struct list watches; /* by link_own */
	int last_wd;
	struct waitq wq;
};

struct watch {
	struct list link_all, link_own;
	struct inotify *owner;
	struct inode *inode; /* counted */
	int wd;
	uint32_t mask; /* events and IN_ONESHOT */
};

unsigned notify_nr_watches;
static struct list all_watches = LIST_INIT(all_watches);

uint32_t notify_new_cookie(void)
{
	static uint32_t last;

	return ++last != 0 ? last : ++last;
}

static bool is_repeat(const struct inotify *in, const struct event *n)
{
	const struct event *last;

	if (list_empty(&in->events))
		return false;
	last = container_of(in->events.prev, struct event, link);
	return last->e.wd == n->e.wd && last->e.mask == n->e.mask && last->e.cookie == n->e.cookie &&
	       last->e.len == n->e.len && memcmp(last->name, n->name, n->e.len) == 0;
}

static void queue_event(struct inotify *in, int wd, uint32_t mask, uint32_t cookie, const char *name, size_t len)
{
	size_t room = len > 0 ? ALIGN_UP(len + 1, NAME_ALIGN) : 0;
	struct event *n;

	if (in->nr_events > QUEUE_MAX)
		return;
	if (in->nr_events == QUEUE_MAX) {
		wd = -1;
		mask = IN_Q_OVERFLOW;
		cookie = 0;
		room = len = 0;
	}
	n = kzalloc(sizeof(*n) + room);
	if (n == NULL)
		return; /* events are lost when memory is out; a program that watches can look for itself */
	n->e = (struct inotify_event){.wd = wd, .mask = mask, .cookie = cookie, .len = (uint32_t)room};
	if (len > 0)
		memcpy(n->name, name, len);
	if (is_repeat(in, n)) {
		kfree(n);
		return;
	}
	list_push_back(&in->events, &n->link);
	in->nr_events++;
	in->nr_bytes += (unsigned)(sizeof(n->e) + room);
	waitq_wake(&in->wq, POLLIN | POLLRDNORM);
}

static void remove_watch(struct watch *w)
{
	struct inode *i = w->inode;

	list_remove(&w->link_all);
	list_remove(&w->link_own);
	notify_nr_watches--;
	kfree(w);
	inode_put(i);
}

static void end_watch(struct watch *w)
{
	queue_event(w->owner, w->wd, IN_IGNORED, 0, NULL, 0);
	remove_watch(w);
}

static void send(struct inode *i, uint32_t events, uint32_t cookie, const char *name, size_t len)
{
	list_for_each_safe (w, &all_watches, link_all, struct watch) {
		if (w->inode != i || !(w->mask & events & IN_ALL_EVENTS))
			continue;
		queue_event(w->owner, w->wd, events, cookie, name, len);
		if (w->mask & IN_ONESHOT)
			end_watch(w);
	}
}

void notify_send_inode(struct inode *i, uint32_t events)
{
	send(i, events | (S_ISDIR(i->mode) ? IN_ISDIR : 0), 0, NULL, 0);
}

void notify_send_name(struct inode *dir, const char *name, size_t len, uint32_t events, uint32_t cookie)
{
	send(dir, events, cookie, name, len);
}

void notify_send_dentry(const struct dentry *d, uint32_t events)
{
	if (d->inode == NULL)
		return;
	if (S_ISDIR(d->inode->mode))
		events |= IN_ISDIR;
	if (d->parent != NULL && d->parent->inode != NULL)
		send(d->parent->inode, events, 0, d->name, d->name_len);
	send(d->inode, events, 0, NULL, 0);
}

void notify_send_file(const struct file *f, uint32_t events)
{
	bool entered = kernel_enter();

	if (f->dentry != NULL)
		notify_send_dentry(f->dentry, events);
	file_leave(entered);
}

void notify_send_gone(struct inode *i)
{
	send(i, IN_DELETE_SELF, 0, NULL, 0);
	list_for_each_safe (w, &all_watches, link_all, struct watch)
		if (w->inode == i)
			end_watch(w);
}

static void drop_event(struct inotify *in, struct event *n)
{
	list_remove(&n->link);
	in->nr_events--;
	in->nr_bytes -= (unsigned)(sizeof(n->e) + n->e.len);
	kfree(n);
}

static ssize_t inotify_read(struct file *f, struct uio *uio, int64_t pos)
{
	struct inotify *in = f->priv;
	ssize_t total = 0;

	(void)pos;
	while (list_empty(&in->events)) {
		if (file_nowait(f, uio))
			return -EAGAIN;
		if (wait_event_interruptible(&in->wq, !list_empty(&in->events)) != 0)
			return -ERESTARTSYS;
	}
	while (!list_empty(&in->events)) {
		struct event *n = list_first(&in->events, struct event, link);
		size_t bytes = sizeof(n->e) + n->e.len;
		ssize_t moved;

		if (bytes > uio->resid)
			return total > 0 ? total : -EINVAL;
		/* Off the queue before the copy, which may sleep. */
		list_remove(&n->link);
		in->nr_events--;
		in->nr_bytes -= (unsigned)bytes;
		moved = uio_move(&n->e, bytes, uio);
		kfree(n);
		if (moved != (ssize_t)bytes)
			return total > 0 ? total : -EFAULT;
		total += moved;
	}
	return total;
}

static uint32_t inotify_poll(struct file *f, struct poll_table *pt)
{
	struct inotify *in = f->priv;

	poll_wait(f, &in->wq, pt);
	return list_empty(&in->events) ? 0 : POLLIN | POLLRDNORM;
}

static int64_t inotify_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	const struct inotify *in = f->priv;

	return cmd == FIONREAD ? put_user_u32((void *)arg, in->nr_bytes) : -ENOTTY;
}

static void inotify_release(struct file *f)
{
	struct inotify *in = f->priv;

	while (!list_empty(&in->watches))
		remove_watch(list_first(&in->watches, struct watch, link_own));
	while (!list_empty(&in->events))
		drop_event(in, list_first(&in->events, struct event, link));
	kfree(in);
}

static const struct file_ops inotify_ops = {
	.read = inotify_read,
	.poll = inotify_poll,
	.ioctl = inotify_ioctl,
	.release = inotify_release,
};

long sys_inotify_init1(int flags)
{
	struct inotify *in;
	struct file *f;
	int fd;

	if (flags & ~(IN_CLOEXEC | IN_NONBLOCK))
		return -EINVAL;
	in = kzalloc(sizeof(*in));
	if (in == NULL)
		return -ENOMEM;
	list_init(&in->events);
	list_init(&in->watches);
	waitq_init(&in->wq);
	f = file_anon(&inotify_ops, in, FILE_READ, O_RDONLY | ((unsigned)flags & O_NONBLOCK), "anon_inode:inotify",
		      0600);
	if (f == NULL) {
		kfree(in);
		return -ENOMEM;
	}
	fd = fd_install(f, 0, flags & IN_CLOEXEC);
	if (fd < 0)
		file_put(f);
	return fd;
}

long sys_inotify_init(void)
{
	return sys_inotify_init1(0);
}

static int add_watch(struct inotify *in, struct inode *i, uint32_t mask)
{
	struct watch *w;

	list_for_each (old, &in->watches, link_own, struct watch) {
		if (old->inode != i)
			continue;
		if (mask & IN_MASK_CREATE)
			return -EEXIST;
		old->mask = (mask & IN_MASK_ADD ? old->mask : 0) | (mask & (IN_ALL_EVENTS | IN_ONESHOT));
		return old->wd;
	}
	if (notify_nr_watches >= WATCHES_MAX)
		return -ENOSPC;
	w = kzalloc(sizeof(*w));
	if (w == NULL)
		return -ENOMEM;
	w->owner = in;
	w->inode = inode_get(i);
	w->wd = ++in->last_wd;
	w->mask = mask & (IN_ALL_EVENTS | IN_ONESHOT);
	list_push_back(&all_watches, &w->link_all);
	list_push_back(&in->watches, &w->link_own);
	notify_nr_watches++;
	return w->wd;
}

/* The inotify behind a descriptor: *f counted. */
static int find_inotify(int fd, struct file **f)
{
	*f = fd_get(fd);
	if (*f == NULL)
		return -EBADF;
	if ((*f)->ops == &inotify_ops)
		return 0;
	file_put(*f);
	return -EINVAL;
}

long sys_inotify_add_watch(int fd, const char *upath, uint32_t mask)
{
	struct file *f;
	struct path p;
	long ret;

	if (!(mask & IN_ALL_EVENTS) || ((mask & IN_MASK_ADD) && (mask & IN_MASK_CREATE)))
		return -EINVAL;
	ret = find_inotify(fd, &f);
	if (ret != 0)
		return ret;
	ret = user_lookup(AT_FDCWD, upath, mask & IN_DONT_FOLLOW ? AT_SYMLINK_NOFOLLOW : 0, &p);
	if (ret == 0) {
		if ((mask & IN_ONLYDIR) && !S_ISDIR(path_inode(&p)->mode))
			ret = -ENOTDIR;
		if (ret == 0)
			ret = path_permission(&p, MAY_READ);
		if (ret == 0)
			ret = add_watch(f->priv, path_inode(&p), mask);
		path_put(&p);
	}
	file_put(f);
	return ret;
}

long sys_inotify_rm_watch(int fd, int wd)
{
	struct inotify *in;
	struct file *f;
	long ret = find_inotify(fd, &f);

	if (ret != 0)
		return ret;
	in = f->priv;
	ret = -EINVAL;
	list_for_each_safe (w, &in->watches, link_own, struct watch) {
		if (w->wd != wd)
			continue;
		end_watch(w);
		ret = 0;
		break;
	}
	file_put(f);
	return ret;
}
