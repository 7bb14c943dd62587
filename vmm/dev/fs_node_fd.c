/* SPDX-License-Identifier: MIT */
/* fs_node_fd.c - how a node is reached on the host: its cached or temporary O_PATH descriptor. See fs_node.h. */
#include "vmm/dev/fs_node_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

/* One component, never a symlink, never upwards, never through a magic link. Mount points below a share are fine. */
static int open_component(int dirfd, const char *name)
{
	struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	do {
		fd = syscall(SYS_openat2, dirfd, name, &how, sizeof(how));
	} while (fd < 0 && errno == EAGAIN); /* a rename elsewhere disturbed the walk */
	return fd >= 0 ? (int)fd : -errno;
}

static bool is_same(const struct fs_node *n, const struct stat *st)
{
	return n->ino == st->st_ino && n->dev == st->st_dev && n->type == (st->st_mode & S_IFMT);
}

/* The child n of an open folder, if it still is what n stands for. */
static int open_checked(int dirfd, const struct fs_node *n)
{
	struct stat st;
	int fd = open_component(dirfd, n->name);

	if (fd < 0)
		return fd == -ENOENT ? -ESTALE : fd;
	if (fstatat(fd, "", &st, AT_EMPTY_PATH) != 0 || !is_same(n, &st)) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}

void fs_node_close(struct fs_nodes *t, struct fs_node *n)
{
	if (n->fd < 0)
		return;
	close(n->fd);
	n->fd = -1;
	if (n->orphan) {
		n->orphan = false;
		t->nr_orphans--;
	} else if (!n->root) {
		list_remove(&n->lru);
		t->nr_fds--;
	}
}

static void cache_fd(struct fs_nodes *t, struct fs_node *n, int fd)
{
	if (t->nr_fds >= FS_NODE_FDS_MAX)
		fs_node_close(t, container_of(t->lru.prev, struct fs_node, lru));
	n->fd = fd;
	list_push_front(&t->lru, &n->lru);
	t->nr_fds++;
}

int fs_node_dirfd(struct fs_nodes *t, struct fs_node *n)
{
	struct fs_node *chain[FS_DEPTH_MAX];
	unsigned depth = 0;
	int fd;

	if (n->type != S_IFDIR)
		return -ENOTDIR;
	for (struct fs_node *up = n; up->fd < 0; up = up->parent) {
		if (up->parent == NULL || depth == FS_DEPTH_MAX)
			return -ESTALE;
		chain[depth++] = up;
	}
	while (depth-- > 0) {
		fd = open_checked(chain[depth]->parent->fd, chain[depth]);
		if (fd < 0)
			return fd;
		cache_fd(t, chain[depth], fd);
	}
	if (!list_empty(&n->lru)) {
		list_remove(&n->lru);
		list_push_front(&t->lru, &n->lru);
	}
	return n->fd;
}

int fs_node_open_path(struct fs_nodes *t, struct fs_node *n)
{
	int fd;

	if (n->fd >= 0) {
		fd = fcntl(n->fd, F_DUPFD_CLOEXEC, 0);
		return fd >= 0 ? fd : -errno;
	}
	if (n->parent == NULL)
		return -ESTALE;
	fd = fs_node_dirfd(t, n->parent);
	return fd >= 0 ? open_checked(fd, n) : fd;
}

int fs_node_stat(struct fs_nodes *t, struct fs_node *n, struct stat *st)
{
	int fd;

	if (n->fd >= 0)
		return fstatat(n->fd, "", st, AT_EMPTY_PATH) == 0 ? 0 : -errno;
	if (n->parent == NULL)
		return -ESTALE;
	fd = fs_node_dirfd(t, n->parent);
	if (fd < 0)
		return fd;
	if (fstatat(fd, n->name, st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0)
		return errno == ENOENT ? -ESTALE : -errno;
	return is_same(n, st) ? 0 : -ESTALE;
}

int fs_node_orphan(struct fs_nodes *t, struct fs_node *n)
{
	int fd = n->fd;

	if (n->orphan || n->root)
		return 0;
	if (t->nr_orphans >= FS_NODE_ORPHANS_MAX)
		return -ENFILE;
	if (fd >= 0) {
		list_remove(&n->lru);
		t->nr_fds--;
	} else {
		fd = fs_node_open_path(t, n);
		if (fd < 0)
			return fd;
	}
	n->fd = fd;
	n->orphan = true;
	t->nr_orphans++;
	return 0;
}

void fs_node_adopt(struct fs_nodes *t, struct fs_node *n)
{
	fs_node_close(t, n);
}
