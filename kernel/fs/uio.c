/* SPDX-License-Identifier: MIT */
/* uio.c - moving bytes along a list of segments. Blocks: a user page may have to be read from a file. */
#include <errno.h>

#include "kernel/fs/file.h"
#include "kernel/mm/uaccess.h"
#include "lib/string.h"

static int move_chunk(void *kbuf, void *base, size_t n, const struct uio *uio)
{
	if (uio->kernel) {
		if (kbuf == NULL)
			memset(base, 0, n);
		else if (uio->to_user)
			memcpy(base, kbuf, n);
		else
			memcpy(kbuf, base, n);
		return 0;
	}
	if (kbuf == NULL)
		return clear_user(base, n);
	return uio->to_user ? copy_to_user(base, kbuf, n) : copy_from_user(kbuf, base, n);
}

void uio_advance(struct uio *uio, size_t n)
{
	uio->seg_offset += n;
	uio->resid -= n;
	while (uio->nr_segs > 0 && uio->seg_offset >= uio->segs[0].bytes) {
		uio->segs++;
		uio->nr_segs--;
		uio->seg_offset = 0;
	}
}

void *uio_peek(struct uio *uio, size_t max, size_t *bytes)
{
	uio_advance(uio, 0); /* over empty segments */
	*bytes = 0;
	if (uio->nr_segs == 0)
		return NULL;
	*bytes = MIN(MIN(max, uio->resid), uio->segs[0].bytes - uio->seg_offset);
	return (char *)uio->segs[0].base + uio->seg_offset;
}

/* kbuf NULL: zeros go out. */
static ssize_t move(char *kbuf, size_t bytes, struct uio *uio)
{
	size_t done = 0;

	bytes = MIN(bytes, uio->resid);
	while (done < bytes) {
		if (uio->seg_offset >= uio->segs[0].bytes) {
			uio_advance(uio, 0);
			continue;
		}
		char *base = (char *)uio->segs[0].base + uio->seg_offset;
		size_t n = MIN(uio->segs[0].bytes - uio->seg_offset, bytes - done);
		char *k = kbuf ? kbuf + done : NULL;

		if (move_chunk(k, base, n, uio) != 0) {
			/* Some of it may be good: what lies in whole pages before the bad one counts. */
			size_t page_rest = PAGE_SIZE - ((uintptr_t)base & (PAGE_SIZE - 1));
			if (n <= page_rest || move_chunk(k, base, page_rest, uio) != 0)
				return done > 0 ? (ssize_t)done : -EFAULT;
			n = page_rest;
		}
		uio_advance(uio, n);
		done += n;
	}
	return (ssize_t)done;
}

ssize_t uio_move(void *kbuf, size_t bytes, struct uio *uio)
{
	return move(kbuf, bytes, uio);
}

ssize_t uio_zero(size_t bytes, struct uio *uio)
{
	return move(NULL, bytes, uio);
}
