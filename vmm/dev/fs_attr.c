/* SPDX-License-Identifier: MIT */
/* fs_attr.c - attributes of nodes and of file systems. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "vmm/dev/fs_priv.h"

static int put_attr(struct fs_device *dev, struct fs_request *r, const struct stat *st)
{
	struct fuse_attr_out reply = {0};

	fs_fill_attr(dev, r->node, st, &reply.attr);
	fs_fill_valid(dev, r->node, &reply.attr_valid, &reply.attr_valid_nsec);
	return fs_put(&r->out, &reply, sizeof(reply)) ? 0 : -EINVAL;
}

int fs_op_getattr(struct fs_device *dev, struct fs_request *r)
{
	struct fuse_getattr_in a;
	struct stat st;
	int err;

	if (!fs_take(&r->in, &a, sizeof(a)))
		return -EINVAL;
	if (a.getattr_flags & FUSE_GETATTR_FH) {
		struct fs_open *o = fs_open_find(&dev->opens, a.fh);

		if (o == NULL)
			return -EBADF;
		err = fstat(o->fd, &st) == 0 ? 0 : -errno;
	} else {
		err = fs_node_stat(&dev->nodes, r->node, &st);
	}
	return err != 0 ? err : put_attr(dev, r, &st);
}

static int set_size(struct fs_device *dev, struct fs_node *n, int path_fd, const struct fuse_setattr_in *a)
{
	struct fs_open *o = a->valid & FATTR_FH ? fs_open_find(&dev->opens, a->fh) : NULL;
	int fd, err;

	if (n->type != S_IFREG)
		return n->type == S_IFDIR ? -EISDIR : -EINVAL;
	if (o != NULL && o->writable && !o->is_dir)
		return ftruncate(o->fd, (off_t)a->size) == 0 ? 0 : -errno;
	fd = fs_reopen_file(&dev->opens, n, path_fd, O_WRONLY);
	if (fd < 0)
		return fd;
	err = ftruncate(fd, (off_t)a->size) == 0 ? 0 : -errno;
	close(fd);
	return err;
}

static struct timespec time_of(uint32_t valid, uint32_t set, uint32_t now, uint64_t sec, uint32_t nsec)
{
	if (valid & now)
		return (struct timespec){.tv_nsec = UTIME_NOW};
	if (valid & set)
		return (struct timespec){.tv_sec = (time_t)sec, .tv_nsec = nsec % 1000000000u};
	return (struct timespec){.tv_nsec = UTIME_OMIT};
}

/* Each through the O_PATH descriptor, in the order that chmod and chown need (chown clears set-id bits). */
static int set_attrs(struct fs_device *dev, struct fs_node *n, int fd, const struct fuse_setattr_in *a)
{
	char name[FS_PROC_NAME_BYTES];
	int err;

	fs_proc_name(fd, name);
	if (a->valid & (FATTR_UID | FATTR_GID)) {
		uid_t uid = a->valid & FATTR_UID ? a->uid : (uid_t)-1;
		gid_t gid = a->valid & FATTR_GID ? a->gid : (gid_t)-1;

		if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH) != 0)
			return -errno;
	}
	if (a->valid & FATTR_MODE) {
		if (n->type == S_IFLNK)
			return -EOPNOTSUPP;
		if (fchmodat(dev->opens.proc_fd, name, a->mode & 07777, 0) != 0)
			return -errno;
	}
	if (a->valid & FATTR_SIZE) {
		err = set_size(dev, n, fd, a);
		if (err != 0)
			return err;
	}
	if (a->valid & (FATTR_ATIME | FATTR_MTIME | FATTR_ATIME_NOW | FATTR_MTIME_NOW)) {
		struct timespec ts[2] = {
			time_of(a->valid, FATTR_ATIME, FATTR_ATIME_NOW, a->atime, a->atimensec),
			time_of(a->valid, FATTR_MTIME, FATTR_MTIME_NOW, a->mtime, a->mtimensec),
		};

		if (utimensat(dev->opens.proc_fd, name, ts, 0) != 0)
			return -errno;
	}
	return 0;
}

int fs_op_setattr(struct fs_device *dev, struct fs_request *r)
{
	struct fuse_setattr_in a;
	struct stat st;
	int fd, err;

	if (!fs_take(&r->in, &a, sizeof(a)))
		return -EINVAL;
	fd = fs_node_open_path(&dev->nodes, r->node);
	if (fd < 0)
		return fd;
	err = set_attrs(dev, r->node, fd, &a);
	if (err == 0 && fstatat(fd, "", &st, AT_EMPTY_PATH) != 0)
		err = -errno;
	close(fd);
	return err != 0 ? err : put_attr(dev, r, &st);
}

int fs_op_statfs(struct fs_device *dev, struct fs_request *r)
{
	struct fuse_statfs_out reply = {0};
	struct statfs s;
	int fd = fs_node_open_path(&dev->nodes, r->node), err;

	if (fd < 0)
		return fd;
	err = fstatfs(fd, &s) == 0 ? 0 : -errno;
	close(fd);
	if (err != 0)
		return err;
	reply.st = (struct fuse_kstatfs){
		.blocks = s.f_blocks,
		.bfree = s.f_bfree,
		.bavail = s.f_bavail,
		.files = s.f_files,
		.ffree = s.f_ffree,
		.bsize = (uint32_t)s.f_bsize,
		.namelen = (uint32_t)s.f_namelen,
		.frsize = (uint32_t)s.f_frsize,
	};
	return fs_put(&r->out, &reply, sizeof(reply)) ? 0 : -EINVAL;
}
