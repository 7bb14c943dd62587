/* SPDX-License-Identifier: MIT */
/*
 * ramfs_file.c - contents of files in memory: single pages in a radix tree, holes absent.
 * A page is referenced by its file and by each mapping, so it outlives truncation while mapped or being copied.
 * Large writes take their pages from large contiguous blocks: fewer allocations, longer runs for mmap.
 * Invariant: bytes of a page beyond the size of the file are zero (mappings may break it; truncate and write mend it).
 * Locks: reading and writing need no kernel lock. inode.lock, which sleeps, keeps writers and changes of size apart;
 * the inode's spin lock is over the tree and the times, and whoever copies a page has a reference to it from under that
 * lock. Taking pages away (truncation, holes) and mapping them exclude each other by the kernel lock.
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

static bool space_take(struct ramfs_space *s, uint64_t nr)
{
	bool fits;

	spin_lock(&s->lock);
	fits = nr <= s->max_pages && s->used_pages <= s->max_pages - nr;
	if (fits)
		s->used_pages += nr;
	spin_unlock(&s->lock);
	return fits;
}

static void space_give(struct ramfs_space *s, uint64_t nr)
{
	spin_lock(&s->lock);
	s->used_pages -= nr;
	spin_unlock(&s->lock);
}

static void drop_page(void *ctx, void *page)
{
	struct ramfs_inode *r = ctx;

	page_unref(pa_of(page), 0);
	r->nr_pages--;
	space_give(r->space, 1);
}

/* With a reference, or NULL. */
static char *page_get(struct ramfs_inode *r, uint64_t index)
{
	char *page;

	spin_lock(&r->lock);
	page = pagetree_get(&r->pages, index);
	if (page != NULL)
		page_ref(pa_of(page));
	spin_unlock(&r->lock);
	return page;
}

/* For those who have the kernel lock: the page stays without a reference. */
static char *page_at(struct ramfs_inode *r, uint64_t index)
{
	char *page;

	spin_lock(&r->lock);
	page = pagetree_get(&r->pages, index);
	spin_unlock(&r->lock);
	return page;
}

/* Lock: r's spin lock. */
static bool range_is_hole(const struct ramfs_inode *r, uint64_t index, uint64_t nr)
{
	uint64_t at = index;

	return pagetree_next(&r->pages, &at) == NULL || at >= index + nr;
}

/* Enters the pages of a block into the tree. The number entered: 0 if others were quicker, -ENOMEM. */
static int64_t enter_block(struct ramfs_inode *r, uint64_t index, char *block, uint64_t nr)
{
	uint64_t n = 0;
	int err = 0;

	spin_lock(&r->lock);
	if (range_is_hole(r, index, nr)) {
		while (n < nr && err == 0) {
			err = pagetree_set(&r->pages, index + n, block + n * PAGE_SIZE);
			n += err == 0;
		}
		r->nr_pages += n;
	}
	spin_unlock(&r->lock);
	return n > 0 ? (int64_t)n : err;
}

/* How large a block may be: as nr_wanted, the place in the file and the hole allow. */
static unsigned order_for(struct ramfs_inode *r, uint64_t index, uint64_t nr_wanted)
{
	unsigned order = 0;

	while (order < PAGE_ORDER_MAX && (2ull << order) <= nr_wanted && (index & ((2ull << order) - 1)) == 0)
		order++;
	if (order == 0)
		return 0;
	spin_lock(&r->lock);
	while (order > 0 && !range_is_hole(r, index, 1ull << order))
		order--;
	spin_unlock(&r->lock);
	return order;
}

/*
 * Fills the hole at index with a page of zeros, and more of the hole when nr_wanted says that they will be used too.
 * Returns the number added, which is 0 if somebody else filled it meanwhile; -ENOSPC, -ENOMEM.
 */
