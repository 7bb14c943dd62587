/* SPDX-License-Identifier: MIT */
/* inode.c - life of inodes, and attributes as stat(2) shows them. */
#include <errno.h>
#include <sys/stat.h>

#include "kernel/fs/cred.h"
#include "kernel/fs/vfs.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/sched/klock.h"
#include "kernel/sched/refs.h"
#include "lib/string.h"

void inode_init(struct inode *i, struct superblock *sb, uint32_t mode)
{
	memset(i, 0, sizeof(*i));
	i->refs = 1;
	i->mode = mode;
	i->nlink = 1;
	i->sb = sb;
	mutex_init(&i->lock);
	list_init(&i->locks);
}

void inode_init_owner(struct inode *i, const struct inode *dir)
{
	const struct cred *c = cred_current();

	i->uid = c->fsuid;
	i->gid = c->fsgid;
	if (dir != NULL && (dir->mode & S_ISGID)) {
		i->gid = dir->gid;
		if (S_ISDIR(i->mode))
			i->mode |= S_ISGID;
	}
}

void inode_keep_link_text(struct inode *link, const char *text, size_t len)
{
	char *copy;

	if (link->link_text != NULL || !link->sb->dcache_stable)
		return;
	copy = kmalloc(len + 1);
	if (copy == NULL)
		return;
	memcpy(copy, text, len);
	copy[len] = '\0';
	__atomic_store_n(&link->link_text, copy, __ATOMIC_RELEASE); /* pairs with walk_quick.c, fs_names.c */
}

uint64_t vfs_new_dev(void)
{
	static uint64_t last_minor = 20;

	return ++last_minor; /* makedev(0, minor) */
}

struct inode *inode_get(struct inode *i)
{
	refs_get(&i->refs);
	return i;
}

static void free_later(struct rcu_head *h)
{
	struct inode *i = container_of(h, struct inode, rcu);

	kfree(i->link_text);
	kfree(i);
}

void inode_free(struct inode *i)
{
	rcu_free_later(&i->rcu, free_later);
}

static void evict(struct inode *i)
{
	ASSERT(list_empty(&i->locks));
	if (i->ops != NULL && i->ops->evict != NULL)
		i->ops->evict(i);
	else
		inode_free(i);
}

void inode_put(struct inode *i)
{
	bool entered;

	if (i == NULL)
		return;
	ASSERT(READ_ONCE(i->refs) > 0);
	if (refs_put_unless_last(&i->refs))
		return;
	entered = kernel_enter();
	if (refs_put(&i->refs))
		evict(i);
	if (entered)
		kernel_leave();
}

static void getattr_generic(struct inode *i, struct kstat *st)
{
	st->ino = i->ino;
	st->size = i->size;
	st->blocks = (i->size + 511) / 512;
	st->rdev = i->rdev;
	st->mode = i->mode;
	st->nlink = i->nlink;
	st->uid = i->uid;
	st->gid = i->gid;
}

static void fill_in(const struct inode *i, struct kstat *st)
{
	if (st->blksize == 0)
		st->blksize = 4096;
	if (st->dev == 0 && i->sb != NULL)
		st->dev = i->sb->dev;
}

bool vfs_getattr_quick(struct inode *i, struct kstat *st)
{
	memset(st, 0, sizeof(*st));
	if (i->ops == NULL || i->ops->getattr == NULL)
		getattr_generic(i, st);
	else if (i->ops->getattr_quick == NULL || !i->ops->getattr_quick(i, st))
		return false;
	fill_in(i, st);
	return true;
}

int vfs_getattr(struct inode *i, struct kstat *st)
{
	int err = 0;

	memset(st, 0, sizeof(*st));
	if (i->ops != NULL && i->ops->getattr != NULL)
		err = i->ops->getattr(i, st);
	else
		getattr_generic(i, st);
	if (err != 0)
		return err;
	fill_in(i, st);
	return 0;
}
