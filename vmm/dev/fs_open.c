/* SPDX-License-Identifier: MIT */
/* fs_open.c - see fs_open.h. */
#include "vmm/dev/fs_open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/hostfs.h"

#define NO_ENTRY UINT32_MAX

int fs_opens_init(struct fs_opens *t, uint32_t max)
{
	*t = (struct fs_opens){.max = max, .free_head = NO_ENTRY};
	t->proc_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (t->proc_fd < 0)
		return -errno;
	pthread_mutex_init(&t->lock, NULL);
	return 0;
}

void fs_opens_fini(struct fs_opens *t)
{
	for (uint32_t i = 0; i < t->nr; i++)
		if (t->table[i].fd >= 0)
			close(t->table[i].fd);
	free(t->table);
	close(t->proc_fd);
	pthread_mutex_destroy(&t->lock);
}

bool fs_opens_have_room(const struct fs_opens *t)
{
	return t->free_head != NO_ENTRY || t->nr < t->max;
}

/* A free entry's index, or -errno. Lock held. */
static int64_t entry_alloc(struct fs_opens *t)
{
	uint32_t i = t->free_head;

	if (i != NO_ENTRY) {
		t->free_head = t->table[i].next_free;
		return i;
	}
	if (t->nr >= t->max)
		return -ENFILE;
	if ((t->nr & (t->nr - 1)) == 0) { /* a power of two: the allocation is full */
		struct fs_open *bigger = realloc(t->table, (t->nr == 0 ? 1 : 2 * (size_t)t->nr) * sizeof(*bigger));

		if (bigger == NULL)
			return -ENOMEM;
		t->table = bigger;
	}
	t->table[t->nr] = (struct fs_open){.generation = 1};
	return t->nr++;
}

int fs_open_add(struct fs_opens *t, int fd, const struct fs_open *like, uint64_t *fh)
{
	int64_t i;

	pthread_mutex_lock(&t->lock);
	i = entry_alloc(t);
	if (i >= 0) {
		uint32_t generation = t->table[i].generation;

		t->table[i] = *like;
		t->table[i].fd = fd;
		t->table[i].generation = generation;
		*fh = (uint64_t)generation << 32 | (uint64_t)i;
	}
	pthread_mutex_unlock(&t->lock);
	if (i < 0)
		close(fd);
	return i < 0 ? (int)i : 0;
}

struct fs_open *fs_open_find(struct fs_opens *t, uint64_t fh)
{
	uint64_t real = fh == CAY_HOSTFS_FH_LAST ? t->last : fh;
	uint32_t i = (uint32_t)real;

	if (i >= t->nr || t->table[i].fd < 0 || t->table[i].generation != real >> 32)
		return NULL;
	return &t->table[i];
}

int fs_open_remove(struct fs_opens *t, uint64_t fh)
{
	struct fs_open *o;
	int fd = -1;

	pthread_mutex_lock(&t->lock);
	o = fs_open_find(t, fh);
	if (o != NULL) {
		fd = o->fd;
		o->fd = -1;
		if (++o->generation == 0)
			o->generation = 1;
		o->next_free = t->free_head;
		t->free_head = (uint32_t)(o - t->table);
	}
	pthread_mutex_unlock(&t->lock);
	if (fd < 0)
		return -EBADF;
	close(fd);
	return 0;
}

int fs_open_dup(struct fs_opens *t, uint64_t fh, bool need_write)
{
	struct fs_open *o;
	int fd = -EBADF;

	pthread_mutex_lock(&t->lock);
	o = fh == CAY_HOSTFS_FH_LAST ? NULL : fs_open_find(t, fh);
	if (o != NULL && !o->is_dir && (o->writable || !need_write)) {
		fd = fcntl(o->fd, F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			fd = -errno;
	}
	pthread_mutex_unlock(&t->lock);
	return fd;
}

void fs_proc_name(int fd, char name[FS_PROC_NAME_BYTES])
{
	snprintf(name, FS_PROC_NAME_BYTES, "%d", fd);
}

int fs_reopen_file(struct fs_opens *t, const struct fs_node *n, int path_fd, int flags)
{
	char name[FS_PROC_NAME_BYTES];
	int fd;

	if (n->type == S_IFDIR)
		return -EISDIR;
	if (n->type == S_IFLNK)
		return -ELOOP;
	if (n->type != S_IFREG)
		return -ENXIO;
	fs_proc_name(path_fd, name);
	fd = openat(t->proc_fd, name, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return fd >= 0 ? fd : -errno;
}
