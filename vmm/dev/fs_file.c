/* SPDX-License-Identifier: MIT */
/* fs_file.c - regular files: open, data, sync. Data go between the host's page cache and guest memory without a copy of
 * ours. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "vmm/dev/fs_priv.h"

static int put_open(struct fs_device *dev, struct fs_request *r, int fd, bool writable)
{
	struct fs_open o = {.writable = writable, .share = r->node->share};
	struct fuse_open_out reply = {0};
	int err = fs_open_add(&dev->opens, fd, &o, &reply.fh);

	if (err != 0)
		return err;
	dev->opens.last = reply.fh;
	return fs_put(&r->out, &reply, sizeof(reply)) ? 0 : -EINVAL;
}

int fs_op_open(struct fs_device *dev, struct fs_request *r)
{
	struct fuse_open_in a;
	int path_fd, fd, mode;

	dev->opens.last = 0;
	if (!fs_take(&r->in, &a, sizeof(a)) || r->out.left < sizeof(struct fuse_open_out))
		return -EINVAL;
	mode = (int)a.flags & O_ACCMODE;
	if (mode != O_RDONLY && fs_share_is_rdonly(dev, r->node))
		return -EROFS;
	path_fd = fs_node_open_path(&dev->nodes, r->node);
	if (path_fd < 0)
		return path_fd;
	/* Only the access mode: appending and syncing are asked for with each WRITE, truncation with SETATTR. */
	fd = fs_reopen_file(&dev->opens, r->node, path_fd, mode);
	close(path_fd);
	return fd < 0 ? fd : put_open(dev, r, fd, mode != O_RDONLY);
}

/*
 * Makes a regular file and opens it, in one step: a mode without write permission is for others, not for who makes it.
 * O_EXCL: whatever has the name already is never opened.
 */
int fs_op_create(struct fs_device *dev, struct fs_request *r)
{
	char name[FS_NAME_MAX + 1];
	struct fuse_create_in a;
	struct fuse_entry_out entry;
	struct open_how how = {.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS};
	int dirfd, fd, err;

	dev->opens.last = 0;
	if (!fs_take(&r->in, &a, sizeof(a)) || r->out.left < sizeof(entry) + sizeof(struct fuse_open_out))
		return -EINVAL;
	err = fs_take_name(&r->in, name);
	if (err != 0)
		return err;
	if (!fs_opens_have_room(&dev->opens))
		return -EMFILE;
	dirfd = fs_node_dirfd(&dev->nodes, r->node);
	if (dirfd < 0)
		return dirfd;
	how.flags = (a.flags & O_ACCMODE) | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY;
	how.mode = a.mode & 07777;
	fd = (int)syscall(SYS_openat2, dirfd, name, &how, sizeof(how));
	if (fd < 0)
		return -errno;
	err = fs_lookup_entry(dev, r->node, name, &entry);
	if (err != 0) {
		close(fd);
		return err;
	}
	if (!fs_put(&r->out, &entry, sizeof(entry)))
		return -EINVAL; /* cannot be: there was room */
	return put_open(dev, r, fd, (a.flags & O_ACCMODE) != O_RDONLY);
}

int fs_op_release(struct fs_device *dev, struct fs_request *r)
{
	struct fuse_release_in a;

	return fs_take(&r->in, &a, sizeof(a)) ? fs_open_remove(&dev->opens, a.fh) : -EINVAL;
}

/* The open regular file of a request, or NULL. */
static struct fs_open *file_of(struct fs_device *dev, uint64_t fh)
{
	struct fs_open *o = fs_open_find(&dev->opens, fh);

	return o != NULL && !o->is_dir ? o : NULL;
}

