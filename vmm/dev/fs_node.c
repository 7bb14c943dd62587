/* SPDX-License-Identifier: MIT */
/* fs_node.c - see fs_node.h: numbers, identity, names and lifetime of nodes. Their descriptors: fs_node_fd.c. */
#include "vmm/dev/fs_node.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/dev/fs_node_fd.h"

#define HASH_MIN 256u

int fs_nodes_init(struct fs_nodes *t)
{
	*t = (struct fs_nodes){.hash_mask = HASH_MIN - 1, .max_nodes = FS_NODES_MAX};
	list_init(&t->lru);
	t->hash = calloc(HASH_MIN, sizeof(struct fs_node *));
	return t->hash != NULL ? 0 : -ENOMEM;
}

void fs_nodes_fini(struct fs_nodes *t)
{
	for (uint32_t i = 0; i < t->nr_index; i++) {
		struct fs_node *n = t->by_index[i];

		if (n == NULL)
			continue;
		if (n->fd >= 0)
			close(n->fd);
		free(n->name);
		free(n);
	}
	free(t->by_index);
	free(t->free_index);
	free(t->hash);
}

static struct fs_node **hash_slot(struct fs_nodes *t, uint64_t dev, uint64_t ino)
{
	uint64_t h = (ino ^ dev << 32) * 0x9e3779b97f4a7c15ull;

	return &t->hash[(h >> 32) & t->hash_mask];
}

/* Failure to grow only makes the chains longer. */
static void hash_grow(struct fs_nodes *t)
{
	uint32_t old_size = t->hash_mask + 1;
	struct fs_node **old = t->hash, **bigger = calloc(2 * (size_t)old_size, sizeof(*bigger));

	if (bigger == NULL)
		return;
	t->hash = bigger;
	t->hash_mask = 2 * old_size - 1;
	for (uint32_t i = 0; i < old_size; i++) {
		for (struct fs_node *n = old[i], *next; n != NULL; n = next) {
			struct fs_node **slot = hash_slot(t, n->dev, n->ino);

			next = n->hash_next;
			n->hash_next = *slot;
			*slot = n;
		}
	}
	free(old);
}

static void hash_insert(struct fs_nodes *t, struct fs_node *n)
{
	struct fs_node **slot;

	if (t->nr_nodes > t->hash_mask)
		hash_grow(t);
	slot = hash_slot(t, n->dev, n->ino);
	n->hash_next = *slot;
	*slot = n;
	n->hashed = true;
}

static void hash_remove(struct fs_nodes *t, struct fs_node *n)
{
	struct fs_node **p = hash_slot(t, n->dev, n->ino);

	if (!n->hashed)
		return;
	while (*p != n)
		p = &(*p)->hash_next;
	*p = n->hash_next;
	n->hashed = false;
}

static struct fs_node *node_by_stat(struct fs_nodes *t, uint16_t share, const struct stat *st)
{
	struct fs_node *n = *hash_slot(t, st->st_dev, st->st_ino);

	while (n != NULL && (n->ino != st->st_ino || n->dev != st->st_dev || n->share != share))
		n = n->hash_next;
	return n;
}

uint64_t fs_node_id(const struct fs_node *n)
{
	return (uint64_t)n->generation << 32 | (n->id_index + FUSE_ROOT_ID);
}

struct fs_node *fs_node_find(struct fs_nodes *t, uint64_t id)
{
	uint32_t index = (uint32_t)id - FUSE_ROOT_ID;
	struct fs_node *n = index < t->nr_index ? t->by_index[index] : NULL;

	return n != NULL && n->generation == id >> 32 ? n : NULL;
}

static int index_grow(struct fs_nodes *t)
{
	uint32_t cap = t->cap_index == 0 ? 64 : 2 * t->cap_index;
	struct fs_node **by_index = realloc(t->by_index, cap * sizeof(*by_index));
	uint32_t *free_index;

	if (by_index == NULL)
		return -ENOMEM;
	t->by_index = by_index;
	free_index = realloc(t->free_index, cap * sizeof(*free_index));
	if (free_index == NULL)
		return -ENOMEM;
	t->free_index = free_index;
	t->cap_index = cap;
	return 0;
}

static struct fs_node *node_create(struct fs_nodes *t, uint16_t share, const struct stat *st, int *err)
{
	struct fs_node *n;

	*err = -ENFILE;
	if (!fs_nodes_have_room(t))
		return NULL;
	*err = -ENOMEM;
	if (t->nr_free == 0 && t->nr_index == t->cap_index && index_grow(t) != 0)
		return NULL;
	n = calloc(1, sizeof(*n));
	if (n == NULL)
		return NULL;
	n->id_index = t->nr_free != 0 ? t->free_index[--t->nr_free] : t->nr_index++;
	n->dev = st->st_dev;
	n->ino = st->st_ino;
	n->type = st->st_mode & S_IFMT;
	n->share = share;
	n->fd = -1;
	list_init(&n->lru);
	t->by_index[n->id_index] = n;
	t->nr_nodes++;
	hash_insert(t, n);
	*err = 0;
	return n;
}

