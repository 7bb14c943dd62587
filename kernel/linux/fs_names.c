/* SPDX-License-Identifier: MIT */
/* fs_names.c - system calls that make, remove, move and read names. */
#include <errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <sys/stat.h>

#include "kernel/fs/dirops.h"
#include "kernel/linux/fs_calls.h"
#include "kernel/fs/walk_quick.h"
#include "kernel/linux/user_path.h"
#include "kernel/mm/uaccess.h"
#include "lib/string.h"

long sys_mkdirat(int dirfd, const char *user, uint32_t mode)
{
	char *path;
	long err = path_from_user(user, &path);

	if (err != 0)
		return err;
	err = vfs_mkdir(dirfd, path, mode);
	path_buf_put(path);
	return err;
}

long sys_mkdir(const char *path, uint32_t mode)
{
	return sys_mkdirat(AT_FDCWD, path, mode);
}

long sys_mknodat(int dirfd, const char *user, uint32_t mode, unsigned dev)
{
	char *path;
	long err;

	switch (mode & S_IFMT) {
	case 0:
		mode |= S_IFREG;
		break;
	case S_IFREG:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		break;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
	err = path_from_user(user, &path);
	if (err != 0)
		return err;
	err = vfs_mknod(dirfd, path, mode & (S_IFMT | 07777), dev);
	path_buf_put(path);
	return err;
}

long sys_mknod(const char *path, uint32_t mode, unsigned dev)
{
	return sys_mknodat(AT_FDCWD, path, mode, dev);
}

long sys_unlinkat(int dirfd, const char *user, int flags)
{
	char *path;
	long err;

	if ((flags & ~AT_REMOVEDIR) != 0)
		return -EINVAL;
	err = path_from_user(user, &path);
	if (err != 0)
		return err;
	err = flags & AT_REMOVEDIR ? vfs_rmdir(dirfd, path) : vfs_unlink(dirfd, path);
	path_buf_put(path);
	return err;
}

long sys_unlink(const char *path)
{
	return sys_unlinkat(AT_FDCWD, path, 0);
}

long sys_rmdir(const char *path)
{
	return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

/* Two user strings. On success both are the caller's to put back. */
static long two_paths(const char *user_a, const char *user_b, char **a, char **b)
{
	long err = path_from_user(user_a, a);

	if (err != 0)
		return err;
	err = path_from_user(user_b, b);
	if (err != 0)
		path_buf_put(*a);
	return err;
}

long sys_linkat(int old_dirfd, const char *old_user, int new_dirfd, const char *new_user, int flags)
{
	char *old_path, *new_path;
	unsigned how = (flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	long err;

	if ((flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) != 0)
		return -EINVAL;
	err = two_paths(old_user, new_user, &old_path, &new_path);
	if (err != 0)
		return err;
	err = vfs_link(old_dirfd, old_path, how, new_dirfd, new_path);
	path_buf_put(old_path);
	path_buf_put(new_path);
	return err;
}

long sys_link(const char *old_path, const char *new_path)
{
	return sys_linkat(AT_FDCWD, old_path, AT_FDCWD, new_path, 0);
}

long sys_symlinkat(const char *target_user, int dirfd, const char *user)
{
	char *target, *path;
	long err = two_paths(target_user, user, &target, &path);

	if (err != 0)
		return err;
	err = vfs_symlink(target, dirfd, path);
	path_buf_put(target);
	path_buf_put(path);
	return err;
}

long sys_symlink(const char *target, const char *path)
{
	return sys_symlinkat(target, AT_FDCWD, path);
}

struct link_text {
	char *buf;
	int len;
	bool is_link;
};

static int answer_readlink(const struct path *p, bool locked, void *arg)
{
	struct inode *i = path_inode(p);
	const char *text = __atomic_load_n(&i->link_text, __ATOMIC_ACQUIRE);
	struct link_text *l = arg;

	l->is_link = S_ISLNK(i->mode);
	if (!l->is_link)
		return -EINVAL;
	if (text != NULL) {
		l->len = (int)strnlen(text, PATH_MAX);
		memcpy(l->buf, text, (size_t)l->len);
		return 0;
	}
	if (!locked)
		return QUICK_UNKNOWN;
	l->len = i->ops->readlink != NULL ? i->ops->readlink(i, l->buf, PATH_MAX) : -EINVAL;
	if (l->len > 0 && l->len < PATH_MAX && i->ops->follow == NULL)
		inode_keep_link_text(i, l->buf, (size_t)l->len);
	return MIN(l->len, 0);
}

long sys_readlinkat(int dirfd, const char *user, char *user_buf, int size)
{
	struct link_text l = {.buf = path_buf_get(), .is_link = true};
	struct path_question q = {answer_readlink, &l};
	char c = '\0';
	long ret;

	if (size <= 0)
		ret = -EINVAL;
	else if (l.buf == NULL)
		ret = -ENOMEM;
	else
		ret = user_lookup_ask(dirfd, user, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, &q);
	/* An empty path to something else is a missing file, a name of something else a wrong argument. */
	if (ret == -EINVAL && !l.is_link && copy_from_user(&c, user, 1) == 0 && c == '\0')
		ret = -ENOENT;
	if (ret == 0) {
		ret = MIN(l.len, size);
		if (copy_to_user(user_buf, l.buf, (size_t)ret) != 0)
			ret = -EFAULT;
	}
	path_buf_put(l.buf);
	return ret;
}

long sys_readlink(const char *path, char *buf, int size)
{
	return sys_readlinkat(AT_FDCWD, path, buf, size);
}

long sys_renameat2(int old_dirfd, const char *old_user, int new_dirfd, const char *new_user, unsigned flags)
{
	char *old_path, *new_path;
	long err = two_paths(old_user, new_user, &old_path, &new_path);

	if (err != 0)
		return err;
	err = vfs_rename(old_dirfd, old_path, new_dirfd, new_path, flags);
	path_buf_put(old_path);
	path_buf_put(new_path);
	return err;
}

long sys_renameat(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path)
{
	return sys_renameat2(old_dirfd, old_path, new_dirfd, new_path, 0);
}

long sys_rename(const char *old_path, const char *new_path)
{
	return sys_renameat2(AT_FDCWD, old_path, AT_FDCWD, new_path, 0);
}
