/* SPDX-License-Identifier: MIT */
/* fs_context.c - see fs_context.h. */
#include "kernel/fs/fs_context.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"

struct fs_context *fs_current(void)
{
	struct process *p = process_current();

	if (p == NULL || p->fs == NULL)
		p = init_process;
	ASSERT(p != NULL && p->fs != NULL); /* vfs_mount_root comes before any use of a path */
	return p->fs;
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
	copy->umask = fs->umask;
	return copy;
}

static void replace(struct path *old, const struct path *p)
{
	struct path was = *old;

	*old = path_get(p);
	path_put(&was);
}

void fs_context_set_cwd(struct fs_context *fs, const struct path *p)
{
	replace(&fs->cwd, p);
}

void fs_context_set_root(struct fs_context *fs, const struct path *p)
{
	replace(&fs->root, p);
}
