/* SPDX-License-Identifier: MIT */
/* fs_attr.c - system calls that change attributes and sizes. */
#include <errno.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <sys/stat.h>

#include "kernel/fs/notify.h"
#include "kernel/fs/attr.h"
#include "kernel/fs/vfs.h"
#include "kernel/linux/fs_calls.h"
#include "kernel/linux/user_path.h"
#include "kernel/mm/uaccess.h"

#ifndef UTIME_NOW
#define UTIME_NOW  ((1l << 30) - 1l)
#define UTIME_OMIT ((1l << 30) - 2l)
#endif

long sys_fchmodat(int dirfd, const char *user, uint32_t mode)
{
	struct path p;
	long err = user_lookup(dirfd, user, 0, &p);

	if (err != 0)
		return err;
	err = vfs_chmod(&p, mode);
	path_put(&p);
	return err;
}

long sys_chmod(const char *path, uint32_t mode)
{
	return sys_fchmodat(AT_FDCWD, path, mode);
}

long sys_fchmod(int fd, uint32_t mode)
{
	struct path p;
	long err = fd_to_path(fd, false, &p);

	if (err != 0)
		return err;
	err = vfs_chmod(&p, mode);
	path_put(&p);
	return err;
}

long sys_fchownat(int dirfd, const char *user, uint32_t uid, uint32_t gid, int flags)
{
	struct path p;
	long err;

	if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
		return -EINVAL;
	err = user_lookup(dirfd, user, flags, &p);
	if (err != 0)
		return err;
	err = vfs_chown(&p, uid, gid);
	path_put(&p);
	return err;
}

long sys_chown(const char *path, uint32_t uid, uint32_t gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, 0);
}

long sys_lchown(const char *path, uint32_t uid, uint32_t gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

long sys_fchown(int fd, uint32_t uid, uint32_t gid)
{
	struct path p;
	long err = fd_to_path(fd, false, &p);

	if (err != 0)
		return err;
	err = vfs_chown(&p, uid, gid);
	path_put(&p);
	return err;
}

struct user_timespec {
	int64_t sec, nsec;
};

/* path NULL: dirfd itself. t NULL: now. */
static long set_times(int dirfd, const char *user, const struct time_change *t, int flags)
{
	struct path p;
	long err;

	if (user == NULL && dirfd != AT_FDCWD)
		err = fd_to_path(dirfd, false, &p);
	else
		err = user_lookup(dirfd, user, flags, &p);
	if (err != 0)
		return err;
	err = vfs_utimes(&p, t);
	path_put(&p);
	return err;
}

long sys_utimensat(int dirfd, const char *path, const void *times, int flags)
{
	struct user_timespec ts[2];
	struct time_change t[2] = {0};

	if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
		return -EINVAL;
	if (times == NULL)
		return set_times(dirfd, path, NULL, flags);
	if (copy_from_user(ts, times, sizeof(ts)) != 0)
		return -EFAULT;
	for (int n = 0; n < 2; n++) {
		t[n].omit = ts[n].nsec == UTIME_OMIT;
		t[n].now = ts[n].nsec == UTIME_NOW;
		if (!t[n].omit && !t[n].now && (ts[n].nsec < 0 || ts[n].nsec > 999999999))
			return -EINVAL;
		t[n].sec = ts[n].sec;
		t[n].nsec = (uint32_t)ts[n].nsec;
	}
	return set_times(dirfd, path, t, flags);
}

long sys_futimesat(int dirfd, const char *path, const void *times)
{
	struct user_timespec tv[2]; /* the second field counts microseconds */
	struct time_change t[2] = {0};

	if (times == NULL)
		return set_times(dirfd, path, NULL, 0);
	if (copy_from_user(tv, times, sizeof(tv)) != 0)
		return -EFAULT;
	for (int n = 0; n < 2; n++) {
		if (tv[n].nsec < 0 || tv[n].nsec > 999999)
			return -EINVAL;
		t[n].sec = tv[n].sec;
		t[n].nsec = (uint32_t)tv[n].nsec * 1000;
	}
	return set_times(dirfd, path, t, 0);
}

long sys_utimes(const char *path, const void *times)
{
	return sys_futimesat(AT_FDCWD, path, times);
}

long sys_utime(const char *path, const void *times)
{
	int64_t sec[2];
	struct time_change t[2] = {0};

	if (times == NULL)
		return set_times(AT_FDCWD, path, NULL, 0);
	if (copy_from_user(sec, times, sizeof(sec)) != 0)
		return -EFAULT;
	t[0].sec = sec[0];
	t[1].sec = sec[1];
	return set_times(AT_FDCWD, path, t, 0);
}

long sys_truncate(const char *user, int64_t length)
{
	struct path p;
	long err;

	if (length < 0)
		return -EINVAL;
	err = user_lookup(AT_FDCWD, user, 0, &p);
	if (err != 0)
		return err;
	err = vfs_truncate(&p, length);
	path_put(&p);
	return err;
}

long sys_ftruncate(int fd, int64_t length)
{
	struct file *f;
	long err;

	if (length < 0)
		return -EINVAL;
	f = fd_get(fd);
	if (f == NULL)
		return -EBADF;
	if (!(f->mode & FILE_WRITE) || !S_ISREG(file_inode(f)->mode))
		err = -EINVAL;
	else
		err = inode_truncate(file_inode(f), length);
	if (err == 0)
		notify_file(f, IN_MODIFY);
	file_put(f);
	return err;
}

long file_fallocate(struct file *f, int mode, int64_t off, int64_t len)
{
	int64_t end;

	if (off < 0 || len <= 0)
		return -EINVAL;
	if (__builtin_add_overflow(off, len, &end))
		return -EFBIG;
	if ((mode & FALLOC_FL_PUNCH_HOLE) && !(mode & FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if (!(f->mode & FILE_WRITE))
		return -EBADF;
	if (S_ISFIFO(file_inode(f)->mode))
		return -ESPIPE;
	if (S_ISDIR(file_inode(f)->mode))
		return -EISDIR;
	if (!S_ISREG(file_inode(f)->mode))
		return -ENODEV;
	return f->ops->fallocate != NULL ? f->ops->fallocate(f, mode, off, len) : -EOPNOTSUPP;
}

long sys_fallocate(int fd, int mode, int64_t off, int64_t len)
{
	struct file *f = fd_get(fd);
	long err = f != NULL ? file_fallocate(f, mode, off, len) : -EBADF;

	file_put(f);
	return err;
}
