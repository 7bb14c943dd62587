/* SPDX-License-Identifier: MIT */
/* fs_entry.c - a name of the host as a FUSE entry: attributes, node number, how long it may be trusted. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "vmm/dev/fs_priv.h"

/*
 * A share is one file system to the guest, whatever is mounted below its root on the host. So inode numbers of another
 * host device are spread, or two folders would look like the same one to programs that compare (device, inode).
 */
static uint64_t guest_ino(const struct fs_device *dev, const struct fs_node *n, const struct stat *st)
{
	return st->st_dev == dev->share_dev[n->share] ? st->st_ino : st->st_ino ^ (uint64_t)st->st_dev << 40;
}

void fs_fill_attr(const struct fs_device *dev, const struct fs_node *n, const struct stat *st, struct fuse_attr *a)
{
	*a = (struct fuse_attr){
		.ino = guest_ino(dev, n, st),
		.size = (uint64_t)st->st_size,
		.blocks = (uint64_t)st->st_blocks,
		.atime = (uint64_t)st->st_atim.tv_sec,
		.mtime = (uint64_t)st->st_mtim.tv_sec,
		.ctime = (uint64_t)st->st_ctim.tv_sec,
		.atimensec = (uint32_t)st->st_atim.tv_nsec,
		.mtimensec = (uint32_t)st->st_mtim.tv_nsec,
		.ctimensec = (uint32_t)st->st_ctim.tv_nsec,
		.mode = st->st_mode,
		.nlink = (uint32_t)st->st_nlink,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.rdev = (uint32_t)st->st_rdev, /* stat(2) and FUSE encode device numbers alike */
		.blksize = (uint32_t)st->st_blksize,
	};
}

void fs_fill_valid(const struct fs_device *dev, const struct fs_node *n, uint64_t *sec, uint32_t *nsec)
{
	bool stable = dev->share[n->share].flags & FS_SHARE_STABLE;

	*sec = stable ? FS_VALID_STABLE_S : 0;
	*nsec = stable ? 0 : FS_VALID_CHANGING_NS;
}

bool fs_name_is_shown(const struct fs_device *dev, const struct fs_node *dir, const char *name)
{
	const char *const *only = dir->root ? dev->share[dir->share].only : NULL;

	if (only == NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return true;
	while (*only != NULL)
		if (strcmp(*only++, name) == 0)
			return true;
	return false;
}

/* A program that fails for want of a file that is there on the host is a riddle otherwise. */
static void tell_missed(struct fs_device *dev, const struct fs_node *dir, int dirfd, const char *name)
{
	const struct fs_share *share = &dev->share[dir->share];
	struct stat st;

	if (share->missed == NULL || dev->nr_missed == FS_MISSED_MAX)
		return;
	for (unsigned i = 0; i < dev->nr_missed; i++)
		if (strcmp(dev->missed[i], name) == 0)
			return;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0)
		return;
	strcpy(dev->missed[dev->nr_missed++], name); /* FS_NAME_MAX: fs_take_name */
	share->missed(dev->vm, share->host_path, name);
}

int fs_lookup_entry(struct fs_device *dev, struct fs_node *dir, const char *name, struct fuse_entry_out *e)
{
	struct fs_node *n;
	struct stat st;
	int err, dirfd = fs_node_dirfd(&dev->nodes, dir);

	if (dirfd < 0)
		return dirfd;
	if (!fs_name_is_shown(dev, dir, name)) {
		tell_missed(dev, dir, dirfd, name);
		return -ENOENT;
	}
	/* One component that is not followed cannot leave the folder: no need to open it. */
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0)
		return -errno;
	err = fs_node_enter(&dev->nodes, dir, name, &st, &n);
	if (err != 0)
		return err;
	n->lookups++;
	*e = (struct fuse_entry_out){.nodeid = fs_node_id(n)};
	fs_fill_attr(dev, n, &st, &e->attr);
	fs_fill_valid(dev, n, &e->entry_valid, &e->entry_valid_nsec);
	fs_fill_valid(dev, n, &e->attr_valid, &e->attr_valid_nsec);
	return 0;
}
