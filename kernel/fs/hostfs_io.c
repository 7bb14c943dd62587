/* SPDX-License-Identifier: MIT */
/*
 * hostfs_io.c - READ and WRITE whose data the server moves straight from or to the program's pages, which are pinned
 * meanwhile. What is not RAM (a mapped host file as buffer) and small transfers go through a buffer here.
 */
#include <errno.h>
#include <linux/fcntl.h>

#include "abi/hostfs.h"
#include "kernel/fs/hostfs.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"

/* Below this, copying is cheaper than pinning. */
#define BOUNCE_BYTES 1024u
#define SEGS_SMALL   20u
#define SEGS_BIG     256u
#define SEGS_EXTRA   4u /* request header, arguments, reply header, reply */

/* A transfer of one piece of memory. */
struct transfer {
	struct fsq_call call;
	bool to_guest;
	union {
		struct fuse_read_in read;
		struct fuse_write_in write;
	} arg;
	struct cay_hostfs_write_out written;
	struct phys_seg *pin;
	struct virtq_seg *seg;
	unsigned max_pins;
};

static void begin(struct transfer *t, uint64_t fh, int64_t pos, unsigned o_flags)
{
	fsq_begin_long(&t->call, t->to_guest ? FUSE_READ : FUSE_WRITE, 0, t->seg, t->max_pins + SEGS_EXTRA);
	if (t->to_guest) {
		t->arg.read = (struct fuse_read_in){.fh = fh, .offset = (uint64_t)pos};
		fsq_in(&t->call, &t->arg.read, sizeof(t->arg.read));
	} else {
		t->arg.write = (struct fuse_write_in){.fh = fh, .offset = (uint64_t)pos, .flags = o_flags};
		fsq_in(&t->call, &t->arg.write, sizeof(t->arg.write));
	}
}

static ssize_t finish(struct transfer *t, uint32_t bytes)
{
	uint32_t done;
	int err;

	if (t->to_guest) {
		t->arg.read.size = bytes;
	} else {
		t->arg.write.size = bytes;
		fsq_out(&t->call, &t->written, sizeof(t->written));
	}
	err = fsq_call(&t->call);
	if (err != 0)
		return err;
	done = t->to_guest ? fsq_reply_bytes(&t->call) : READ_ONCE(t->written.size);
	return MIN(bytes, done);
}

static void add_piece(struct transfer *t, pa_t pa, uint32_t bytes)
{
	if (t->to_guest)
		fsq_out_pa(&t->call, pa, bytes);
	else
		fsq_in_pa(&t->call, pa, bytes);
}

static ssize_t move_kernel(struct transfer *t, void *base, size_t bytes, uint64_t fh, int64_t pos, unsigned o_flags)
{
	begin(t, fh, pos, o_flags);
	if (t->to_guest)
		fsq_out(&t->call, base, (uint32_t)bytes);
	else
		fsq_in(&t->call, base, (uint32_t)bytes);
	return finish(t, (uint32_t)bytes);
}

/* Does its own moving through uio. */
static ssize_t move_bounced(struct transfer *t, struct uio *uio, size_t bytes, uint64_t fh, int64_t pos,
			    unsigned o_flags)
{
	void *page = page_alloc(0, PAGE_RECLAIM);
	ssize_t n;

	if (page == NULL)
		return -ENOMEM;
	bytes = MIN(bytes, PAGE_SIZE);
	if (t->to_guest) {
		n = move_kernel(t, page, bytes, fh, pos, o_flags);
		if (n > 0)
			n = uio_move(page, (size_t)n, uio);
	} else {
		n = uio_move(page, bytes, uio);
		if (n > 0)
			n = move_kernel(t, page, (size_t)n, fh, pos, o_flags);
	}
	page_free(page, 0);
	return n;
}

static bool pins_are_ram(const struct phys_seg *pin, int nr)
{
	for (int i = 0; i < nr; i++)
		if (!pa_is_ram(pin[i].pa))
			return false;
	return true;
}

/* One step: a piece of the uio's first segment. Advances the uio by the result. */
static ssize_t step(struct transfer *t, struct uio *uio, uint64_t fh, int64_t pos, unsigned o_flags)
{
	size_t bytes, covered = 0;
	void *base = uio_peek(uio, CAY_HOSTFS_MAX_IO, &bytes);
	ssize_t n;
	int nr;

	if (uio->kernel) {
		n = move_kernel(t, base, bytes, fh, pos, o_flags);
		if (n > 0)
			uio_advance(uio, (size_t)n);
		return n;
	}
	if (bytes <= BOUNCE_BYTES)
		return move_bounced(t, uio, bytes, fh, pos, o_flags);
	nr = user_pin(base, bytes, t->to_guest, t->pin, t->max_pins, &covered);
	if (nr < 0)
		return nr;
	if (!pins_are_ram(t->pin, nr)) {
		user_unpin(t->pin, (unsigned)nr);
		return move_bounced(t, uio, bytes, fh, pos, o_flags);
	}
	begin(t, fh, pos, o_flags);
	for (int i = 0; i < nr; i++)
		add_piece(t, t->pin[i].pa, t->pin[i].bytes);
	n = finish(t, (uint32_t)covered);
	user_unpin(t->pin, (unsigned)nr);
	if (n > 0)
		uio_advance(uio, (size_t)n);
	return n;
}

/* Steps until the uio is done, the file ends, or something fails. */
static ssize_t run(struct transfer *t, struct uio *uio, uint64_t fh, int64_t pos, unsigned o_flags)
{
	ssize_t done = 0;

	while (uio->resid > 0) {
		size_t asked;
		ssize_t n;

		(void)uio_peek(uio, CAY_HOSTFS_MAX_IO, &asked);
		n = step(t, uio, fh, pos + done, o_flags);
		if (n < 0)
			return done > 0 ? done : n;
		done += n;
		if (n > 0 && (o_flags & O_APPEND))
			uio->append_end = READ_ONCE(t->written.end);
		if (n == 0 || (!t->to_guest && (size_t)n < MIN(asked, PAGE_SIZE)))
			break;
	}
	return done;
}

static ssize_t transfer(bool to_guest, uint64_t fh, struct uio *uio, int64_t pos, unsigned o_flags)
{
	struct transfer t = {.to_guest = to_guest, .max_pins = SEGS_SMALL};
	struct phys_seg pins[SEGS_SMALL];
	struct virtq_seg segs[SEGS_SMALL + SEGS_EXTRA];
	void *big = NULL;
	ssize_t n;

	t.pin = pins;
	t.seg = segs;
	if (uio->resid > SEGS_SMALL * PAGE_SIZE && !uio->kernel)
		big = kmalloc(SEGS_BIG * sizeof(pins[0]) + (SEGS_BIG + SEGS_EXTRA) * sizeof(segs[0]));
	if (big != NULL) { /* without memory: in smaller steps */
		t.seg = big;
		t.pin = (struct phys_seg *)(t.seg + SEGS_BIG + SEGS_EXTRA);
		t.max_pins = SEGS_BIG;
	}
	n = run(&t, uio, fh, pos, o_flags);
	kfree(big);
	return n;
}

ssize_t hostfs_read_direct(uint64_t fh, struct uio *uio, int64_t pos)
{
	return transfer(true, fh, uio, pos, 0);
}

ssize_t hostfs_write_direct(uint64_t fh, struct uio *uio, int64_t pos, unsigned o_flags)
{
	return transfer(false, fh, uio, pos, o_flags);
}
