/* SPDX-License-Identifier: MIT */
/* proc_fd.c - /proc/PID/fd and fdinfo: links that lead to the open file itself, whatever became of its name. */
#include <errno.h>
#include <fcntl.h>

#include "kernel/fs/fdtable.h"
#include "kernel/fs/proc/proc.h"
#include "lib/fmt.h"

/* Counted; NULL when thread or descriptor is gone. */
static struct file *file_of(uint64_t id)
{
	struct thread *t = proc_thread(id);

	return t != NULL && t->fds != NULL ? fdtable_lookup(t->fds, PROC_ID_FD(id)) : NULL;
}

static int follow_fd(uint64_t id, struct path *out)
{
	struct file *f = file_of(id);

	if (f == NULL)
		return -ENOENT;
	int err = file_path(f, out);
	file_put(f);
	return err;
}

static int link_fd(uint64_t id, char *buf, size_t size)
{
	struct path p;
	int n = follow_fd(id, &p);

	if (n != 0)
		return n;
	n = path_to_text(&p, buf, size);
	path_put(&p);
	return n;
}

static int show_fdinfo(uint64_t id, struct text *t)
{
	struct file *f = file_of(id);

	if (f == NULL)
		return -ENOENT;
	unsigned flags = f->flags;
	if (fdtable_get_cloexec(proc_thread(id)->fds, PROC_ID_FD(id)))
		flags |= O_CLOEXEC;
	text_printf(t, "pos:\t%lld\nflags:\t0%o\nmnt_id:\t1\nino:\t%llu\n",
		    f->mode & FILE_SEEKABLE ? (long long)f->pos : 0ll, flags, (unsigned long long)file_inode(f)->ino);
	file_put(f);
	return 0;
}

static const struct pseudo_node fd_node = {
	.name = "", .mode = S_IFLNK | 0700, .link = link_fd, .follow = follow_fd, .owner = proc_owner};
static const struct pseudo_node fdinfo_node = {
	.name = "", .mode = S_IFREG | 0444, .show = show_fdinfo, .owner = proc_owner};

static int lookup(const struct pseudo_node *node, uint64_t id, const char *name, size_t len, struct pseudo_found *out)
{
	int fd = proc_parse_number(name, len);

	if (fd < 0)
		return -ENOENT;
	*out = (struct pseudo_found){node, PROC_FD_ID(PROC_ID_TID(id), fd)};
	struct file *f = file_of(out->id);
	file_put(f);
	return f != NULL ? 0 : -ENOENT;
}

static bool next(const struct pseudo_node *node, uint64_t id, uint64_t *cursor, char name[PSEUDO_NAME_MAX],
		 struct pseudo_found *out)
{
	struct thread *t = proc_thread(id);
	int fd = t != NULL && t->fds != NULL ? fdtable_next(t->fds, (int)*cursor) : -1;

	if (fd < 0)
		return false;
	*cursor = (uint64_t)fd;
	fmt_snprintf(name, PSEUDO_NAME_MAX, "%d", fd);
	*out = (struct pseudo_found){node, PROC_FD_ID(t->tid, fd)};
	return true;
}

int proc_lookup_fd(uint64_t id, const char *name, size_t len, struct pseudo_found *out)
{
	return lookup(&fd_node, id, name, len, out);
}

int proc_lookup_fdinfo(uint64_t id, const char *name, size_t len, struct pseudo_found *out)
{
	return lookup(&fdinfo_node, id, name, len, out);
}

bool proc_next_fd(uint64_t id, uint64_t *cursor, char name[PSEUDO_NAME_MAX], struct pseudo_found *out)
{
	return next(&fd_node, id, cursor, name, out);
}

bool proc_next_fdinfo(uint64_t id, uint64_t *cursor, char name[PSEUDO_NAME_MAX], struct pseudo_found *out)
{
	return next(&fdinfo_node, id, cursor, name, out);
}
