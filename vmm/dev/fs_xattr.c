/* SPDX-License-Identifier: MIT */
/*
 * fs_xattr.c - extended attributes. Only the "user." name space passes: "security." and "trusted." are the host's
 * policy, and "system." (access control lists) would promise checks that the guest does not make.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "vmm/dev/fs_priv.h"

#define XATTR_NAME_BYTES  256u
#define XATTR_VALUE_BYTES 65536u

static bool name_passes(const char *name)
{
	return strncmp(name, "user.", 5) == 0;
}

/* "/proc/self/fd/N" of an O_PATH descriptor of the request's node. Returns the descriptor or -errno. */
#define PROC_PATH_BYTES (sizeof("/proc/self/fd/") + FS_PROC_NAME_BYTES)
static int open_proc_path(struct fs_device *dev, struct fs_request *r, char path[PROC_PATH_BYTES])
{
	int fd;

	if (r->node->type != S_IFREG && r->node->type != S_IFDIR)
		return -EPERM;
	fd = fs_node_open_path(&dev->nodes, r->node);
	if (fd < 0)
		return fd;
	strcpy(path, "/proc/self/fd/");
	fs_proc_name(fd, path + strlen(path));
	return fd;
}

static int put_value(struct fs_request *r, const char *value, size_t bytes, uint32_t asked)
{
	struct fuse_getxattr_out size = {.size = (uint32_t)bytes};

	if (asked == 0)
		return fs_put(&r->out, &size, sizeof(size)) ? 0 : -EINVAL;
	if (bytes > asked)
		return -ERANGE;
	return fs_put(&r->out, value, bytes) ? 0 : -EINVAL;
}

int fs_op_getxattr(struct fs_device *dev, struct fs_request *r)
{
	char name[XATTR_NAME_BYTES], path[PROC_PATH_BYTES], *value;
	struct fuse_getxattr_in a;
	ssize_t bytes;
	int fd, err;

	if (!fs_take(&r->in, &a, sizeof(a)) || fs_take_string(&r->in, name, sizeof(name)) < 0)
		return -EINVAL;
	if (!name_passes(name))
		return -EOPNOTSUPP;
	value = malloc(XATTR_VALUE_BYTES);
	if (value == NULL)
		return -ENOMEM;
	fd = open_proc_path(dev, r, path);
	if (fd < 0) {
		free(value);
		return fd == -EPERM ? -ENODATA : fd;
	}
	bytes = getxattr(path, name, value, XATTR_VALUE_BYTES);
	err = bytes < 0 ? -errno : put_value(r, value, (size_t)bytes, a.size);
	close(fd);
	free(value);
	return err;
}

/* Leaves only the names that pass. Returns their bytes. */
static size_t filter_names(char *list, size_t bytes)
{
	size_t kept = 0;

	for (size_t at = 0; at < bytes;) {
		size_t len = strnlen(list + at, bytes - at) + 1;

		if (at + len <= bytes && name_passes(list + at)) {
			memmove(list + kept, list + at, len);
			kept += len;
		}
		at += len;
	}
	return kept;
}

int fs_op_listxattr(struct fs_device *dev, struct fs_request *r)
{
	char path[PROC_PATH_BYTES], *list;
	struct fuse_getxattr_in a;
	ssize_t bytes;
	int fd, err;

	if (!fs_take(&r->in, &a, sizeof(a)))
		return -EINVAL;
	fd = open_proc_path(dev, r, path);
	if (fd == -EPERM)
		return put_value(r, NULL, 0, a.size);
	if (fd < 0)
		return fd;
	list = malloc(XATTR_VALUE_BYTES);
	bytes = list != NULL ? listxattr(path, list, XATTR_VALUE_BYTES) : -1;
	if (list == NULL)
		err = -ENOMEM;
	else if (bytes < 0)
		err = -errno;
	else
		err = put_value(r, list, filter_names(list, (size_t)bytes), a.size);
	close(fd);
	free(list);
	return err;
}

int fs_op_setxattr(struct fs_device *dev, struct fs_request *r)
{
	char name[XATTR_NAME_BYTES], path[PROC_PATH_BYTES], *value;
	struct fuse_setxattr_in a = {0};
	int fd, err;

	/* Without FUSE_SETXATTR_EXT, which INIT does not offer, the argument is the short one. */
	if (!fs_take(&r->in, &a, FUSE_COMPAT_SETXATTR_IN_SIZE) || fs_take_string(&r->in, name, sizeof(name)) < 0 ||
	    a.size > XATTR_VALUE_BYTES || a.size > r->in.left || (a.flags & ~(uint32_t)(XATTR_CREATE | XATTR_REPLACE)))
		return -EINVAL;
	if (!name_passes(name))
		return -EOPNOTSUPP;
	value = malloc(a.size + 1);
	if (value == NULL)
		return -ENOMEM;
	fd = fs_take(&r->in, value, a.size) ? open_proc_path(dev, r, path) : -EINVAL;
	if (fd < 0) {
		free(value);
		return fd;
	}
	err = setxattr(path, name, value, a.size, (int)a.flags) == 0 ? 0 : -errno;
	close(fd);
	free(value);
	return err;
}

int fs_op_removexattr(struct fs_device *dev, struct fs_request *r)
{
	char name[XATTR_NAME_BYTES], path[PROC_PATH_BYTES];
	int fd, err;

	if (fs_take_string(&r->in, name, sizeof(name)) < 0)
		return -EINVAL;
	if (!name_passes(name))
		return -EOPNOTSUPP;
	fd = open_proc_path(dev, r, path);
	if (fd < 0)
		return fd;
	err = removexattr(path, name) == 0 ? 0 : -errno;
	close(fd);
	return err;
}
