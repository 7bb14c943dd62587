/* SPDX-License-Identifier: MIT */
/*
 * window.c - see window.h. Mappings are kept in an array sorted by place: few and rarely changed.
 * Pages are not filled in ahead (MAP_POPULATE): the guest's first touch costs 4.5 us either way, because KVM's own
 * fault takes 16 pages from the page cache at once, and 64 MiB ahead would cost 2 ms.
 */
#include "vmm/core/window.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE_BYTES 4096ull
/* Places and lengths of big files are such that the guest can use huge pages in its own tables. */
#define HUGE_BYTES 0x200000ull
struct window_map {
	uint64_t at, bytes;
	bool writable;
};

struct window {
	pthread_mutex_t lock;
	uint8_t *hva;
	uint64_t bytes;
	uint64_t next; /* where to look first */
	const struct window_mirror *mirror;
	struct window_map *map;
	unsigned nr, cap;
};

struct window *window_create(uint8_t *hva, uint64_t bytes, const struct window_mirror *mirror)
{
	struct window *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->hva = hva;
	w->bytes = bytes;
	w->mirror = mirror;
	pthread_mutex_init(&w->lock, NULL);
	return w;
}

void window_destroy(struct window *w)
{
	if (w == NULL)
		return;
	pthread_mutex_destroy(&w->lock);
	free(w->map);
	free(w);
}