static int64_t fill_hole(struct ramfs_inode *r, uint64_t index, uint64_t nr_wanted)
{
	unsigned order = order_for(r, index, nr_wanted);
	char *block = NULL;
	int64_t added;

	for (;; order--) {
		if (space_take(r->space, 1ull << order)) {
			block = page_alloc(order, PAGE_ZERO | (order == 0 ? PAGE_RECLAIM : 0));
			if (block != NULL)
				break;
			space_give(r->space, 1ull << order);
		}
		if (order == 0)
			return -ENOSPC; /* as tmpfs says it when memory is out, too */
	}
	if (order > 0)
		page_split(pa_of(block), order);
	added = enter_block(r, index, block, 1ull << order);
	for (uint64_t n = (uint64_t)MAX(added, (int64_t)0); n < 1ull << order; n++) {
		page_free(block + n * PAGE_SIZE, 0);
		space_give(r->space, 1);
	}
	return added;
}

/* The page at index, made if there is none, with a reference; nr_wanted as above. NULL: *err. */
static char *page_make(struct ramfs_inode *r, uint64_t index, uint64_t nr_wanted, int *err)
{
	char *page;

	while ((page = page_get(r, index)) == NULL) {
		int64_t added = fill_hole(r, index, nr_wanted);

		if (added < 0) {
			*err = (int)added;
			return NULL;
		}
	}
	return page;
}

static void set_size(struct ramfs_inode *r, uint64_t size)
{
	WRITE_ONCE(r->i.size, size);
}

/* Read, as relatime has it. */
static void note_read(struct ramfs_inode *r)
{
	if (r->atime.sec > r->mtime.sec)
		return;
	spin_lock(&r->lock);
	r->atime = timestamp_now();
	spin_unlock(&r->lock);
}

static void note_change(struct ramfs_inode *r)
{
	spin_lock(&r->lock);
	r->mtime = r->ctime = timestamp_now();
	spin_unlock(&r->lock);
}

