/* SPDX-License-Identifier: MIT */
/* user_path.c - see user_path.h. */
#include <errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>

#include "kernel/fs/walk_quick.h"
#include "kernel/linux/user_path.h"
#include "kernel/mm/page.h"
#include "kernel/mm/percpu.h"
#include "kernel/mm/uaccess.h"

_Static_assert(PATH_MAX == PAGE_SIZE, "a path buffer is a page");

/* Each CPU's own: no lock. */
#define SPARE_MAX 4
static struct spare {
	char *buf[SPARE_MAX];
	unsigned nr;
} ALIGNED(64) spare[CAY_VCPU_MAX];

char *path_buf_get(void)
{
	struct spare *s = &spare[percpu_id()];

	return s->nr > 0 ? s->buf[--s->nr] : page_alloc(0, 0);
}

void path_buf_put(char *buf)
{
	struct spare *s = &spare[percpu_id()];

	if (buf == NULL)
		return;
	if (s->nr < SPARE_MAX)
		s->buf[s->nr++] = buf;
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

static unsigned lookup_flags(int at_flags)
{
	return (at_flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (at_flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
}

static int ask_locked(int dirfd, const char *path, unsigned flags, const struct path_question *q)
{
	bool entered = kernel_enter();
	struct path p;
	int err = vfs_lookup(dirfd, path, flags, &p);

	if (err == 0) {
		err = q->answer(&p, true, q->arg);
		path_put(&p);
	}
	file_leave(entered);
	return err;
}

int user_lookup_ask(int dirfd, const char *user, int at_flags, const struct path_question *q)
{
	unsigned flags = lookup_flags(at_flags);
	struct path p;
	char *path;
	int err = path_from_user(user, &path);

	if (err != 0)
		return err;
	err = quick_lookup(dirfd, path, flags, &p);
	if (err == 0)
		err = q->answer(&p, false, q->arg);
	if (err == QUICK_UNKNOWN)
		err = ask_locked(dirfd, path, flags, q);
	if (err == -ENOENT)
		vfs_note_missing(path);
	path_buf_put(path);
	return err;
}

int user_lookup(int dirfd, const char *user, int at_flags, struct path *out)
{
	unsigned flags = lookup_flags(at_flags);
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
