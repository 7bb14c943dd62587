/* SPDX-License-Identifier: MIT */
/* user_path.c - see user_path.h. */
#include <errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>

#include "kernel/linux/user_path.h"
#include "kernel/mm/page.h"
#include "kernel/mm/uaccess.h"

_Static_assert(PATH_MAX == PAGE_SIZE, "a path buffer is a page");

/* Future lock: per CPU. */
#define SPARE_MAX 4
static char *spare[SPARE_MAX];
static unsigned nr_spare;

char *path_buf_get(void)
{
	return nr_spare > 0 ? spare[--nr_spare] : page_alloc(0, 0);
}

void path_buf_put(char *buf)
{
	if (buf == NULL)
		return;
	if (nr_spare < SPARE_MAX)
		spare[nr_spare++] = buf;
	else
		page_free(buf, 0);
}

int path_from_user(const char *user, char **out)
{
	char *buf = path_buf_get();
	ssize_t len;

	if (buf == NULL)
		return -ENOMEM;
	len = strncpy_from_user(buf, user, PATH_MAX);
	if (len < 0) {
		path_buf_put(buf);
		return (int)len;
	}
	*out = buf;
	return 0;
}

int fd_to_path(int fd, bool allow_o_path, struct path *out)
{
	struct file *f = allow_o_path ? fd_get_any(fd) : fd_get(fd);
	int err;

	if (f == NULL)
		return -EBADF;
	err = file_path(f, out);
	file_put(f);
	return err;
}

int user_lookup(int dirfd, const char *user, int at_flags, struct path *out)
{
	unsigned flags =
		(at_flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (at_flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	char *path;
	int err = path_from_user(user, &path);

	if (err != 0)
		return err;
	err = vfs_lookup(dirfd, path, flags, out);
	if (err == -ENOENT)
		vfs_note_missing(path);
	path_buf_put(path);
	return err;
}
