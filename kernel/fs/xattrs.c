/* SPDX-License-Identifier: MIT */
/* xattrs.c - see xattrs.h. Inodes with extended attributes are few and have few: a list. */
#include <errno.h>
#include <linux/xattr.h>
#include <stdbool.h>

#include "kernel/fs/xattrs.h"
#include "kernel/mm/kmalloc.h"
#include "lib/string.h"

struct xattr {
	struct list link;
	size_t name_len, size;
	char text[]; /* name, NUL, value */
};

static bool is_kept(const char *name)
{
	return strncmp(name, "user.", 5) == 0 || strncmp(name, "trusted.", 8) == 0 ||
	       strncmp(name, "security.", 9) == 0;
}

static struct xattr *find(struct xattrs *const *x, const char *name)
{
	if (*x == NULL)
		return NULL;
	list_for_each (a, &(*x)->all, link, struct xattr) {
		if (strcmp(a->text, name) == 0)
			return a;
	}
	return NULL;
}

int64_t xattrs_get(struct xattrs *const *x, const char *name, void *buf, size_t size)
{
	struct xattr *a;

	if (!is_kept(name))
		return -EOPNOTSUPP;
	a = find(x, name);
	if (a == NULL)
		return -ENODATA;
	if (size > 0 && size < a->size)
		return -ERANGE;
	if (size > 0)
		memcpy(buf, a->text + a->name_len + 1, a->size);
	return (int64_t)a->size;
}

static void drop(struct xattrs *x, struct xattr *a)
{
	x->bytes -= a->name_len + a->size;
	list_remove(&a->link);
	kfree(a);
}

int xattrs_set(struct xattrs **x, const char *name, const void *buf, size_t size, int flags)
{
	size_t len = strlen(name);
	struct xattr *old, *a;

	if (!is_kept(name))
		return -EOPNOTSUPP;
	old = find(x, name);
	if (old != NULL && (flags & XATTR_CREATE))
		return -EEXIST;
	if (old == NULL && (flags & XATTR_REPLACE))
		return -ENODATA;
	if (*x == NULL) {
		*x = kzalloc(sizeof(**x));
		if (*x == NULL)
			return -ENOMEM;
		list_init(&(*x)->all);
	}
	if ((*x)->bytes - (old != NULL ? old->name_len + old->size : 0) + len + size > XATTRS_MAX_BYTES)
		return -ENOSPC;
	a = kmalloc(sizeof(*a) + len + 1 + size);
	if (a == NULL)
		return -ENOMEM;
	a->name_len = len;
	a->size = size;
	memcpy(a->text, name, len + 1);
	if (size > 0)
		memcpy(a->text + len + 1, buf, size);
	if (old != NULL)
		drop(*x, old);
	list_push_back(&(*x)->all, &a->link);
	(*x)->bytes += len + size;
	return 0;
}

int64_t xattrs_list(struct xattrs *const *x, char *buf, size_t size)
{
	size_t used = 0;

	if (*x == NULL)
		return 0;
	list_for_each (a, &(*x)->all, link, struct xattr) {
		size_t n = a->name_len + 1;
		if (size > 0) {
			if (used + n > size)
				return -ERANGE;
			memcpy(buf + used, a->text, n);
		}
		used += n;
	}
	return (int64_t)used;
}

int xattrs_remove(struct xattrs **x, const char *name)
{
	struct xattr *a = find(x, name);

	if (a == NULL)
		return is_kept(name) ? -ENODATA : -EOPNOTSUPP;
	drop(*x, a);
	return 0;
}

void xattrs_free(struct xattrs **x)
{
	if (*x == NULL)
		return;
	list_for_each_safe (a, &(*x)->all, link, struct xattr)
		drop(*x, a);
	kfree(*x);
	*x = NULL;
}