static ssize_t file_read(struct file *f, struct uio *uio, int64_t pos)
{
	struct ramfs_inode *r = ramfs_of(f->inode);
	ssize_t done = 0;

	if (!(f->flags & O_NOATIME))
		note_read(r);
	while (uio->resid > 0) {
		uint64_t size = READ_ONCE(r->i.size);
		size_t off = (size_t)pos & (PAGE_SIZE - 1), n;
		char *page;
		ssize_t moved;

		if ((uint64_t)pos >= size)
			break;
		n = MIN(MIN(PAGE_SIZE - off, uio->resid), size - (uint64_t)pos);
		page = page_get(r, (uint64_t)pos >> PAGE_SHIFT);

		if (page == NULL) {
			moved = uio_zero(n, uio);
		} else {
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
	size_t off = (size_t)pos & (PAGE_SIZE - 1);
	size_t n = MIN(PAGE_SIZE - off, uio->resid);
	ssize_t moved;
	int err;
	char *page = page_make(r, (uint64_t)pos >> PAGE_SHIFT, (off + uio->resid) >> PAGE_SHIFT, &err);

	if (page == NULL)
		return err;
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
			set_size(r, (uint64_t)pos);
	}
	if (done > 0)
		note_change(r);
	mutex_unlock(&r->i.lock);
	return done;
}

static int64_t file_seek(struct file *f, int64_t off, int whence)
{
	struct ramfs_inode *r = ramfs_of(f->inode);
	uint64_t index = (uint64_t)off >> PAGE_SHIFT, size = READ_ONCE(r->i.size);
	void *page;

	if (off < 0 || (uint64_t)off >= size)
		return -ENXIO;
	if (whence == SEEK_DATA) {
		spin_lock(&r->lock);
		page = pagetree_next(&r->pages, &index);
		spin_unlock(&r->lock);
		if (page == NULL || index << PAGE_SHIFT >= size)
			return -ENXIO;
		return MAX(off, (int64_t)(index << PAGE_SHIFT));
	}
	while (index << PAGE_SHIFT < size && page_at(r, index) != NULL)
		index++;
	return MIN(MAX(off, (int64_t)(index << PAGE_SHIFT)), (int64_t)size);
}

static int file_map(struct file *f, uint64_t pgoff, size_t nr, bool write, struct page_run *run)
{
	struct ramfs_inode *r = ramfs_of(f->inode);
	uint64_t nr_file = (r->i.size + PAGE_SIZE - 1) >> PAGE_SHIFT;
	char *page;
	int err;

	(void)write;
	if (pgoff >= nr_file)
		return -ENXIO;
	page = page_make(r, pgoff, MIN(nr, nr_file - pgoff), &err);
	if (page == NULL)
		return err;
	page_unref(pa_of(page), 0); /* the file has one, and nobody takes it away meanwhile */
	run->pa = pa_of(page);
	run->nr = 1;
	run->counted = true;
	run->writable = true;
	spin_lock(&r->lock);
	while (run->nr < nr && pagetree_get(&r->pages, pgoff + run->nr) == page + run->nr * PAGE_SIZE)
		run->nr++;
	spin_unlock(&r->lock);
	return 0;
}

static void zero_bytes(struct ramfs_inode *r, uint64_t start, uint64_t end)
{
	while (start < end) {
		char *page = page_at(r, start >> PAGE_SHIFT);
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
		char *page;
		bool ours;

		spin_lock(&r->lock);
		page = pagetree_next(&r->pages, &at);
		ours = page != NULL && at < last && page_refcount(pa_of(page)) == 1;
		if (ours)
			pagetree_remove(&r->pages, at, at, drop_page, r);
		spin_unlock(&r->lock);
		if (page == NULL || at >= last)
			return;
		if (!ours)
			memset(page, 0, PAGE_SIZE);
	}
}

static int allocate(struct ramfs_inode *r, uint64_t start, uint64_t end)
{
	uint64_t last = (end + PAGE_SIZE - 1) >> PAGE_SHIFT;
	int err;

	if (last - (start >> PAGE_SHIFT) > r->space->max_pages)
		return -ENOSPC;
	for (uint64_t at = start >> PAGE_SHIFT; at < last; at++) {
		char *page = page_make(r, at, last - at, &err);

		if (page == NULL)
			return err;
		page_unref(pa_of(page), 0);
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
		set_size(r, end);
	if (err == 0)
		note_change(r);
	mutex_unlock(&r->i.lock);
	return err;
}

static int file_fsync(struct file *f, bool data_only)
{
	(void)f;
	(void)data_only;
	return 0;
}

/* All pages from `first` on, some at a time: the lock is a spin lock. */
static void drop_from(struct ramfs_inode *r, uint64_t first)
{
	const uint64_t some = 256;
	bool more = true;

	for (uint64_t at = first; more; at += some) {
		spin_lock(&r->lock);
		more = pagetree_next(&r->pages, &at) != NULL;
		if (more)
			pagetree_remove(&r->pages, at, at + some - 1, drop_page, r);
		spin_unlock(&r->lock);
	}
}

int ramfs_file_truncate(struct ramfs_inode *r, uint64_t size)
{
	if (size < r->i.size) {
		drop_from(r, (size + PAGE_SIZE - 1) >> PAGE_SHIFT);
		zero_bytes(r, size, ALIGN_UP(size, PAGE_SIZE));
	}
	set_size(r, size);
	return 0;
}

void ramfs_file_free(struct ramfs_inode *r)
{
	pagetree_remove(&r->pages, 0, UINT64_MAX >> PAGE_SHIFT, drop_page, r);
}

const struct file_ops ramfs_file_ops = {
	.own_lock = true,
	.own_release = true,
	.read = file_read,
	.write = file_write,
	.seek = file_seek,
	.map = file_map,
	.fsync = file_fsync,
	.fallocate = file_fallocate,
};
