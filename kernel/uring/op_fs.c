/* SPDX-License-Identifier: MIT */
/*
 * op_fs.c - files by name and the like: what is a system call of its own, as a request. They are done where they are
 * submitted (a file system's answer is not waited for long); only opening a fifo, splice and tee can wait for ever.
 */
#include <errno.h>
#include <linux/fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>

#include "kernel/fs/fdtable.h"
#include "kernel/fs/open.h"
#include "kernel/fs/epoll.h"
#include "kernel/fs/pipe.h"
#include "kernel/linux/fs_calls.h"
#include "kernel/linux/sys.h"
#include "kernel/linux/memory.h"
#include "kernel/linux/user_path.h"
#include "kernel/uring/uring_priv.h"

/* --- what has a file already --- */

static int fsync_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	if (sqe->addr != 0 || sqe->buf_index != 0 || sqe->splice_fd_in != 0 ||
	    (sqe->fsync_flags & ~IORING_FSYNC_DATASYNC))
		return -EINVAL;
	r->fs.a[0] = sqe->fsync_flags;
	return 0;
}

static int fsync_issue(struct uring_req *r, bool nowait)
{
	struct file *f = r->file;

	(void)nowait;
	return f->ops->fsync != NULL ? f->ops->fsync(f, r->fs.a[0] & IORING_FSYNC_DATASYNC) : -EINVAL;
}

static int sync_range_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	if (sqe->addr != 0 || sqe->buf_index != 0 || sqe->splice_fd_in != 0 || (sqe->sync_range_flags & ~7u))
		return -EINVAL;
	r->fs.a[0] = 0; /* the whole file, its data and what is needed to find it: stronger than asked */
	return 0;
}

/* Descriptor calls take a number, and a registered file has none. */
static int with_number(struct uring_req *r)
{
	return r->flags & IOSQE_FIXED_FILE ? -EBADF : 0;
}

static int fallocate_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	if (sqe->buf_index != 0 || sqe->rw_flags != 0 || sqe->splice_fd_in != 0)
		return -EINVAL;
	r->fs.a[0] = sqe->len;
	r->fs.a[1] = sqe->off;
	r->fs.a[2] = sqe->addr;
	return 0;
}

static int fallocate_issue(struct uring_req *r, bool nowait)
{
	(void)nowait;
	return (int)file_fallocate(r->file, (int)r->fs.a[0], (int64_t)r->fs.a[1], (int64_t)r->fs.a[2]);
}

static int advise_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	if (sqe->buf_index != 0 || sqe->splice_fd_in != 0)
		return -EINVAL;
	r->fs.a[0] = sqe->addr;
	r->fs.a[1] = sqe->off;
	r->fs.a[2] = sqe->len;
	r->fs.a[3] = sqe->fadvise_advice;
	return 0;
}

static int fadvise_issue(struct uring_req *r, bool nowait)
{
	int err = with_number(r);

	(void)nowait;
	return err != 0 ? err : (int)sys_fadvise64(r->fd, (int64_t)r->fs.a[1], (int64_t)r->fs.a[2], (int)r->fs.a[3]);
}

static int madvise_issue(struct uring_req *r, bool nowait)
{
	(void)nowait;
	return (int)sys_madvise(r->fs.a[0], r->fs.a[2], (int)r->fs.a[3]);
}

static int epoll_ctl_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	if (sqe->buf_index != 0 || sqe->splice_fd_in != 0)
		return -EINVAL;
	r->fs.a[0] = sqe->len;
	r->fs.a[1] = sqe->off;
	r->fs.a[2] = sqe->addr;
	return 0;
}

static int epoll_ctl_issue(struct uring_req *r, bool nowait)
{
	(void)nowait;
	return (int)sys_epoll_ctl(r->fd, (int)r->fs.a[0], (int)r->fs.a[1], (const void *)r->fs.a[2]);
}

const struct uring_op uring_op_fsync = {.needs_file = true, .prepare = fsync_prepare, .issue = fsync_issue};
const struct uring_op uring_op_sync_file_range = {
	.needs_file = true, .prepare = sync_range_prepare, .issue = fsync_issue};
