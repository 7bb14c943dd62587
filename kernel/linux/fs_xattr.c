/* SPDX-License-Identifier: MIT */
/* fs_xattr.c - system calls on extended attributes: twelve forms of four operations. */
#include <errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/xattr.h>
#include <sys/stat.h>

#include "kernel/fs/cred.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/vfs.h"
#include "kernel/linux/fs_calls.h"
#include "kernel/linux/user_path.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "lib/string.h"

typedef char xattr_name[XATTR_NAME_MAX + 1];

static long name_from_user(xattr_name name, const char *user)
{
	ssize_t len = strncpy_from_user(name, user, XATTR_NAME_MAX + 1);

	if (len == 0 || len == -ENAMETOOLONG)
		return -ERANGE;
	return len < 0 ? len : 0;
}

static bool has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* user.* belongs to files and folders and follows their permissions; trusted.* is the administrator's. xattr(7) */
static long may_use(const struct path *p, const char *name, int mask)
{
	struct inode *i = path_inode(p);

	if ((mask & MAY_WRITE) && mount_is_read_only(p->mount))
		return -EROFS;
	if (has_prefix(name, "trusted.") && !capable(CAP_SYS_ADMIN))
		return mask & MAY_WRITE ? -EPERM : -ENODATA;
	if (has_prefix(name, "user.")) {
		if (!S_ISREG(i->mode) && !S_ISDIR(i->mode))
			return mask & MAY_WRITE ? -EPERM : -ENODATA;
		return inode_permission(i, mask);
	}
	return (mask & MAY_WRITE) && !inode_is_owner(i) ? -EPERM : 0;
}

static long get(const struct path *p, const char *user_name, void *user_buf, size_t size)
{
	struct inode *i = path_inode(p);
	xattr_name name;
	void *buf = NULL;
	long ret = name_from_user(name, user_name);

	if (ret == 0 && i->ops->getxattr == NULL)
		ret = -EOPNOTSUPP;
	if (ret == 0)
		ret = may_use(p, name, MAY_READ);
	if (ret != 0)
		return ret;
	size = MIN(size, (size_t)XATTR_SIZE_MAX);
	if (size > 0) {
		buf = kmalloc(size);
		if (buf == NULL)
			return -ENOMEM;
	}
	ret = i->ops->getxattr(i, name, buf, size);
	if (ret > 0 && size > 0 && copy_to_user(user_buf, buf, (size_t)ret) != 0)
		ret = -EFAULT;
	kfree(buf);
	return ret;
}

static long set(const struct path *p, const char *user_name, const void *user_buf, size_t size, int flags)
{
	struct inode *i = path_inode(p);
	xattr_name name;
	void *buf = NULL;
	long ret = name_from_user(name, user_name);

	if (ret == 0 && (flags & ~(XATTR_CREATE | XATTR_REPLACE)) != 0)
		ret = -EINVAL;
	if (ret == 0 && size > XATTR_SIZE_MAX)
		ret = -E2BIG;
	if (ret == 0)
		ret = may_use(p, name, MAY_WRITE);
	if (ret == 0 && i->ops->setxattr == NULL)
		ret = -EOPNOTSUPP;
	if (ret != 0)
		return ret;
	if (size > 0) {
		buf = kmalloc(size);
		if (buf == NULL)
			return -ENOMEM;
		if (copy_from_user(buf, user_buf, size) != 0)
			ret = -EFAULT;
	}
	if (ret == 0)
		ret = i->ops->setxattr(i, name, buf, size, flags);
	kfree(buf);
	return ret;
}

static long list(const struct path *p, char *user_buf, size_t size)
{
	struct inode *i = path_inode(p);
	char *buf = NULL;
	long ret;

	if (i->ops->listxattr == NULL)
		return i->ops->getxattr == NULL ? 0 : -EOPNOTSUPP;
	size = MIN(size, (size_t)XATTR_LIST_MAX);
	if (size > 0) {
		buf = kmalloc(size);
		if (buf == NULL)
			return -ENOMEM;
	}
	ret = i->ops->listxattr(i, buf, size);
	if (ret > 0 && size > 0 && copy_to_user(user_buf, buf, (size_t)ret) != 0)
		ret = -EFAULT;
	kfree(buf);
	return ret;
}

static long remove(const struct path *p, const char *user_name)
{
	struct inode *i = path_inode(p);
	xattr_name name;
	long ret = name_from_user(name, user_name);

	if (ret == 0)
		ret = may_use(p, name, MAY_WRITE);
	if (ret == 0)
		ret = i->ops->removexattr != NULL ? i->ops->removexattr(i, name) : -EOPNOTSUPP;
	return ret;
}

/* Runs `call`, which uses p, on what `find` found. */
#define WITH_PATH(find, call)                                                                                          \
	({                                                                                                             \
		struct path p;                                                                                         \
		long r_ = (find);                                                                                      \
		if (r_ == 0) {                                                                                         \
			r_ = (call);                                                                                   \
			path_put(&p);                                                                                  \
		}                                                                                                      \
		r_;                                                                                                    \
	})
#define BY_NAME user_lookup(AT_FDCWD, path, 0, &p)
#define BY_LINK user_lookup(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, &p)
#define BY_FD   fd_to_path(fd, false, &p)

long sys_getxattr(const char *path, const char *name, void *buf, size_t size)
{
	return WITH_PATH(BY_NAME, get(&p, name, buf, size));
}

long sys_lgetxattr(const char *path, const char *name, void *buf, size_t size)
{
	return WITH_PATH(BY_LINK, get(&p, name, buf, size));
}

long sys_fgetxattr(int fd, const char *name, void *buf, size_t size)
{
	return WITH_PATH(BY_FD, get(&p, name, buf, size));
}

long sys_setxattr(const char *path, const char *name, const void *buf, size_t size, int flags)
{
	return WITH_PATH(BY_NAME, set(&p, name, buf, size, flags));
}

long sys_lsetxattr(const char *path, const char *name, const void *buf, size_t size, int flags)
{
	return WITH_PATH(BY_LINK, set(&p, name, buf, size, flags));
}

long sys_fsetxattr(int fd, const char *name, const void *buf, size_t size, int flags)
{
	return WITH_PATH(BY_FD, set(&p, name, buf, size, flags));
}

long sys_listxattr(const char *path, char *buf, size_t size)
{
	return WITH_PATH(BY_NAME, list(&p, buf, size));
}

long sys_llistxattr(const char *path, char *buf, size_t size)
{
	return WITH_PATH(BY_LINK, list(&p, buf, size));
}

long sys_flistxattr(int fd, char *buf, size_t size)
{
	return WITH_PATH(BY_FD, list(&p, buf, size));
}

long sys_removexattr(const char *path, const char *name)
{
	return WITH_PATH(BY_NAME, remove(&p, name));
}

long sys_lremovexattr(const char *path, const char *name)
{
	return WITH_PATH(BY_LINK, remove(&p, name));
}

long sys_fremovexattr(int fd, const char *name)
{
	return WITH_PATH(BY_FD, remove(&p, name));
}
