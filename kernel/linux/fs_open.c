/* SPDX-License-Identifier: MIT */
/* fs_open.c - system calls that open and close. The usual ones run without the kernel lock, and take it for what needs
 * it. */
#include <errno.h>
#include <linux/close_range.h>
#include <linux/fcntl.h>
#include <linux/openat2.h>

#include "kernel/fs/cred.h"
#include "kernel/fs/fdtable.h"
#include "kernel/fs/open.h"
#include "kernel/fs/walk_quick.h"
#include "kernel/linux/fs_calls.h"
#include "kernel/linux/user_path.h"
#include "kernel/mm/uaccess.h"
#include "lib/string.h"

static int open_path(int dirfd, const char *path, int flags, uint32_t mode, unsigned resolve, struct file **out)
{
	int err = resolve == 0 ? open_quick(dirfd, path, flags, out) : QUICK_UNKNOWN;
	bool entered;

	if (err != QUICK_UNKNOWN)
		return err;
	entered = kernel_enter();
	err = open_at(dirfd, path, flags, mode, resolve, out);
	file_leave(entered);
	return err;
}

static long do_open(int dirfd, const char *user_path, int flags, uint32_t mode, unsigned resolve)
{
	struct file *f;
	char *path;
	int fd = path_from_user(user_path, &path);

	if (fd != 0)
		return fd;
	fd = open_path(dirfd, path, flags, mode, resolve, &f);
	path_buf_put(path);
	if (fd != 0)
		return fd;
	fd = fd_install(f, 0, (flags & O_CLOEXEC) != 0);
	if (fd < 0)
		file_put(f);
	return fd;
}

long sys_open(const char *path, int flags, uint32_t mode)
{
	return do_open(AT_FDCWD, path, flags, mode, 0);
}

long sys_openat(int dirfd, const char *path, int flags, uint32_t mode)
{
	return do_open(dirfd, path, flags, mode, 0);
}

long sys_creat(const char *path, uint32_t mode)
{
	return do_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode, 0);
}

int open_how_from_user(const void *user_how, size_t size, struct open_how *out)
{
	const uint64_t resolve_known = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH |
				       RESOLVE_IN_ROOT | RESOLVE_CACHED;
	const uint64_t flags_known = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK |
				     O_SYNC | FASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME |
				     O_CLOEXEC | O_PATH | __O_TMPFILE;
	struct open_how how;
	int err;

	if (size < sizeof(how))
		return -EINVAL;
	if (size > 4096)
		return -E2BIG;
	err = copy_struct_from_user(&how, sizeof(how), user_how, size);
	if (err != 0)
		return err;
	if ((how.flags & ~flags_known) != 0 || (how.resolve & ~resolve_known) != 0 || how.mode > 07777)
		return -EINVAL;
	if (how.mode != 0 && !(how.flags & (O_CREAT | __O_TMPFILE)))
		return -EINVAL;
	if ((how.resolve & RESOLVE_BENEATH) && (how.resolve & RESOLVE_IN_ROOT))
		return -EINVAL;
	if (how.resolve & RESOLVE_CACHED)
		return -EAGAIN; /* we do not promise to know what is cached: the caller then asks without */
	*out = how;
	return 0;
}

long sys_openat2(int dirfd, const char *path, const void *user_how, size_t size)
{
	struct open_how how;
	int err = open_how_from_user(user_how, size, &how);

	return err != 0 ? err : do_open(dirfd, path, (int)how.flags, (uint32_t)how.mode, (unsigned)how.resolve);
}

long sys_close(int fd)
{
	return fd_close(fd);
}

long sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	struct thread *self = thread_current();
	struct fdtable *t;

	if ((flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) != 0 || first > last)
		return -EINVAL;
	if ((flags & CLOSE_RANGE_UNSHARE) && fdtable_unshare(&self->fds) != 0)
		return -ENOMEM;
	t = self->fds;
	if (first > INT32_MAX)
		return 0;
	for (int fd = fdtable_next(t, (int)first); fd >= 0 && (unsigned)fd <= last; fd = fdtable_next(t, fd + 1)) {
		if (flags & CLOSE_RANGE_CLOEXEC)
			fdtable_set_cloexec(t, fd, true);
		else
			fdtable_close(t, fd);
	}
	return 0;
}

/* File handles outlive names and permissions; nothing here offers that, and programs have a way without. */
long sys_name_to_handle_at(int dirfd, const char *path, void *handle, int *mount_id, int flags)
{
	(void)dirfd;
	(void)path;
	(void)handle;
	(void)mount_id;
	(void)flags;
	return -EOPNOTSUPP;
}

long sys_open_by_handle_at(int mount_fd, void *handle, int flags)
{
	(void)mount_fd;
	(void)handle;
	(void)flags;
	return -EPERM;
}
