/* SPDX-License-Identifier: MIT */
/* inode.c - life of inodes, and attributes as stat(2) shows them. */
#include <errno.h>
#include <sys/stat.h>

#include "kernel/fs/cred.h"
#include "kernel/fs/vfs.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
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

uint64_t vfs_new_dev(void)
{
	static uint64_t last_minor = 20;

	return ++last_minor; /* makedev(0, minor) */
}

struct inode *inode_get(struct inode *i)
{
	i->refs++;
	return i;
}

void inode_put(struct inode *i)
{
	if (i == NULL)
		return;
	ASSERT(i->refs > 0);
	if (--i->refs > 0)
		return;
	ASSERT(list_empty(&i->locks));
	kfree(i->link_text);
	i->link_text = NULL;
	if (i->ops != NULL && i->ops->evict != NULL)
		i->ops->evict(i);
	else
		kfree(i);
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
	if (st->blksize == 0)
		st->blksize = 4096;
	if (st->dev == 0 && i->sb != NULL)
		st->dev = i->sb->dev;
	return 0;
}
