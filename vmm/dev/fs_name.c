/* SPDX-License-Identifier: MIT */
/* fs_name.c - operations on names: look up, make, remove, rename, link. The dispatcher has refused changes to read-only
 * shares. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/dev/fs_priv.h"

/* Mode bits that a guest may give a new file. */
#define MODE_BITS 07777u

static int put_entry(struct fs_device *dev, struct fs_request *r, struct fs_node *dir, const char *name)
{
	struct fuse_entry_out e;
	int err;

	if (r->out.left < sizeof(e))
		return -EINVAL;
	err = fs_lookup_entry(dev, dir, name, &e);
	if (err != 0)
		return err;
	return fs_put(&r->out, &e, sizeof(e)) ? 0 : -EINVAL;
}

int fs_op_lookup(struct fs_device *dev, struct fs_request *r)
{
	char name[FS_NAME_MAX + 1];
	int err = fs_take_name(&r->in, name);

	return err != 0 ? err : put_entry(dev, r, r->node, name);
}

int fs_op_readlink(struct fs_device *dev, struct fs_request *r)
{
	char target[PATH_MAX];
	ssize_t len;
	int fd;

	if (r->node->type != S_IFLNK)
		return -EINVAL;
	fd = fs_node_open_path(&dev->nodes, r->node);
	if (fd < 0)
		return fd;
	len = readlinkat(fd, "", target, sizeof(target));
	if (len < 0)
		len = -errno;
	close(fd);
	if (len < 0)
		return (int)len;
	return fs_put(&r->out, target, (size_t)len) ? 0 : -EINVAL;
}

int fs_op_symlink(struct fs_device *dev, struct fs_request *r)
{
	char name[FS_NAME_MAX + 1], target[PATH_MAX];
	int err = fs_take_name(&r->in, name), dirfd;

	if (err != 0)
		return err;
	err = fs_take_string(&r->in, target, sizeof(target));
	if (err < 0)
		return err;
	dirfd = fs_node_dirfd(&dev->nodes, r->node);
	if (dirfd < 0)
		return dirfd;
	/* The target is text: only the guest follows it. */
	if (symlinkat(target, dirfd, name) != 0)
		return -errno;
	return put_entry(dev, r, r->node, name);
}

/* The name that the request's folder is to get, and a descriptor of that folder; or -errno. */
static int take_new_name(struct fs_device *dev, struct fs_request *r, char name[FS_NAME_MAX + 1])
{
	int err = fs_take_name(&r->in, name);

	return err != 0 ? err : fs_node_dirfd(&dev->nodes, r->node);
}

int fs_op_mknod(struct fs_device *dev, struct fs_request *r)
{
	char name[FS_NAME_MAX + 1];
	struct fuse_mknod_in a;
	int dirfd;

	if (!fs_take(&r->in, &a, sizeof(a)))
		return -EINVAL;
	if ((a.mode & S_IFMT) != S_IFREG)
		return -EPERM;
	dirfd = take_new_name(dev, r, name);
	if (dirfd < 0)
		return dirfd;
	if (mknodat(dirfd, name, S_IFREG | (a.mode & MODE_BITS), 0) != 0)
		return -errno;
	return put_entry(dev, r, r->node, name);
}

int fs_op_mkdir(struct fs_device *dev, struct fs_request *r)
{
	char name[FS_NAME_MAX + 1];
	struct fuse_mkdir_in a;
	int dirfd;

	if (!fs_take(&r->in, &a, sizeof(a)))
		return -EINVAL;
	dirfd = take_new_name(dev, r, name);
	if (dirfd < 0)
		return dirfd;
	if (mkdirat(dirfd, name, a.mode & MODE_BITS) != 0)
		return -errno;
	return put_entry(dev, r, r->node, name);
}

static int remove_name(struct fs_device *dev, struct fs_request *r, int flags)
{
	char name[FS_NAME_MAX + 1];
	int err = fs_take_name(&r->in, name), dirfd;

	if (err != 0)
		return err;
	fs_node_detach(&dev->nodes, r->node, name);
	dirfd = fs_node_dirfd(&dev->nodes, r->node);
	if (dirfd < 0)
		return dirfd;
	return unlinkat(dirfd, name, flags) == 0 ? 0 : -errno;
}

int fs_op_unlink(struct fs_device *dev, struct fs_request *r)
{
	return remove_name(dev, r, 0);
}

