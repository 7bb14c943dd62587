/* SPDX-License-Identifier: MIT */
/* fs_fixture.h - a root file system in memory and a process on it, for tests of kernel/fs through its own interface. */
#ifndef CAY_TESTS_FS_FIXTURE_H
#define CAY_TESTS_FS_FIXTURE_H

#include <errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include "kernel/fs/attr.h"
#include "kernel/fs/cred.h"
#include "kernel/fs/dcache.h"
#include "kernel/fs/dirops.h"
#include "kernel/fs/fdtable.h"
#include "kernel/fs/fs_context.h"
#include "kernel/fs/locks.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/open.h"
#include "kernel/fs/rw.h"
#include "kernel/fs/vfs.h"

void vmspace_file_truncated(struct inode *inode, uint64_t new_bytes);
void vmspace_file_truncated(struct inode *inode, uint64_t new_bytes)
{
	(void)inode;
	(void)new_bytes;
}

void epoll_file_released(struct file *f)
{
	(void)f;
}

/* uid 0 has all capabilities, others none. */
static void become(uint32_t uid)
{
	struct cred *c = &init_process->cred;

	*c = (struct cred){.uid = uid, .gid = uid, .euid = uid, .egid = uid, .fsuid = uid, .fsgid = uid};
	c->cap_effective = c->cap_permitted = uid == 0 ? UINT64_MAX : 0;
}

static int fs_setup_with(struct superblock *sb)
{
	become(0);
	init_process->rlimit[7].cur = 1024;       /* RLIMIT_NOFILE */
	init_process->rlimit[1].cur = UINT64_MAX; /* RLIMIT_FSIZE */
	init_process->pid = 1;
	thread_current()->fds = fdtable_create();
	if (sb != NULL)
		vfs_mount_root(sb);
	return 0;
}

static inline int fs_setup(void **state)
{
	(void)state;
	return fs_setup_with(ramfs_create("rootfs", 1 << 20));
}

static inline int put_file(const char *path, const char *text)
{
	struct file *f;
	struct uio_seg seg = {(void *)text, strlen(text)};
	struct uio uio = {.segs = &seg, .nr_segs = 1, .resid = seg.bytes, .kernel = true};
	int err = vfs_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, 0644, &f);

	if (err != 0)
		return err;
	ssize_t n = vfs_write(f, &uio);
	file_put(f);
	return n < 0 ? (int)n : 0;
}

/* The file's text, or "error". */
static inline const char *get_file(const char *path)
{
	static char buf[4096];
	struct file *f;
	ssize_t n;

	if (vfs_open(AT_FDCWD, path, O_RDONLY, 0, &f) != 0)
		return "error";
	n = vfs_read_kernel(f, buf, sizeof(buf) - 1, 0);
	file_put(f);
	buf[n < 0 ? 0 : n] = '\0';
	return buf;
}

static inline int stat_of(const char *path, struct kstat *st)
{
	struct path p;
	int err = vfs_lookup(AT_FDCWD, path, 0, &p);

	if (err != 0)
		return err;
	err = vfs_getattr(path_inode(&p), st);
	path_put(&p);
	return err;
}

static inline int lookup_err(const char *path, unsigned flags)
{
	struct path p;
	int err = vfs_lookup(AT_FDCWD, path, flags, &p);

	if (err == 0)
		path_put(&p);
	return err;
}

struct collect {
	struct dirent_sink sink;
	char text[4096];
	int limit; /* entries to take; -1 = all */
};

static inline bool collect_emit(struct dirent_sink *s, const char *name, size_t len, uint64_t ino, unsigned type,
				int64_t next)
{
	struct collect *c = container_of(s, struct collect, sink);

	(void)ino;
	(void)type;
	(void)next;
	if (c->limit == 0)
		return false;
	if (c->limit > 0)
		c->limit--;
	strncat(c->text, name, len);
	strcat(c->text, " ");
	return true;
}

static inline const char *list_dir(const char *path)
{
	static struct collect c;
	struct file *f;

	c = (struct collect){.sink = {collect_emit, NULL}, .limit = -1};
	if (vfs_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &f) != 0)
		return "error";
	int err = f->ops->readdir(f, &c.sink);
	file_put(f);
	return err == 0 ? c.text : "error";
}

#endif
