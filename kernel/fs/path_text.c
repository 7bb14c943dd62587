/* SPDX-License-Identifier: MIT */
/* path_text.c - from a path back to its name: getcwd, /proc/self/fd, /proc/self/maps. */
#include <errno.h>

#include "kernel/fs/dcache.h"
#include "kernel/fs/fs_context.h"
#include "kernel/fs/mount.h"
#include "lib/string.h"

/* Text grows downwards from the end of a buffer. */
struct backwards {
	char *start, *at;
};

static int prepend(struct backwards *b, const char *s, size_t len)
{
	if ((size_t)(b->at - b->start) < len)
		return -ENAMETOOLONG;
	b->at -= len;
	memcpy(b->at, s, len);
	return 0;
}

static bool is_deleted(const struct dentry *d)
{
	return !(d->flags & (DENTRY_ROOT | DENTRY_HASHED));
}

int path_to_text(const struct path *p, char *buf, size_t size)
{
	static const char deleted[] = " (deleted)";
	const struct path *root = &fs_current()->root;
	const struct mount *m = p->mount;
	const struct dentry *d = p->dentry;
	struct backwards b = {buf, buf + size};
	size_t len;
	int err;

	err = prepend(&b, "", 1);
	if (err == 0 && is_deleted(d))
		err = prepend(&b, deleted, sizeof(deleted) - 1);
	if (err == 0 && (d->flags & DENTRY_ANON))
		err = prepend(&b, d->name, d->name_len);
	else if (err == 0) {
		const char *end = b.at;
		while (err == 0 && !(d == root->dentry && m == root->mount)) {
			if (d == m->root || d->parent == NULL) {
				if (m->parent == NULL)
					break;
				d = m->mountpoint;
				m = m->parent;
				continue;
			}
			err = prepend(&b, d->name, d->name_len);
			if (err == 0)
				err = prepend(&b, "/", 1);
			d = d->parent;
		}
		if (err == 0 && b.at == end)
			err = prepend(&b, "/", 1);
	}
	if (err != 0)
		return err;
	len = (size_t)(buf + size - b.at);
	memmove(buf, b.at, len);
	return (int)len - 1;
}