int fs_op_rmdir(struct fs_device *dev, struct fs_request *r)
{
	return remove_name(dev, r, AT_REMOVEDIR);
}

/* Not the C library's renameat2, which makes a call without flags a renameat: the sandbox knows only this one. */
static int rename_call(int old_fd, const char *old_name, int new_fd, const char *new_name, uint32_t flags)
{
	return (int)syscall(SYS_renameat2, old_fd, old_name, new_fd, new_name, flags);
}

/* Both folders are held. */
static int rename_names(struct fs_device *dev, struct fs_node *old_dir, const char *old_name, struct fs_node *new_dir,
			const char *new_name, uint32_t flags)
{
	int old_fd, new_fd, err;

	if (!(flags & RENAME_EXCHANGE))
		fs_node_detach(&dev->nodes, new_dir, new_name);
	/* One's own descriptor for the first folder: reaching the second may close cached ones. */
	old_fd = fs_node_open_path(&dev->nodes, old_dir);
	if (old_fd < 0)
		return old_fd;
	new_fd = fs_node_dirfd(&dev->nodes, new_dir);
	err = new_fd < 0 ? new_fd : rename_call(old_fd, old_name, new_fd, new_name, flags) == 0 ? 0 : -errno;
	close(old_fd);
	if (err != 0)
		return err;
	fs_node_renamed(&dev->nodes, new_dir, new_name);
	if (flags & RENAME_EXCHANGE)
		fs_node_renamed(&dev->nodes, old_dir, old_name);
	return 0;
}

static int rename_between(struct fs_device *dev, struct fs_request *r, uint64_t new_dir_id, uint32_t flags)
{
	char old_name[FS_NAME_MAX + 1], new_name[FS_NAME_MAX + 1];
	struct fs_node *new_dir = fs_node_find(&dev->nodes, new_dir_id);
	int err = fs_take_name(&r->in, old_name);

	if (err == 0)
		err = fs_take_name(&r->in, new_name);
	if (err != 0)
		return err;
	if (new_dir == NULL)
		return -ESTALE;
	if (new_dir->share != r->node->share)
		return -EXDEV;
	if (r->node->type != S_IFDIR || new_dir->type != S_IFDIR)
		return -ENOTDIR;
	fs_node_hold(new_dir);
	err = rename_names(dev, r->node, old_name, new_dir, new_name, flags);
	fs_node_release(&dev->nodes, new_dir);
	return err;
}

int fs_op_rename(struct fs_device *dev, struct fs_request *r)
{
	struct fuse_rename_in a;

	return fs_take(&r->in, &a, sizeof(a)) ? rename_between(dev, r, a.newdir, 0) : -EINVAL;
}

int fs_op_rename2(struct fs_device *dev, struct fs_request *r)
{
	struct fuse_rename2_in a;

	if (!fs_take(&r->in, &a, sizeof(a)) || (a.flags & ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE)))
		return -EINVAL;
	return rename_between(dev, r, a.newdir, a.flags);
}

int fs_op_link(struct fs_device *dev, struct fs_request *r)
{
	char name[FS_NAME_MAX + 1], proc_name[FS_PROC_NAME_BYTES];
	struct fuse_link_in a;
	struct fs_node *target;
	int err, fd, dirfd;

	if (!fs_take(&r->in, &a, sizeof(a)))
		return -EINVAL;
	err = fs_take_name(&r->in, name);
	if (err != 0)
		return err;
	target = fs_node_find(&dev->nodes, a.oldnodeid);
	if (target == NULL)
		return -ESTALE;
	if (target->share != r->node->share)
		return -EXDEV;
	if (target->type == S_IFDIR)
		return -EPERM;
	fd = fs_node_open_path(&dev->nodes, target);
	if (fd < 0)
		return fd;
	fs_proc_name(fd, proc_name);
	dirfd = fs_node_dirfd(&dev->nodes, r->node);
	/* Through /proc/self/fd, so that exactly the inode that was checked gets the name. */
	err = dirfd < 0                                                                    ? dirfd
	      : linkat(dev->opens.proc_fd, proc_name, dirfd, name, AT_SYMLINK_FOLLOW) == 0 ? 0
											   : -errno;
	close(fd);
	return err != 0 ? err : put_entry(dev, r, r->node, name);
}