int fs_node_add_root(struct fs_nodes *t, uint16_t share, int fd, const struct stat *st)
{
	int err;
	struct fs_node *n = node_create(t, share, st, &err);

	if (n == NULL)
		return err;
	/* A root is reached by its number only. */
	hash_remove(t, n);
	n->root = true;
	n->fd = fd;
	return 0;
}

static void node_unname(struct fs_nodes *t, struct fs_node *n)
{
	struct fs_node *parent = n->parent;

	n->parent = NULL;
	free(n->name);
	n->name = NULL;
	if (parent != NULL) {
		parent->children--;
		fs_node_forget(t, parent, 0);
	}
}

/* Frees the node when nothing needs it, then its parents likewise: a loop, because a path may be long. */
void fs_node_forget(struct fs_nodes *t, struct fs_node *n, uint64_t nr)
{
	n->lookups -= MIN(nr, n->lookups);
	while (n != NULL && n->lookups == 0 && n->children == 0 && n->holds == 0 && !n->root) {
		struct fs_node *parent = n->parent;

		hash_remove(t, n);
		fs_node_close(t, n);
		t->by_index[n->id_index] = NULL;
		t->free_index[t->nr_free++] = n->id_index;
		t->nr_nodes--;
		free(n->name);
		free(n);
		if (parent != NULL)
			parent->children--;
		n = parent;
	}
}

void fs_node_hold(struct fs_node *n)
{
	n->holds++;
}

void fs_node_release(struct fs_nodes *t, struct fs_node *n)
{
	n->holds--;
	fs_node_forget(t, n, 0);
}

/* Is `inner` below `outer`, or the same? The chain may be stale; a loop in it is prevented by asking this first. */
static bool is_inside(const struct fs_node *inner, const struct fs_node *outer)
{
	while (inner != NULL && inner != outer)
		inner = inner->parent;
	return inner != NULL;
}

static int node_name(struct fs_nodes *t, struct fs_node *n, struct fs_node *dir, const char *name)
{
	char *copy;

	if (n->parent == dir && strcmp(n->name, name) == 0)
		return 0;
	if (n == dir || (n->children != 0 && is_inside(dir, n)))
		return -ESTALE;
	copy = strdup(name);
	if (copy == NULL)
		return -ENOMEM;
	dir->children++;
	node_unname(t, n);
	if (n->orphan)
		fs_node_adopt(t, n);
	n->parent = dir;
	n->name = copy;
	return 0;
}

int fs_node_enter(struct fs_nodes *t, struct fs_node *dir, const char *name, const struct stat *st,
		  struct fs_node **out)
{
	struct fs_node *n = node_by_stat(t, dir->share, st);
	int err;

	/* The inode number was given to something else: the old node keeps its own number only. */
	if (n != NULL && n->type != (st->st_mode & S_IFMT)) {
		hash_remove(t, n);
		n = NULL;
	}
	if (n == NULL) {
		n = node_create(t, dir->share, st, &err);
		if (n == NULL)
			return err;
		/* Node numbers are reused: a generation tells an old number from a new one. Roots have generation 0. */
		if (++t->generation == 0)
			t->generation = 1;
		n->generation = t->generation;
	}
	err = node_name(t, n, dir, name);
	if (err != 0) {
		fs_node_forget(t, n, 0);
		return err;
	}
	*out = n;
	return 0;
}

/* The node of what has this name on the host now, or NULL. */
static struct fs_node *node_behind(struct fs_nodes *t, struct fs_node *dir, const char *name)
{
	struct stat st;
	int dirfd = fs_node_dirfd(t, dir);

	if (dirfd < 0 || fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0)
		return NULL;
	return node_by_stat(t, dir->share, &st);
}

void fs_node_detach(struct fs_nodes *t, struct fs_node *dir, const char *name)
{
	struct fs_node *n = node_behind(t, dir, name);

	if (n == NULL || n->parent != dir || strcmp(n->name, name) != 0)
		return;
	if (fs_node_orphan(t, n) == 0)
		node_unname(t, n);
}

void fs_node_renamed(struct fs_nodes *t, struct fs_node *dir, const char *name)
{
	struct fs_node *n = node_behind(t, dir, name);

	if (n != NULL && node_name(t, n, dir, name) != 0)
		node_unname(t, n); /* reached by no name: -ESTALE until the guest looks it up again */
}
