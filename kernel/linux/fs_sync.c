/* SPDX-License-Identifier: MIT */
/* fs_sync.c - system calls about when data is stored, and hints about when it will be read. */
#include <errno.h>
#include <linux/fadvise.h>
#include <linux/fs.h>
#include <sys/stat.h>

#include "kernel/fs/mount.h"
#include "kernel/fs/vfs.h"
#include "kernel/linux/fs_calls.h"

static long sync_fd(int fd, bool data_only)
{
	struct file *f = fd_get(fd);
	long err;

	if (f == NULL)
		return -EBADF;
	err = f->ops->fsync != NULL ? f->ops->fsync(f, data_only) : -EINVAL;
	file_put(f);
	return err;
}

long sys_fsync(int fd)
{
	return sync_fd(fd, false);
}

long sys_fdatasync(int fd)
{
	return sync_fd(fd, true);
}

long sys_sync(void)
{
	mount_sync_all();
	return 0;
}

long sys_syncfs(int fd)
{
	struct file *f = fd_get_any(fd);
	struct superblock *sb;
	long err = 0;

	if (f == NULL)
		return -EBADF;
	sb = file_inode(f)->sb;
	if (sb->sync != NULL)
		err = sb->sync(sb);
	file_put(f);
	return err;
}

long sys_sync_file_range(int fd, int64_t off, int64_t bytes, unsigned flags)
{
	int64_t end;

	if ((flags & ~7u) != 0 || off < 0 || bytes < 0 || __builtin_add_overflow(off, bytes, &end))
		return -EINVAL;
	/* Stronger than asked: a range is stored by storing the data of the whole file. */
	return flags != 0 ? sync_fd(fd, true) : 0;
}

/* Where the data is, is decided elsewhere (the host's page cache, or memory already): the hints are checked and
 * dropped. */
long sys_fadvise64(int fd, int64_t off, int64_t bytes, int advice)
{
	struct file *f = fd_get(fd);
	long err = 0;

	(void)off;
	if (f == NULL)
		return -EBADF;
	if (S_ISFIFO(file_inode(f)->mode))
		err = -ESPIPE;
	else if (bytes < 0 || advice < POSIX_FADV_NORMAL || advice > POSIX_FADV_NOREUSE)
		err = -EINVAL;
	file_put(f);
	return err;
}

long sys_readahead(int fd, int64_t off, size_t bytes)
{
	struct file *f = fd_get(fd);
	long err = 0;

	(void)off;
	(void)bytes;
	if (f == NULL)
		return -EBADF;
	if (!(f->mode & FILE_READ))
		err = -EBADF;
	else if (!S_ISREG(file_inode(f)->mode))
		err = -EINVAL;
	file_put(f);
	return err;
}
