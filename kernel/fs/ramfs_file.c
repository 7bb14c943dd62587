/* SPDX-License-Identifier: MIT */
/*
 * ramfs_file.c - contents of files in memory: single pages in a radix tree, holes absent.
 * A page is referenced by its file and by each mapping, so it outlives truncation while mapped or being copied.
 * Large writes take their pages from large contiguous blocks: fewer allocations, longer runs for mmap.
 * Invariant: bytes of a page beyond the size of the file are zero (mappings may break it; truncate and write mend it).
 * Lock: inode.lock for writers and changes of size; readers hold a reference on the page they copy.
 */
#include <errno.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fs.h>

#include "kernel/fs/ramfs_priv.h"
#include "kernel/mm/page.h"
#include "kernel/time/clock.h"
#include "lib/string.h"

static pa_t pa_of(void *page)
{
	return virt_to_pa(page);
}

static void drop_page(void *ctx, void *page)
{
	struct ramfs_inode *r = ctx;

	page_unref(pa_of(page), 0);
	r->nr_pages--;
	r->space->used_pages--;
}

static bool range_is_hole(const struct ramfs_inode *r, uint64_t index, uint64_t nr)
{
	uint64_t at = index;

	return pagetree_next(&r->pages, &at) == NULL || at >= index + nr;
}

/*
 * Fills the hole at index with a page, and more of the hole when nr_wanted says that they will be written too.
 * zero: contents must be zero; else they are junk in *all* pages that were added. Returns the number added, or -ENOSPC,
 * -ENOMEM.
 */
static int64_t fill_hole(struct ramfs_inode *r, uint64_t index, uint64_t nr_wanted, bool zero)
{
	unsigned order = 0;
	char *block = NULL;

	if (r->space->used_pages >= r->space->max_pages)
		return -ENOSPC;
	while (order < PAGE_ORDER_MAX && (2ull << order) <= nr_wanted && (index & ((2ull << order) - 1)) == 0)
		order++;
	for (;; order--) {
		uint64_t nr = 1ull << order;
		if (r->space->used_pages + nr <= r->space->max_pages && (order == 0 || range_is_hole(r, index, nr)))
			block = page_alloc(order, (zero ? PAGE_ZERO : 0) | (order == 0 ? PAGE_RECLAIM : 0));
		if (block != NULL || order == 0)
			break;
	}
	if (block == NULL)
		return -ENOSPC; /* as tmpfs says it when memory is out */
	if (order > 0)
		page_split(pa_of(block), order);
	for (uint64_t n = 0; n < 1ull << order; n++) {
		if (pagetree_set(&r->pages, index + n, block + n * PAGE_SIZE) != 0) {
			for (uint64_t left = n; left < 1ull << order; left++)
				page_free(block + left * PAGE_SIZE, 0);
			return n > 0 ? (int64_t)n : -ENOMEM;
		}
		r->nr_pages++;
		r->space->used_pages++;
	}
	return (int64_t)1 << order;
}

static ssize_t file_read(struct file *f, struct uio *uio, int64_t pos)
{
	struct ramfs_inode *r = ramfs_of(f->inode);
	ssize_t done = 0;

	if (!(f->flags & O_NOATIME) && r->atime.sec <= r->mtime.sec)
		r->atime = timestamp_now();
	while (uio->resid > 0 && (uint64_t)pos < r->i.size) {
		size_t off = (size_t)pos & (PAGE_SIZE - 1);
		size_t n = MIN(MIN(PAGE_SIZE - off, uio->resid), r->i.size - (uint64_t)pos);
		char *page = pagetree_get(&r->pages, (uint64_t)pos >> PAGE_SHIFT);
		ssize_t moved;

		if (page == NULL) {
			moved = uio_zero(n, uio);
		} else {
			page_ref(pa_of(page));
			moved = uio_move(page + off, n, uio);
			page_unref(pa_of(page), 0);
		}
		if (moved < 0)
			return done > 0 ? done : moved;
		done += moved;
		pos += moved;
		if ((size_t)moved < n)
			break;
	}
	return done;
}

/* One step of a write: within the page at pos. */
static ssize_t write_page(struct ramfs_inode *r, struct uio *uio, int64_t pos)
{
	uint64_t index = (uint64_t)pos >> PAGE_SHIFT;
	size_t off = (size_t)pos & (PAGE_SIZE - 1);
	size_t n = MIN(PAGE_SIZE - off, uio->resid);
	char *page = pagetree_get(&r->pages, index);
	ssize_t moved;

	if (page == NULL) {
		int64_t added = fill_hole(r, index, (off + uio->resid) >> PAGE_SHIFT, true);
		if (added < 0)
			return added;
		page = pagetree_get(&r->pages, index);
	}
	page_ref(pa_of(page));
	moved = uio_move(page + off, n, uio);
	page_unref(pa_of(page), 0);
	return moved;
}

static ssize_t file_write(struct file *f, struct uio *uio, int64_t pos)
{
	struct ramfs_inode *r = ramfs_of(f->inode);
	ssize_t done = 0;

	if (uio->resid == 0)
		return 0;
	mutex_lock(&r->i.lock);
	if (f->flags & O_APPEND)
		pos = (int64_t)r->i.size;
	while (uio->resid > 0) {
		ssize_t moved = write_page(r, uio, pos);
		if (moved <= 0) {
			if (done == 0)
				done = moved;
			break;
		}
		done += moved;
		pos += moved;
		if ((uint64_t)pos > r->i.size)
			r->i.size = (uint64_t)pos;
	}
	if (done > 0)
		r->mtime = r->ctime = timestamp_now();
	mutex_unlock(&r->i.lock);
	return done;
}

