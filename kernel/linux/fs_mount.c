/* SPDX-License-Identifier: MIT */
/* fs_mount.c - mount and umount2: file systems in memory, bind mounts, and the kernel's own. Host folders are mounted
 * at boot only. */
#include <errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>

#include "kernel/fs/cred.h"
#include "kernel/fs/dcache.h"
#include "kernel/fs/mount.h"
#include "kernel/linux/fs_calls.h"
#include "kernel/linux/user_path.h"
#include "kernel/mm/uaccess.h"
#include "lib/string.h"

#ifndef MNT_DETACH
#define MNT_DETACH      2
#define UMOUNT_NOFOLLOW 8
#endif

#pragma weak devfs_create
#pragma weak procfs_create
#pragma weak sysfs_create

/* "size=" of tmpfs(5): bytes with k, m, g; anything else in the options is left alone. 0 = the default. */
static uint64_t tmpfs_size(const char *options)
{
	const char *s = options;

	while (s != NULL && strncmp(s, "size=", 5) != 0) {
		s = strchr(s, ',');
		if (s != NULL)
			s++;
	}
	if (s == NULL)
		return 0;
	uint64_t v = 0;
	for (s += 5; *s >= '0' && *s <= '9' && v < UINT64_MAX / 16; s++)
		v = v * 10 + (uint64_t)(*s - '0');
	switch (*s | 0x20) {
	case 'g':
		return v << 30;
	case 'm':
		return v << 20;
	case 'k':
		return v << 10;
	default:
		return v;
	}
}

static struct superblock *create_by_type(const char *type, const char *options)
{
	if (strcmp(type, "tmpfs") == 0 || strcmp(type, "ramfs") == 0) {
		struct superblock *sb = ramfs_create("tmpfs", tmpfs_size(options));
		if (sb != NULL)
			sb->root->mode = S_IFDIR | 01777;
		return sb;
	}
	if (strcmp(type, "proc") == 0 && procfs_create != NULL)
		return procfs_create();
	if (strcmp(type, "sysfs") == 0 && sysfs_create != NULL)
		return sysfs_create();
	if (strcmp(type, "devtmpfs") == 0 && devfs_create != NULL)
		return devfs_create();
	return NULL;
}

static long mount_bind(const char *user_source, const struct path *at, unsigned mount_flags)
{
	struct path from;
	long err = user_lookup(AT_FDCWD, user_source, 0, &from);

	if (err != 0)
		return err;
	err = mount_attach(from.mount->sb, dentry_get(from.dentry), at, mount_flags | from.mount->flags,
			   from.mount->source);
	if (err != 0)
		dentry_put(from.dentry);
	path_put(&from);
	return err;
}

static long mount_new(const char *user_source, const char *user_type, const void *user_data, const struct path *at,
		      unsigned mount_flags)
{
	char type[32] = "", source[64] = "none", options[256] = "";
	struct superblock *sb;
	ssize_t len = strncpy_from_user(type, user_type, sizeof(type));

	if (len < 0)
		return len == -ENAMETOOLONG ? -ENODEV : len;
	if (user_source != NULL && strncpy_from_user(source, user_source, sizeof(source)) == -EFAULT)
		return -EFAULT;
	if (user_data != NULL) {
		len = strncpy_from_user(options, user_data, sizeof(options));
		if (len < 0)
			return len == -ENAMETOOLONG ? -EINVAL : len;
	}
	source[sizeof(source) - 1] = '\0';
	sb = create_by_type(type, options);
	if (sb == NULL)
		return -ENODEV;
	return mount_attach(sb, NULL, at, mount_flags, source);
}

long sys_mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)
{
	const unsigned long propagation = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;
	unsigned mount_flags = flags & MS_RDONLY ? MOUNT_RDONLY : 0;
	struct path at;
	long err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	err = user_lookup(AT_FDCWD, target, 0, &at);
	if (err != 0)
		return err;
	if (flags & MS_REMOUNT) {
		if (at.dentry != at.mount->root)
			err = -EINVAL;
		else
			at.mount->flags = mount_flags;
	} else if (flags & propagation) {
		err = 0; /* there is one mount name space: nothing propagates */
	} else if (flags & MS_MOVE) {
		err = -EINVAL;
	} else if (flags & MS_BIND) {
		err = mount_bind(source, &at, mount_flags);
	} else {
		err = mount_new(source, type, data, &at, mount_flags);
	}
	path_put(&at);
	return err;
}

long sys_umount2(const char *target, int flags)
{
	struct path at;
	long err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	err = user_lookup(AT_FDCWD, target, flags & UMOUNT_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0, &at);
	if (err != 0)
		return err;
	err = mount_detach(&at, (flags & MNT_DETACH) != 0);
	path_put(&at);
	return err;
}
