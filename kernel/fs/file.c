/* SPDX-License-Identifier: MIT */
/* file.c - life of open files, and files without a name. */
#include <errno.h>
#include <linux/fcntl.h>
#include <sys/stat.h>

#include "kernel/fs/async.h"
#include "kernel/fs/cred.h"
#include "kernel/fs/dcache.h"
#include "kernel/fs/file_priv.h"
#include "kernel/fs/locks.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/notify.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/sched/klock.h"
#include "kernel/sched/refs.h"
#include "kernel/time/clock.h"
#include "lib/string.h"

struct file *file_alloc(struct inode *inode, unsigned mode, unsigned flags)
{
	struct file *f = kmalloc(sizeof(*f));

	if (f == NULL)
		return NULL;
	*f = (struct file){.refs = 1, .mode = mode, .flags = flags, .inode = inode};
	mutex_init(&f->pos_lock);
	list_init(&f->epoll_links);
	return f;
}

struct file *file_get(struct file *f)
{
	refs_get(&f->refs);
	return f;
}

bool file_try_get(struct file *f)
{
	return refs_try_get(&f->refs);
}

static void free_file(struct rcu_head *h)
{
	kfree(container_of(h, struct file, rcu));
}

static void release(struct file *f)
{
	struct inode *named;

	if (!list_empty(&f->epoll_links))
		epoll_file_released(f);
	async_release(f);
	named = file_inode(f);
	if (named != NULL && !list_empty(&named->locks))
		lock_release_owner(named, f);
	if (f->ops != NULL && !(f->mode & FILE_PATH_ONLY))
		notify_file(f, f->mode & FILE_WRITE ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
	if (f->ops != NULL && f->ops->release != NULL)
		f->ops->release(f);
	inode_put(f->inode);
	dentry_put(f->dentry);
	mount_put(f->mount);
	rcu_free_later(&f->rcu, free_file);
}

/* The last reference has gone: what is not there will not come. */
static bool goes_alone(const struct file *f)
{
	const struct inode *named = file_inode(f);

	return list_empty(&f->epoll_links) && f->async == NULL && (named == NULL || list_empty(&named->locks));
}

static NOINLINE void put_last(struct file *f)
{
	bool alone = f->ops != NULL && f->ops->own_release;
	bool entered = !alone && kernel_enter();

	if (refs_put(&f->refs)) {
		if (alone && !goes_alone(f))
			entered = kernel_enter();
		release(f);
	}
	if (entered)
		kernel_leave();
}

/* Most of what goes with the last reference is under the kernel lock. */
void file_put(struct file *f)
{
	if (f == NULL)
		return;
	ASSERT(f->refs > 0);
	if (!refs_put_unless_last(&f->refs))
		put_last(f);
}

struct inode *file_inode(const struct file *f)
{
	return f->dentry != NULL ? f->dentry->inode : f->inode;
}

/* Anonymous files: each has an inode of its own, with times and a number, so that fstat tells them apart. */
struct anon_inode {
	struct inode i; /* first: inode_free */
	int64_t time_ns;
	char name[48];
};

static int anon_getattr(struct inode *i, struct kstat *st)
{
	struct anon_inode *a = container_of(i, struct anon_inode, i);

	st->ino = i->ino;
	st->mode = i->mode;
	st->nlink = 1;
	st->uid = i->uid;
	st->gid = i->gid;
	st->size = i->size;
	st->atime.sec = st->mtime.sec = st->ctime.sec = a->time_ns / (int64_t)NSEC_PER_SEC;
	st->atime.nsec = st->mtime.nsec = st->ctime.nsec = (uint32_t)(a->time_ns % (int64_t)NSEC_PER_SEC);
	return 0;
}

static int anon_setattr(struct inode *i, const struct kstat *st, unsigned which)
{
	if (which & ATTR_SIZE)
		return -EINVAL;
	if (which & ATTR_MODE)
		i->mode = (i->mode & S_IFMT) | (st->mode & 07777);
	if (which & ATTR_UID)
		i->uid = st->uid;
	if (which & ATTR_GID)
		i->gid = st->gid;
	return 0;
}

static bool anon_getattr_quick(struct inode *i, struct kstat *st)
{
	return anon_getattr(i, st) == 0;
}

static const struct inode_ops anon_inode_ops = {
	.getattr = anon_getattr,
	.getattr_quick = anon_getattr_quick,
	.setattr = anon_setattr,
};

static struct superblock anon_sb = {.type = "anon_inodefs", .dev = 0xe, .dcache_stable = true};

struct file *file_anon(const struct file_ops *ops, void *priv, unsigned mode, unsigned flags, const char *name,
		       uint32_t st_mode)
{
	static uint64_t last_ino = 4096; /* sockets come without the kernel lock */
	struct anon_inode *a = kmalloc(sizeof(*a));
	struct file *f;
	size_t len = strnlen(name, sizeof(a->name) - 1);

	if (a == NULL)
		return NULL;
	inode_init(&a->i, &anon_sb, st_mode);
	a->i.ops = &anon_inode_ops;
	a->i.file_ops = ops;
	a->i.ino = __atomic_add_fetch(&last_ino, 1, __ATOMIC_RELAXED);
	a->i.uid = cred_current()->fsuid;
	a->i.gid = cred_current()->fsgid;
	a->time_ns = (int64_t)clock_realtime_ns();
	memcpy(a->name, name, len);
	a->name[len] = '\0';
	f = file_alloc(&a->i, mode, flags);
	if (f == NULL) {
		inode_put(&a->i);
		return NULL;
	}
	f->ops = ops;
	f->priv = priv;
	return f;
}

/* "pipe" becomes "pipe:[ino]", as Linux shows what has an inode of its own; names with a colon stay. */
static void anon_text(const struct anon_inode *a, char *buf, size_t size)
{
	char digits[24];
	size_t nr = 0, len = strlen(a->name);
	uint64_t v = a->i.ino;

	memcpy(buf, a->name, len + 1);
	if (strchr(a->name, ':') != NULL || a->name[0] == '/' || len + sizeof(digits) + 4 > size)
		return;
	do {
		digits[nr++] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	buf[len++] = ':';
	buf[len++] = '[';
	while (nr > 0)
		buf[len++] = digits[--nr];
	buf[len++] = ']';
	buf[len] = '\0';
}

int file_path(struct file *f, struct path *out)
{
	if (f->dentry == NULL) {
		char text[80];
		struct mount *m = mount_anon();
		struct dentry *d;

		if (m == NULL)
			return -ENOMEM;
		if (f->inode->ops == &anon_inode_ops)
			anon_text(container_of(f->inode, struct anon_inode, i), text, sizeof(text));
		else
			memcpy(text, "(nameless)", sizeof("(nameless)"));
		d = dentry_create_root(inode_get(f->inode), text);
		if (d == NULL) {
			inode_put(f->inode);
			mount_put(m);
			return -ENOMEM;
		}
		f->mount = m;
		__atomic_store_n(&f->dentry, d, __ATOMIC_RELEASE); /* after the mount: walk_quick.c */
	}
	out->mount = mount_get(f->mount);
	out->dentry = dentry_get(f->dentry);
	return 0;
}
