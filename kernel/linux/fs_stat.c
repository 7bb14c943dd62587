/* SPDX-License-Identifier: MIT */
/*
 * fs_stat.c - system calls that ask about a file: stat and kin, statx, statfs, access. All but statfs run without the
 * kernel lock, and take it for what the name cache does not know.
 */
#include <errno.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "kernel/fs/cred.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/vfs.h"
#include "kernel/fs/walk_quick.h"
#include "kernel/linux/fs_calls.h"
#include "kernel/linux/user_path.h"
#include "kernel/mm/uaccess.h"
#include "lib/string.h"

_Static_assert(sizeof(struct stat) == 144, "the C library's struct stat is the kernel's on x86-64");
_Static_assert(sizeof(struct statfs) == 120, "so is struct statfs");

static long put_stat(const struct kstat *ks, void *user)
{
	struct stat st = {
		.st_dev = ks->dev,
		.st_ino = ks->ino,
		.st_nlink = ks->nlink,
		.st_mode = ks->mode,
		.st_uid = ks->uid,
		.st_gid = ks->gid,
		.st_rdev = ks->rdev,
		.st_size = (off_t)ks->size,
		.st_blksize = ks->blksize,
		.st_blocks = (blkcnt_t)ks->blocks,
		.st_atim = {ks->atime.sec, ks->atime.nsec},
		.st_mtim = {ks->mtime.sec, ks->mtime.nsec},
		.st_ctim = {ks->ctime.sec, ks->ctime.nsec},
	};

	return copy_to_user(user, &st, sizeof(st));
}

static int answer_kstat(const struct path *p, bool locked, void *arg)
{
	if (vfs_getattr_quick(path_inode(p), arg))
		return 0;
	return locked ? vfs_getattr(path_inode(p), arg) : QUICK_UNKNOWN;
}

static int file_kstat(int fd, struct kstat *ks)
{
	struct file *f = fd_get_any(fd);
	int err = 0;

	if (f == NULL)
		return -EBADF;
	if (!vfs_getattr_quick(file_inode(f), ks)) {
		bool entered = kernel_enter();

		err = vfs_getattr(file_inode(f), ks);
		file_leave(entered);
	}
	file_put(f);
	return err;
}

/* The attributes of what (dirfd, path) names. An empty path with AT_EMPTY_PATH, fstat's modern form, skips the lookup.
 */
static int get_kstat(int dirfd, const char *path, int at_flags, struct kstat *ks)
{
	struct path_question q = {answer_kstat, ks};

	if ((at_flags & AT_EMPTY_PATH) && dirfd >= 0) {
		char c = '\0';
		/* NULL is taken for "", as newer kernels do */
		if (path != NULL && copy_from_user(&c, path, 1) != 0)
			return -EFAULT;
		if (c == '\0')
			return file_kstat(dirfd, ks);
	}
	return user_lookup_ask(dirfd, path, at_flags, &q);
}

long sys_newfstatat(int dirfd, const char *path, void *user, int flags)
{
	struct kstat ks;
	int err;

	if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT)) != 0)
		return -EINVAL;
	err = get_kstat(dirfd, path, flags, &ks);
	return err != 0 ? err : put_stat(&ks, user);
}

long sys_stat(const char *path, void *user)
{
	return sys_newfstatat(AT_FDCWD, path, user, 0);
}

long sys_lstat(const char *path, void *user)
{
	return sys_newfstatat(AT_FDCWD, path, user, AT_SYMLINK_NOFOLLOW);
}

long sys_fstat(int fd, void *user)
{
	struct kstat ks;
	int err = file_kstat(fd, &ks);

	return err != 0 ? err : put_stat(&ks, user);
}

static uint32_t dev_major(uint64_t dev)
{
	return (uint32_t)((dev >> 8) & 0xfff);
}

static uint32_t dev_minor(uint64_t dev)
{
	return (uint32_t)((dev & 0xff) | ((dev >> 12) & 0xfff00));
}