const struct uring_op uring_op_fallocate = {.needs_file = true, .prepare = fallocate_prepare, .issue = fallocate_issue};
const struct uring_op uring_op_fadvise = {.prepare = advise_prepare, .issue = fadvise_issue};
const struct uring_op uring_op_madvise = {.prepare = advise_prepare, .issue = madvise_issue};
const struct uring_op uring_op_epoll_ctl = {.prepare = epoll_ctl_prepare, .issue = epoll_ctl_issue};

/* --- open and close --- */

static int open_prepare(struct uring_req *r, const struct io_uring_sqe *sqe, const struct open_how *how)
{
	if (sqe->buf_index != 0 || (r->flags & IOSQE_FIXED_FILE))
		return sqe->buf_index != 0 ? -EINVAL : -EBADF;
	if (sqe->file_index != 0 && (how->flags & O_CLOEXEC))
		return -EINVAL;
	r->fs.a[0] = how->flags;
	r->fs.a[1] = how->mode;
	r->fs.a[2] = how->resolve;
	r->fs.file_slot = (int32_t)sqe->file_index;
	return path_from_user((const char *)sqe->addr, &r->fs.path);
}

static int openat_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	const struct open_how how = {.flags = sqe->open_flags, .mode = sqe->len};

	return open_prepare(r, sqe, &how);
}

static int openat2_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	struct open_how how;
	int err = open_how_from_user((const void *)sqe->addr2, sqe->len, &how);

	return err != 0 ? err : open_prepare(r, sqe, &how);
}

static int open_issue(struct uring_req *r, bool nowait)
{
	struct file *f;
	int fd = open_at(r->fd, r->fs.path, (int)r->fs.a[0], (uint32_t)r->fs.a[1], (unsigned)r->fs.a[2], &f);

	(void)nowait;
	if (fd != 0)
		return fd;
	if (r->fs.file_slot != 0)
		return fixed_install(r->ring, f, (uint32_t)r->fs.file_slot);
	fd = fd_install(f, 0, r->fs.a[0] & O_CLOEXEC);
	if (fd < 0)
		file_put(f);
	return fd;
}

static void open_cleanup(struct uring_req *r)
{
	path_buf_put(r->fs.path);
}

static int close_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	if (sqe->off != 0 || sqe->addr != 0 || sqe->len != 0 || sqe->rw_flags != 0 || sqe->buf_index != 0)
		return -EINVAL;
	if (r->flags & IOSQE_FIXED_FILE)
		return -EBADF;
	if (sqe->file_index != 0 && sqe->fd != 0)
		return -EINVAL;
	r->fs.file_slot = (int32_t)sqe->file_index;
	return 0;
}

static int close_issue(struct uring_req *r, bool nowait)
{
	struct file *f;
	bool ring;

	(void)nowait;
	if (r->fs.file_slot != 0)
		return fixed_close(r->ring, (uint32_t)r->fs.file_slot);
	f = fd_get_any(r->fd);
	ring = f != NULL && uring_of(f) != NULL;
	file_put(f);
	return ring ? -EBADF : fd_close(r->fd);
}

/* Opening is a worker's: a fifo's other end may never come. */
const struct uring_op uring_op_openat = {
	.may_block = true, .prepare = openat_prepare, .issue = open_issue, .cleanup = open_cleanup};
const struct uring_op uring_op_openat2 = {
	.may_block = true, .prepare = openat2_prepare, .issue = open_issue, .cleanup = open_cleanup};
const struct uring_op uring_op_close = {.prepare = close_prepare, .issue = close_issue};

/* --- names --- */

static int names_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	if (sqe->buf_index != 0 || sqe->splice_fd_in != 0)
		return -EINVAL;
	if (r->flags & IOSQE_FIXED_FILE)
		return -EBADF;
	r->fs.a[0] = sqe->addr;
	r->fs.a[1] = sqe->off;
	r->fs.a[2] = sqe->len;
	r->fs.a[3] = sqe->rename_flags;
	return 0;
}

