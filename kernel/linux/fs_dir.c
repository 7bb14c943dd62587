/* SPDX-License-Identifier: MIT */
/* fs_dir.c - reading folders; the current folder, the root, the umask. */
#include <errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <sys/stat.h>

#include "kernel/fs/cred.h"
#include "kernel/fs/dcache.h"
#include "kernel/fs/fs_context.h"
#include "kernel/linux/fs_calls.h"
#include "kernel/linux/user_path.h"
#include "kernel/mm/uaccess.h"
#include "lib/string.h"

/* Records gather in a kernel buffer and go out in few large copies. */
struct dents {
	struct dirent_sink sink;
	struct file *dir;
	bool old_format;
	char *user;
	size_t room; /* bytes left in the user's buffer, those gathered already taken off */
	size_t done; /* bytes copied out */
	char *buf;   /* PATH_MAX bytes */
	size_t used;
	bool refused; /* an entry did not fit */
	int err;
};

struct dirent64_head {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};
#define DIRENT64_NAME   19
#define DIRENT_OLD_NAME 18 /* struct linux_dirent: no type before the name; it is the record's last byte */

static bool dents_flush(struct dents *d)
{
	if (d->used > 0 && copy_to_user(d->user + d->done, d->buf, d->used) != 0) {
		d->err = -EFAULT;
		return false;
	}
	d->done += d->used;
	d->used = 0;
	return true;
}

static bool dents_emit(struct dirent_sink *s, const char *name, size_t len, uint64_t ino, unsigned d_type,
		       int64_t next_pos)
{
	struct dents *d = container_of(s, struct dents, sink);
	size_t name_at = d->old_format ? DIRENT_OLD_NAME : DIRENT64_NAME;
	size_t reclen = ALIGN_UP(name_at + len + (d->old_format ? 2 : 1), (size_t)8);
	struct dirent64_head *h;
	char *rec;

	if (reclen > d->room) {
		d->refused = true;
		return false;
	}
	if (d->used + reclen > PATH_MAX && !dents_flush(d))
		return false;
	rec = d->buf + d->used;
	memset(rec + reclen - 8, 0, 8);
	h = (struct dirent64_head *)rec;
	h->ino = ino;
	h->off = next_pos;
	h->reclen = (uint16_t)reclen;
	if (d->old_format)
		rec[reclen - 1] = (char)d_type;
	else
		h->type = (uint8_t)d_type;
	memcpy(rec + name_at, name, len);
	rec[name_at + len] = '\0';
	d->used += reclen;
	d->room -= reclen;
	return true;
}

/* The file system met an inode on its way: the lookup that is likely to follow will find it in the cache. */
static void dents_found(struct dirent_sink *s, const char *name, size_t len, struct inode *inode)
{
	dcache_prefill(container_of(s, struct dents, sink)->dir->dentry, name, len, inode);
}

static long read_dir(int fd, void *user, unsigned bytes, bool old_format)
{
	struct dents d = {.sink = {dents_emit, dents_found}, .old_format = old_format, .user = user, .room = bytes};
	struct file *f = fd_get(fd);
	long ret;

	if (f == NULL)
		return -EBADF;
	d.dir = f;
	if (f->dentry == NULL)
		d.sink.found = NULL;
	d.buf = path_buf_get();
	if (f->ops->readdir == NULL) {
		ret = -ENOTDIR;
	} else if (f->dentry != NULL && (f->dentry->flags & DENTRY_DEAD)) {
		ret = -ENOENT;
	} else if (d.buf == NULL) {
		ret = -ENOMEM;
	} else {
		mutex_lock(&f->pos_lock);
		ret = f->ops->readdir(f, &d.sink);
		if (ret == 0)
			ret = dents_flush(&d) ? (long)d.done : d.err;
		if (ret == 0 && d.refused)
			ret = -EINVAL; /* the buffer is too small for a single record */
		mutex_unlock(&f->pos_lock);
	}
	path_buf_put(d.buf);
	file_put(f);
	return ret;
}

long sys_getdents64(int fd, void *buf, unsigned bytes)
{
	return read_dir(fd, buf, bytes, false);
}

long sys_getdents(int fd, void *buf, unsigned bytes)
{
	return read_dir(fd, buf, bytes, true);
}

long sys_getcwd(char *user, unsigned long size)
{
	struct fs_context *fs = fs_current();
	char *buf;
	long len;

	if (!(fs->cwd.dentry->flags & (DENTRY_HASHED | DENTRY_ROOT)))
		return -ENOENT;
	buf = path_buf_get();
	if (buf == NULL)
		return -ENOMEM;
	len = path_to_text(&fs->cwd, buf, PATH_MAX);
	if (len >= 0) {
		if ((unsigned long)++len > size)
			len = -ERANGE;
		else if (copy_to_user(user, buf, (size_t)len) != 0)
			len = -EFAULT;
	}
	path_buf_put(buf);
	return len;
}

static long enter(struct path *p, long err, void (*set)(struct fs_context *fs, const struct path *p))
{
	if (err != 0)
		return err;
	if (!S_ISDIR(path_inode(p)->mode))
		err = -ENOTDIR;
	else
		err = inode_permission(path_inode(p), MAY_EXEC);
	if (err == 0)
		set(fs_current(), p);
	path_put(p);
	return err;
}

long sys_chdir(const char *path)
{
	struct path p;

	return enter(&p, user_lookup(AT_FDCWD, path, 0, &p), fs_context_set_cwd);
}

long sys_fchdir(int fd)
{
	struct path p;

	return enter(&p, fd_to_path(fd, true, &p), fs_context_set_cwd);
}

long sys_chroot(const char *path)
{
	struct path p;
	long err = user_lookup(AT_FDCWD, path, 0, &p);

	if (err == 0 && !capable(CAP_SYS_CHROOT)) {
		path_put(&p);
		err = -EPERM;
	}
	return enter(&p, err, fs_context_set_root);
}

long sys_umask(uint32_t mask)
{
	struct fs_context *fs = fs_current();
	uint32_t old = fs->umask;

	fs->umask = mask & 0777;
	return (long)old;
}