int fs_op_read(struct fs_device *dev, struct fs_request *r)
{
	struct iovec iov[CAY_HOSTFS_MAX_SEGS];
	struct fuse_read_in a;
	struct fs_open *o;
	unsigned n;
	size_t room;
	ssize_t got;

	if (!fs_take(&r->in, &a, sizeof(a)) || a.size > CAY_HOSTFS_MAX_IO || a.size > r->out.left)
		return -EINVAL;
	o = file_of(dev, a.fh);
	if (o == NULL)
		return -EBADF;
	room = r->out.left;
	n = fs_iovec(&r->out, a.size, iov, CAY_HOSTFS_MAX_SEGS);
	do {
		got = preadv(o->fd, iov, (int)n, (off_t)a.offset);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	r->out.left = room - (size_t)got; /* the reply ends behind the data, not behind the room for them */
	return 0;
}

static int write_flags(uint32_t flags)
{
	int rwf = flags & O_APPEND ? RWF_APPEND : 0;

	if ((flags & O_SYNC) == O_SYNC)
		rwf |= RWF_SYNC;
	else if (flags & O_DSYNC)
		rwf |= RWF_DSYNC;
	return rwf;
}

int fs_op_write(struct fs_device *dev, struct fs_request *r)
{
	struct iovec iov[CAY_HOSTFS_MAX_SEGS];
	struct cay_hostfs_write_out reply = {0};
	struct fuse_write_in a;
	struct fs_open *o;
	unsigned n;
	bool append;
	ssize_t put;

	if (!fs_take(&r->in, &a, sizeof(a)) || a.size > CAY_HOSTFS_MAX_IO || a.size > r->in.left)
		return -EINVAL;
	o = file_of(dev, a.fh);
	if (o == NULL || !o->writable)
		return -EBADF;
	n = fs_iovec(&r->in, a.size, iov, CAY_HOSTFS_MAX_SEGS);
	append = (a.flags & O_APPEND) != 0;
	do { /* -1: at the descriptor's own position, which nobody else uses and which then says where the data went */
		put = pwritev2(o->fd, iov, (int)n, append ? -1 : (off_t)a.offset, write_flags(a.flags));
	} while (put < 0 && errno == EINTR);
	if (put < 0)
		return -errno;
	reply.size = (uint32_t)put;
	reply.end = append ? (uint64_t)lseek(o->fd, 0, SEEK_CUR) : a.offset + (uint64_t)put;
	return fs_put(&r->out, &reply, sizeof(reply)) ? 0 : -EINVAL;
}

int fs_op_fsync(struct fs_device *dev, struct fs_request *r)
{
	struct fuse_fsync_in a;
	struct fs_open *o;

	if (!fs_take(&r->in, &a, sizeof(a)))
		return -EINVAL;
	o = fs_open_find(&dev->opens, a.fh);
	if (o == NULL)
		return -EBADF;
	return (a.fsync_flags & FUSE_FSYNC_FDATASYNC ? fdatasync(o->fd) : fsync(o->fd)) == 0 ? 0 : -errno;
}

int fs_op_lseek(struct fs_device *dev, struct fs_request *r)
{
	struct fuse_lseek_out reply;
	struct fuse_lseek_in a;
	struct fs_open *o;
	off_t pos;

	if (!fs_take(&r->in, &a, sizeof(a)) || (a.whence != SEEK_DATA && a.whence != SEEK_HOLE))
		return -EINVAL;
	o = file_of(dev, a.fh);
	if (o == NULL)
		return -EBADF;
	pos = lseek(o->fd, (off_t)a.offset, (int)a.whence);
	if (pos < 0)
		return -errno;
	reply.offset = (uint64_t)pos;
	return fs_put(&r->out, &reply, sizeof(reply)) ? 0 : -EINVAL;
}

int fs_op_fallocate(struct fs_device *dev, struct fs_request *r)
{
	struct fuse_fallocate_in a;
	struct fs_open *o;

	if (!fs_take(&r->in, &a, sizeof(a)))
		return -EINVAL;
	if (a.mode & ~(uint32_t)(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	o = file_of(dev, a.fh);
	if (o == NULL || !o->writable)
		return -EBADF;
	return fallocate(o->fd, (int)a.mode, (off_t)a.offset, (off_t)a.length) == 0 ? 0 : -errno;
}