static int statx_issue(struct uring_req *r, bool nowait)
{
	(void)nowait;
	return (int)sys_statx(r->fd, (const char *)r->fs.a[0], (unsigned)r->fs.a[3], (unsigned)r->fs.a[2],
			      (void *)r->fs.a[1]);
}

static int renameat_issue(struct uring_req *r, bool nowait)
{
	(void)nowait;
	return (int)sys_renameat2(r->fd, (const char *)r->fs.a[0], (int)r->fs.a[2], (const char *)r->fs.a[1],
				  (unsigned)r->fs.a[3]);
}

static int unlinkat_issue(struct uring_req *r, bool nowait)
{
	(void)nowait;
	if (r->fs.a[1] != 0 || r->fs.a[2] != 0)
		return -EINVAL;
	return (int)sys_unlinkat(r->fd, (const char *)r->fs.a[0], (int)r->fs.a[3]);
}

static int mkdirat_issue(struct uring_req *r, bool nowait)
{
	(void)nowait;
	if (r->fs.a[1] != 0 || r->fs.a[3] != 0)
		return -EINVAL;
	return (int)sys_mkdirat(r->fd, (const char *)r->fs.a[0], (uint32_t)r->fs.a[2]);
}

static int symlinkat_issue(struct uring_req *r, bool nowait)
{
	(void)nowait;
	if (r->fs.a[2] != 0 || r->fs.a[3] != 0)
		return -EINVAL;
	return (int)sys_symlinkat((const char *)r->fs.a[0], r->fd, (const char *)r->fs.a[1]);
}

static int linkat_issue(struct uring_req *r, bool nowait)
{
	(void)nowait;
	return (int)sys_linkat(r->fd, (const char *)r->fs.a[0], (int)r->fs.a[2], (const char *)r->fs.a[1],
			       (int)r->fs.a[3]);
}

const struct uring_op uring_op_statx = {.prepare = names_prepare, .issue = statx_issue};
const struct uring_op uring_op_renameat = {.prepare = names_prepare, .issue = renameat_issue};
const struct uring_op uring_op_unlinkat = {.prepare = names_prepare, .issue = unlinkat_issue};
const struct uring_op uring_op_mkdirat = {.prepare = names_prepare, .issue = mkdirat_issue};
const struct uring_op uring_op_symlinkat = {.prepare = names_prepare, .issue = symlinkat_issue};
const struct uring_op uring_op_linkat = {.prepare = names_prepare, .issue = linkat_issue};

/* --- splice and tee: always a worker's, for either end may keep it waiting --- */

static int splice_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	if ((sqe->splice_flags & SPLICE_F_FD_IN_FIXED) || (r->flags & IOSQE_FIXED_FILE))
		return -EINVAL;
	r->fs.a[0] = sqe->splice_off_in;
	r->fs.a[1] = sqe->off;
	r->fs.a[2] = sqe->len;
	r->fs.a[3] = sqe->splice_flags;
	r->fs.file_slot = sqe->splice_fd_in; /* the descriptor to read from */
	return 0;
}

static int splice_issue(struct uring_req *r, bool nowait)
{
	(void)nowait;
	int n = (int)splice_at(r->fs.file_slot, (int64_t)r->fs.a[0], r->fd, (int64_t)r->fs.a[1], r->fs.a[2],
			       (unsigned)r->fs.a[3]);
	r->failed = n != (int)r->fs.a[2];
	return n;
}

static int tee_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	return sqe->splice_off_in != 0 || sqe->off != 0 ? -EINVAL : splice_prepare(r, sqe);
}

static int tee_issue(struct uring_req *r, bool nowait)
{
	(void)nowait;
	int n = (int)sys_tee(r->fs.file_slot, r->fd, r->fs.a[2], (unsigned)r->fs.a[3]);
	r->failed = n != (int)r->fs.a[2];
	return n;
}

const struct uring_op uring_op_splice = {.may_block = true, .prepare = splice_prepare, .issue = splice_issue};
const struct uring_op uring_op_tee = {.may_block = true, .prepare = tee_prepare, .issue = tee_issue};