long sys_statx(int dirfd, const char *path, unsigned flags, unsigned mask, void *user)
{
	struct kstat ks;
	int err;

	if ((flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE)) != 0 ||
	    (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE || (mask & STATX__RESERVED) != 0)
		return -EINVAL;
	err = get_kstat(dirfd, path, (int)flags, &ks);
	if (err != 0)
		return err;

	struct statx sx = {
		.stx_mask = STATX_BASIC_STATS | (ks.btime.sec != 0 ? STATX_BTIME : 0),
		.stx_blksize = ks.blksize,
		.stx_nlink = ks.nlink,
		.stx_uid = ks.uid,
		.stx_gid = ks.gid,
		.stx_mode = (uint16_t)ks.mode,
		.stx_ino = ks.ino,
		.stx_size = ks.size,
		.stx_blocks = ks.blocks,
		.stx_atime = {.tv_sec = ks.atime.sec, .tv_nsec = ks.atime.nsec},
		.stx_btime = {.tv_sec = ks.btime.sec, .tv_nsec = ks.btime.nsec},
		.stx_ctime = {.tv_sec = ks.ctime.sec, .tv_nsec = ks.ctime.nsec},
		.stx_mtime = {.tv_sec = ks.mtime.sec, .tv_nsec = ks.mtime.nsec},
		.stx_rdev_major = dev_major(ks.rdev),
		.stx_rdev_minor = dev_minor(ks.rdev),
		.stx_dev_major = dev_major(ks.dev),
		.stx_dev_minor = dev_minor(ks.dev),
	};
	return copy_to_user(user, &sx, sizeof(sx));
}

#ifndef ST_VALID
#define ST_VALID 0x0020 /* f_flags is filled in */
#endif
#define ST_RELATIME_FLAG 0x1000

static long put_statfs(struct inode *i, const struct mount *m, void *user)
{
	struct statfs st = {.f_type = TMPFS_MAGIC, .f_bsize = 4096, .f_frsize = 4096, .f_namelen = 255};
	int err = 0;

	if (i->ops->statfs != NULL)
		err = i->ops->statfs(i, &st);
	if (err != 0)
		return err;
	st.f_fsid.__val[0] = (int)i->sb->dev;
	st.f_flags = ST_VALID | ST_RELATIME_FLAG | (m != NULL && mount_is_read_only(m) ? 1 /* ST_RDONLY */ : 0);
	return copy_to_user(user, &st, sizeof(st));
}

long sys_statfs(const char *path, void *user)
{
	struct path p;
	long err = user_lookup(AT_FDCWD, path, 0, &p);

	if (err != 0)
		return err;
	err = put_statfs(path_inode(&p), p.mount, user);
	path_put(&p);
	return err;
}

long sys_fstatfs(int fd, void *user)
{
	struct file *f = fd_get_any(fd);
	long err;

	if (f == NULL)
		return -EBADF;
	err = put_statfs(file_inode(f), f->mount, user);
	file_put(f);
	return err;
}

struct access {
	int mode; /* R_OK, W_OK, X_OK are MAY_READ, MAY_WRITE, MAY_EXEC */
	bool effective;
};

static int answer_access(const struct path *p, bool locked, void *arg)
{
	struct cred as = *cred_current(); /* its groups live as long as nothing blocks */
	const struct access *a = arg;
	uint32_t type = path_inode(p)->mode & S_IFMT;
	int err;

	(void)locked;
	if (!a->effective) {
		as.fsuid = as.uid;
		as.fsgid = as.gid;
		as.cap_effective = as.uid == 0 ? as.cap_permitted : 0;
	}
	err = a->mode != 0 ? inode_permission_as(&as, path_inode(p), a->mode) : 0;
	if (err == 0 && (a->mode & MAY_WRITE) && mount_is_read_only(p->mount) &&
	    (type == S_IFREG || type == S_IFDIR || type == S_IFLNK))
		err = -EROFS;
	return err;
}

long sys_faccessat2(int dirfd, const char *path, int mode, int flags)
{
	struct access a = {mode, (flags & AT_EACCESS) != 0};
	struct path_question q = {answer_access, &a};

	if ((mode & ~7) != 0 || (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
		return -EINVAL;
	return user_lookup_ask(dirfd, path, flags, &q);
}

long sys_faccessat(int dirfd, const char *path, int mode)
{
	return sys_faccessat2(dirfd, path, mode, 0);
}

long sys_access(const char *path, int mode)
{
	return sys_faccessat2(AT_FDCWD, path, mode, 0);
}
