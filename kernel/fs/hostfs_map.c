/* SPDX-License-Identifier: MIT */
/*
 * hostfs_map.c - files of the host mapped into the guest: ranges of the file window. A file is mapped whole, once, when
 * it is first asked for, and stays so while its inode lives: the second program that uses a library needs no exit. It
 * is mapped again when it has grown or is to be written. Invariant: no page beyond the file's end is handed out;
 * touching one would stop the VM. A file that somebody on the host shortens under a mapping breaks this
 * (docs/caveats.md).
 */
#include <errno.h>

#include "kernel/fs/dcache.h"
#include "kernel/fs/hostfs.h"
#include "kernel/mm/kmalloc.h"

/* Files beyond this are mapped in pieces of it. */
#define PIECE_PAGES (1ull << (30 - PAGE_SHIFT))

struct hostfs_window {
	struct hostfs_window *next;
	uint64_t pgoff, nr; /* pages of the file */
	uint64_t at;        /* in the window, bytes */
	bool writable;
	bool stale; /* for those who have it; not for new mappings */
};

static struct hostfs_window *find(struct hostfs_inode *h, uint64_t pgoff, bool write)
{
	struct hostfs_window *w = h->windows;

	while (w != NULL && (pgoff < w->pgoff || pgoff - w->pgoff >= w->nr || (write && !w->writable) || w->stale))
		w = w->next;
	return w;
}

static int create(struct hostfs_inode *h, uint64_t fh, uint64_t pgoff, uint64_t nr_file, bool write)
{
	uint64_t first = ALIGN_DOWN(pgoff, PIECE_PAGES), nr = MIN(nr_file - first, PIECE_PAGES);
	struct hostfs_window *w = kmalloc(sizeof(*w));
	int64_t at;

	if (w == NULL)
		return -ENOMEM;
	at = fsq_map_file(fh, first << PAGE_SHIFT, nr << PAGE_SHIFT, write);
	if (at == -ENOSPC) { /* cached inodes hold ranges too */
		dcache_shrink(h->i.sb);
		at = fsq_map_file(fh, first << PAGE_SHIFT, nr << PAGE_SHIFT, write);
	}
	if (at < 0) {
		kfree(w);
		return at == -EACCES || at == -EBADF ? -EACCES : -ENOMEM;
	}
	*w = (struct hostfs_window){
		.next = h->windows, .pgoff = first, .nr = nr, .at = (uint64_t)at, .writable = write};
	__atomic_store_n(&h->windows, w, __ATOMIC_RELEASE); /* pairs with hostfs_map_shortened */
	return 0;
}

int hostfs_map(struct hostfs_inode *h, uint64_t fh, uint64_t pgoff, size_t nr, bool write, struct page_run *run)
{
	struct hostfs_window *w;
	struct kstat st;
	uint64_t nr_file;
	int err = hostfs_getattr(&h->i, &st);

	if (err != 0)
		return err;
	nr_file = (st.size + PAGE_SIZE - 1) >> PAGE_SHIFT;
	if (pgoff >= nr_file)
		return -ENXIO;
	w = find(h, pgoff, write);
	if (w == NULL) {
		err = create(h, fh, pgoff, nr_file, write);
		if (err != 0)
			return err;
		w = h->windows;
	}
	if (write)
		h->written_by_mapping = true;
	run->pa = PA(CAY_WINDOW_GPA + w->at + ((pgoff - w->pgoff) << PAGE_SHIFT));
	run->nr = MIN(MIN(nr, w->pgoff + w->nr - pgoff), nr_file - pgoff);
	run->counted = false;
	run->writable = w->writable;
	return 0;
}

void hostfs_map_shortened(struct hostfs_inode *h, uint64_t new_bytes)
{
	for (struct hostfs_window *w = __atomic_load_n(&h->windows, __ATOMIC_ACQUIRE); w != NULL; w = w->next)
		if (w->pgoff + w->nr > (new_bytes + PAGE_SIZE - 1) >> PAGE_SHIFT)
			WRITE_ONCE(w->stale, true);
}

void hostfs_unmap_all(struct hostfs_inode *h)
{
	while (h->windows != NULL) {
		struct hostfs_window *w = h->windows;

		h->windows = w->next;
		fsq_unmap_file(w->at, w->nr << PAGE_SHIFT);
		kfree(w);
	}
}