static int64_t file_seek(struct file *f, int64_t off, int whence)
{
	struct ramfs_inode *r = ramfs_of(f->inode);
	uint64_t index = (uint64_t)off >> PAGE_SHIFT;

	if (off < 0 || (uint64_t)off >= r->i.size)
		return -ENXIO;
	if (whence == SEEK_DATA) {
		if (pagetree_next(&r->pages, &index) == NULL || index << PAGE_SHIFT >= r->i.size)
			return -ENXIO;
		return MAX(off, (int64_t)(index << PAGE_SHIFT));
	}
	while (index << PAGE_SHIFT < r->i.size && pagetree_get(&r->pages, index) != NULL)
		index++;
	return MIN(MAX(off, (int64_t)(index << PAGE_SHIFT)), (int64_t)r->i.size);
}

static int file_map(struct file *f, uint64_t pgoff, size_t nr, bool write, struct page_run *run)
{
	struct ramfs_inode *r = ramfs_of(f->inode);
	uint64_t nr_file = (r->i.size + PAGE_SIZE - 1) >> PAGE_SHIFT;
	char *page;

	(void)write;
	if (pgoff >= nr_file)
		return -ENXIO;
	page = pagetree_get(&r->pages, pgoff);
	if (page == NULL) {
		int64_t added = fill_hole(r, pgoff, MIN(nr, nr_file - pgoff), true);
		if (added < 0)
			return (int)added;
		page = pagetree_get(&r->pages, pgoff);
	}
	run->pa = pa_of(page);
	run->nr = 1;
	run->counted = true;
	run->writable = true;
	while (run->nr < nr && pagetree_get(&r->pages, pgoff + run->nr) == page + run->nr * PAGE_SIZE)
		run->nr++;
	return 0;
}

static void zero_bytes(struct ramfs_inode *r, uint64_t start, uint64_t end)
{
	while (start < end) {
		char *page = pagetree_get(&r->pages, start >> PAGE_SHIFT);
		uint64_t off = start & (PAGE_SIZE - 1);
		uint64_t n = MIN(PAGE_SIZE - off, end - start);
		if (page != NULL)
			memset(page + off, 0, n);
		start += n;
	}
}

/* Pages that nobody maps go; mapped ones are zeroed in place, so that the mappings see the hole too. */
static void punch(struct ramfs_inode *r, uint64_t start, uint64_t end)
{
	uint64_t first = (start + PAGE_SIZE - 1) >> PAGE_SHIFT, last = end >> PAGE_SHIFT;

	if (first >= last) {
		zero_bytes(r, start, end);
		return;
	}
	zero_bytes(r, start, first << PAGE_SHIFT);
	zero_bytes(r, last << PAGE_SHIFT, end);
	for (uint64_t at = first;; at++) {
		char *page = pagetree_next(&r->pages, &at);
		if (page == NULL || at >= last)
			return;
		if (page_refcount(pa_of(page)) == 1)
			pagetree_remove(&r->pages, at, at, drop_page, r);
		else
			memset(page, 0, PAGE_SIZE);
	}
}

static int allocate(struct ramfs_inode *r, uint64_t start, uint64_t end)
{
	uint64_t last = (end + PAGE_SIZE - 1) >> PAGE_SHIFT;

	if (last - (start >> PAGE_SHIFT) > r->space->max_pages)
		return -ENOSPC;
	for (uint64_t at = start >> PAGE_SHIFT; at < last; at++) {
		if (pagetree_get(&r->pages, at) == NULL) {
			int64_t added = fill_hole(r, at, last - at, true);
			if (added < 0)
				return (int)added;
		}
	}
	return 0;
}

static int file_fallocate(struct file *f, int mode, int64_t off, int64_t len)
{
	struct ramfs_inode *r = ramfs_of(f->inode);
	uint64_t start = (uint64_t)off, end = start + (uint64_t)len;
	int err = 0;

	mutex_lock(&r->i.lock);
	if (mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		punch(r, start, MIN(end, ALIGN_UP(r->i.size, PAGE_SIZE)));
	else if (mode == 0 || mode == FALLOC_FL_KEEP_SIZE)
		err = allocate(r, start, end);
	else
		err = -EOPNOTSUPP;
	if (err == 0 && mode == 0 && end > r->i.size)
		r->i.size = end;
	if (err == 0)
		r->mtime = r->ctime = timestamp_now();
	mutex_unlock(&r->i.lock);
	return err;
}

static int file_fsync(struct file *f, bool data_only)
{
	(void)f;
	(void)data_only;
	return 0;
}

int ramfs_file_truncate(struct ramfs_inode *r, uint64_t size)
{
	if (size < r->i.size) {
		pagetree_remove(&r->pages, (size + PAGE_SIZE - 1) >> PAGE_SHIFT, UINT64_MAX >> PAGE_SHIFT, drop_page,
				r);
		zero_bytes(r, size, ALIGN_UP(size, PAGE_SIZE));
	}
	r->i.size = size;
	return 0;
}

void ramfs_file_free(struct ramfs_inode *r)
{
	pagetree_remove(&r->pages, 0, UINT64_MAX >> PAGE_SHIFT, drop_page, r);
}

const struct file_ops ramfs_file_ops = {
	.read = file_read,
	.write = file_write,
	.seek = file_seek,
	.map = file_map,
	.fsync = file_fsync,
	.fallocate = file_fallocate,
};
