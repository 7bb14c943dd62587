/* SPDX-License-Identifier: MIT */
/* fs_context.c - see fs_context.h. */
#include <errno.h>

#include "kernel/fs/fs_context.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"

static struct fs_context *first;

struct fs_context *fs_current(void)
{
	struct fs_context *own = thread_current()->fs;

	if (own != NULL)
		return own;
	ASSERT(first != NULL); /* vfs_mount_root comes before any use of a path */
	return first;
}

void fs_context_init(struct fs_context *fs)
{
	ASSERT(first == NULL);
	first = fs;
	thread_current()->fs = fs_context_get(fs);
}

struct fs_context *fs_context_get(struct fs_context *fs)
{
	fs->refs++;
	return fs;
}

void fs_context_put(struct fs_context *fs)
{
	if (fs == NULL || --fs->refs > 0)
		return;
	path_put(&fs->root);
	path_put(&fs->cwd);
	kfree(fs);
}

struct fs_context *fs_context_copy(struct fs_context *fs)
{
	struct fs_context *copy = kmalloc(sizeof(*copy));

	if (copy == NULL)
		return NULL;
	copy->refs = 1;
	copy->root = path_get(&fs->root);
	copy->cwd = path_get(&fs->cwd);
	copy->paths = (struct seqcount){0};
	copy->umask = fs->umask;
	return copy;
}

int fs_context_unshare(struct fs_context **fs)
{
	struct fs_context *old = *fs, *own;

	if (old->refs == 1)
		return 0;
	own = fs_context_copy(old);
	if (own == NULL)
		return -ENOMEM;
	*fs = own;
	fs_context_put(old);
	return 0;
}

static void replace(struct fs_context *fs, struct path *old, const struct path *p)
{
	struct path was = *old, now = path_get(p);

	seq_write_begin(&fs->paths);
	WRITE_ONCE(old->mount, now.mount);
	WRITE_ONCE(old->dentry, now.dentry);
	seq_write_end(&fs->paths);
	path_put(&was);
}

static struct path peek(const struct path *p)
{
	return (struct path){READ_ONCE(p->mount), READ_ONCE(p->dentry)};
}

bool fs_context_peek(const struct fs_context *fs, struct path *root, struct path *cwd)
{
	uint32_t seq = __atomic_load_n(&fs->paths.seq, __ATOMIC_ACQUIRE);

	*root = peek(&fs->root);
	*cwd = peek(&fs->cwd);
	return (seq & 1) == 0 && !seq_read_retry(&fs->paths, seq);
}

void fs_context_set_cwd(struct fs_context *fs, const struct path *p)
{
	replace(fs, &fs->cwd, p);
}

void fs_context_set_root(struct fs_context *fs, const struct path *p)
{
	replace(fs, &fs->root, p);
}
