/* SPDX-License-Identifier: MIT */
/*
 * hostfs_xattr.c - extended attributes: "user." ones are the host's, the others do not exist in a share. That is known
 * here already, which matters: `ls -l` asks for two of them per file.
 */
#include <errno.h>

#include "kernel/fs/hostfs.h"
#include "kernel/mm/kmalloc.h"
#include "lib/string.h"

static bool name_passes(const char *name)
{
	return strncmp(name, "user.", 5) == 0;
}

/* The request is ready but for the place of the reply. The server sends a size when 0 bytes are asked for. */
static int64_t fetch(struct fsq_call *c, void *buf, size_t size)
{
	struct fuse_getxattr_out length;
	int err;

	if (size == 0)
		fsq_out(c, &length, sizeof(length));
	else
		fsq_out(c, buf, (uint32_t)size);
	err = fsq_call(c);
	if (err != 0)
		return err;
	return size == 0 ? (int64_t)length.size : (int64_t)fsq_reply_bytes(c);
}

int64_t hostfs_getxattr(struct inode *i, const char *name, void *buf, size_t size)
{
	struct fuse_getxattr_in a = {.size = (uint32_t)size};
	struct fsq_call c;

	if (!name_passes(name))
		return -EOPNOTSUPP;
	fsq_begin(&c, FUSE_GETXATTR, hostfs_of(i)->node);
	fsq_in(&c, &a, sizeof(a));
	fsq_in(&c, name, (uint32_t)strlen(name) + 1);
	return fetch(&c, buf, size);
}

int64_t hostfs_listxattr(struct inode *i, char *buf, size_t size)
{
	struct fuse_getxattr_in a = {.size = (uint32_t)size};
	struct fsq_call c;

	fsq_begin(&c, FUSE_LISTXATTR, hostfs_of(i)->node);
	fsq_in(&c, &a, sizeof(a));
	return fetch(&c, buf, size);
}

int hostfs_setxattr(struct inode *i, const char *name, const void *buf, size_t size, int flags)
{
	struct {
		uint32_t size, flags;
	} a = {.size = (uint32_t)size, .flags = (uint32_t)flags};
	struct fsq_call c;

	if (!name_passes(name))
		return -EOPNOTSUPP;
	hostfs_inode_expire(hostfs_of(i));
	fsq_begin(&c, FUSE_SETXATTR, hostfs_of(i)->node);
	fsq_in(&c, &a, sizeof(a));
	fsq_in(&c, name, (uint32_t)strlen(name) + 1);
	fsq_in(&c, buf, (uint32_t)size);
	return fsq_call(&c);
}

int hostfs_removexattr(struct inode *i, const char *name)
{
	struct fsq_call c;

	if (!name_passes(name))
		return -EOPNOTSUPP;
	hostfs_inode_expire(hostfs_of(i));
	fsq_begin(&c, FUSE_REMOVEXATTR, hostfs_of(i)->node);
	fsq_in(&c, name, (uint32_t)strlen(name) + 1);
	return fsq_call(&c);
}