/* Index of the first mapping at or behind `at`. */
static unsigned first_from(const struct window *w, uint64_t at)
{
	unsigned lo = 0, hi = w->nr;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (w->map[mid].at < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/*
 * A gap of `bytes` in [from, window's end), aligned, with a page free between it and its neighbours; its place, or
 * UINT64_MAX. *index: where it goes in the array.
 */
static uint64_t find_gap(const struct window *w, uint64_t from, uint64_t bytes, uint64_t align, unsigned *index)
{
	unsigned i = first_from(w, from);
	uint64_t at = from, need = bytes + PAGE_BYTES;

	if (i > 0)
		at = MAX(at, w->map[i - 1].at + w->map[i - 1].bytes + PAGE_BYTES);
	for (;; i++) {
		uint64_t end = i < w->nr ? w->map[i].at : w->bytes + PAGE_BYTES;

		at = ALIGN_UP(at, align);
		if (at <= end && need <= end - at) {
			*index = i;
			return at;
		}
		if (i >= w->nr)
			return UINT64_MAX;
		at = w->map[i].at + w->map[i].bytes + PAGE_BYTES;
	}
}

static int insert(struct window *w, unsigned index, uint64_t at, uint64_t bytes, bool writable)
{
	if (w->nr >= WINDOW_MAPPINGS_MAX)
		return -ENOSPC;
	if (w->nr == w->cap) {
		unsigned cap = w->cap == 0 ? 64 : 2 * w->cap;
		struct window_map *bigger = realloc(w->map, cap * sizeof(*bigger));

		if (bigger == NULL)
			return -ENOMEM;
		w->map = bigger;
		w->cap = cap;
	}
	memmove(&w->map[index + 1], &w->map[index], (w->nr - index) * sizeof(w->map[0]));
	w->map[index] = (struct window_map){at, bytes, writable};
	w->nr++;
	return 0;
}

static void remove_at(struct window *w, unsigned index)
{
	w->nr--;
	memmove(&w->map[index], &w->map[index + 1], (w->nr - index) * sizeof(w->map[0]));
}

/* Anonymous pages in place of a file's. */
static int reserve(struct window *w, uint64_t at, uint64_t bytes, int prot)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;

	return mmap(w->hva + at, bytes, prot, flags, -1, 0) == MAP_FAILED ? -errno : 0;
}

static int64_t map_locked(struct window *w, int fd, uint64_t offset, uint64_t bytes, bool writable)
{
	int prot = PROT_READ | (writable ? PROT_WRITE : 0);
	uint64_t align = bytes >= HUGE_BYTES ? HUGE_BYTES : PAGE_BYTES, at;
	unsigned index;
	int err;

	at = find_gap(w, w->next, bytes, align, &index);
	if (at == UINT64_MAX)
		at = find_gap(w, 0, bytes, align, &index);
	if (at == UINT64_MAX)
		return -ENOSPC;
	err = insert(w, index, at, bytes, writable);
	if (err != 0)
		return err;
	if (mmap(w->hva + at, bytes, prot, MAP_SHARED | MAP_FIXED, fd, (off_t)offset) == MAP_FAILED) {
		err = -errno;
		remove_at(w, index);
		return err;
	}
	if (w->mirror != NULL) {
		err = w->mirror->map(w->mirror->ctx, at, bytes, fd, offset, writable);
		if (err != 0) {
			(void)reserve(w, at, bytes, PROT_NONE);
			remove_at(w, index);
			return err;
		}
	}
	w->next = at + bytes;
	return (int64_t)at;
}

int64_t window_map(struct window *w, int fd, uint64_t offset, uint64_t bytes, bool writable)
{
	int64_t at;

	if (bytes == 0 || bytes > w->bytes || (bytes | offset) % PAGE_BYTES != 0 || offset > (1ull << 62))
		return -EINVAL;
	pthread_mutex_lock(&w->lock);
	at = map_locked(w, fd, offset, bytes, writable);
	pthread_mutex_unlock(&w->lock);
	return at;
}

int window_unmap(struct window *w, uint64_t at, uint64_t bytes)
{
	unsigned i;
	int err = -EINVAL;

	pthread_mutex_lock(&w->lock);
	i = first_from(w, at);
	if (i < w->nr && w->map[i].at == at && w->map[i].bytes == bytes) {
		err = reserve(w, at, bytes, PROT_NONE);
		if (err == 0)
			remove_at(w, i);
		if (err == 0 && w->mirror != NULL)
			err = w->mirror->unmap(w->mirror->ctx, at, bytes);
	}
	pthread_mutex_unlock(&w->lock);
	return err;
}

/* Can the host give the guest [at, at + bytes)? Pages are filled in on the way. */
static bool is_backed(const struct window *w, uint64_t at, uint64_t bytes)
{
	return madvise(w->hva + at, bytes, MADV_POPULATE_READ) == 0 || errno != EFAULT;
}

/* The first page of the mapping that is beyond the file's end, or its end. A file's pages are there up to some page. */
static uint64_t backed_end(const struct window *w, const struct window_map *m)
{
	uint64_t lo = m->at, hi = m->at + m->bytes;

	if (is_backed(w, hi - PAGE_BYTES, PAGE_BYTES))
		return hi;
	while (lo < hi) {
		uint64_t mid = ALIGN_DOWN(lo + (hi - lo) / 2, PAGE_BYTES);

		if (is_backed(w, mid, PAGE_BYTES))
			lo = mid + PAGE_BYTES;
		else
			hi = mid;
	}
	return lo;
}

bool window_is_short(struct window *w)
{
	bool found = false;

	pthread_mutex_lock(&w->lock);
	for (unsigned i = 0; i < w->nr && !found; i++)
		found = backed_end(w, &w->map[i]) != w->map[i].at + w->map[i].bytes;
	pthread_mutex_unlock(&w->lock);
	return found;
}

uint64_t window_mend(struct window *w)
{
	uint64_t mended = 0;

	pthread_mutex_lock(&w->lock);
	for (unsigned i = 0; i < w->nr; i++) {
		const struct window_map *m = &w->map[i];
		uint64_t end = backed_end(w, m), bytes = m->at + m->bytes - end;
		int prot = PROT_READ | (m->writable ? PROT_WRITE : 0);

		if (bytes == 0 || reserve(w, end, bytes, prot) != 0)
			continue;
		if (w->mirror == NULL || w->mirror->zero(w->mirror->ctx, end, bytes, m->writable) == 0)
			mended += bytes / PAGE_BYTES;
	}
	pthread_mutex_unlock(&w->lock);
	return mended;
}
