/* SPDX-License-Identifier: MIT */
/*
 * hostfs_dir.c - reading folders. OPENDIR travels with the first READDIRPLUS, and while the program looks at one buffer
 * of entries the server fills the next. Each entry comes with its attributes; its inode is offered to the name cache,
 * so that `ls -l` asks nothing more. Invariant: lookups that the server counted in a reply are entered or given back,
 * whether the program reads on or not.
 */
#include <errno.h>

#include "abi/hostfs.h"
#include "kernel/fs/hostfs.h"
#include "kernel/mm/kmalloc.h"

#define BUFFER_ORDER 3u
#define BUFFER_BYTES ((uint32_t)(PAGE_SIZE << BUFFER_ORDER))

struct batch {
	struct fsq_call call;
	struct fuse_read_in arg;
	char *data;
	int64_t pos; /* of the first entry */
	uint32_t at; /* next entry to give out */
	bool filled; /* or being filled */
};

struct hostfs_dir {
	uint64_t fh;
	struct batch batch[2];
	unsigned current;
	int64_t next_pos; /* f->pos that continues at batch[current].at */
};

static void fill(struct hostfs_inode *h, struct batch *b, uint64_t fh, int64_t pos)
{
	b->filled = true;
	b->pos = pos;
	b->at = 0;
	b->arg = (struct fuse_read_in){.fh = fh, .offset = (uint64_t)pos, .size = BUFFER_BYTES};
	fsq_begin(&b->call, FUSE_READDIRPLUS, h->node);
	fsq_in(&b->call, &b->arg, sizeof(b->arg));
	fsq_out(&b->call, b->data, BUFFER_BYTES);
	fsq_submit(&b->call);
}

/* The entry at b->at and its length there; NULL at the end of the batch, or when the rest makes no sense. */
static const struct fuse_direntplus *entry_at(const struct batch *b, uint32_t *bytes)
{
	const struct fuse_direntplus *d = (const void *)(b->data + b->at);
	uint32_t have = fsq_reply_bytes(&b->call);

	if (b->at + FUSE_NAME_OFFSET_DIRENTPLUS > have || d->dirent.namelen > 255)
		return NULL;
	*bytes = (uint32_t)FUSE_DIRENTPLUS_SIZE(d);
	return b->at + *bytes <= have ? d : NULL;
}

static bool is_last(const struct batch *b)
{
	return fsq_reply_bytes(&b->call) + CAY_HOSTFS_DIRENT_MAX <= BUFFER_BYTES;
}

/* Position behind a batch. */
static int64_t end_pos(const struct batch *b)
{
	struct batch scan = *b;
	const struct fuse_direntplus *d;
	int64_t pos = b->pos;
	uint32_t bytes;

	while ((d = entry_at(&scan, &bytes)) != NULL) {
		pos = (int64_t)d->dirent.off;
		scan.at += bytes;
	}
	return pos;
}

/* Gives back what was not given out. */
static void drop(struct batch *b)
{
	const struct fuse_direntplus *d;
	uint32_t bytes;

	if (!b->filled)
		return;
	b->filled = false;
	if (fsq_wait(&b->call) != 0)
		return;
	for (; (d = entry_at(b, &bytes)) != NULL; b->at += bytes)
		if (d->entry_out.nodeid != 0)
			hostfs_forget(d->entry_out.nodeid, 1);
}

/* Makes batch[current] hold what follows f->pos. 0, 1 at the end of the folder, or -errno. */
static int advance(struct hostfs_dir *p, struct hostfs_inode *h, struct file *f)
{
	struct batch *b = &p->batch[p->current], *other = &p->batch[!p->current];
	uint32_t bytes;
	int err;

	if (b->filled && p->next_pos == f->pos) {
		err = fsq_wait(&b->call);
		if (err == 0 && entry_at(b, &bytes) != NULL)
			return 0;
		if (err == 0 && is_last(b))
			return 1;
	}
	drop(b);
	if (other->filled && other->pos == f->pos) {
		p->current = !p->current;
		b = other;
	} else {
		drop(other);
		fill(h, b, p->fh, f->pos);
	}
	p->next_pos = f->pos;
	err = fsq_wait(&b->call);
	if (err != 0) {
		b->filled = false;
		return err;
	}
	return entry_at(b, &bytes) != NULL ? 0 : 1;
}

static void fetch_next(struct hostfs_dir *p, struct hostfs_inode *h)
{
	struct batch *b = &p->batch[p->current], *other = &p->batch[!p->current];

	if (other->filled || is_last(b))
		return;
	if (other->data == NULL)
		other->data = page_alloc(BUFFER_ORDER, 0);
	if (other->data == NULL)
		return;
	fill(h, other, p->fh, end_pos(b));
	fsq_publish();
}

/* The entry's attributes become an inode in the name cache. */
static void learn(struct superblock *sb, const struct fuse_direntplus *d, struct dirent_sink *sink)
{
	struct inode *i;

	if (d->entry_out.nodeid == 0)
		return;
	if (sink->found == NULL) {
		hostfs_forget(d->entry_out.nodeid, 1);
		return;
	}
	if (hostfs_inode_enter(sb, &d->entry_out, &i) != 0)
		return;
	sink->found(sink, d->dirent.name, d->dirent.namelen, i);
	inode_put(i);
}

static int readdir(struct file *f, struct dirent_sink *sink)
{
	struct hostfs_inode *h = hostfs_of(f->inode);
	struct hostfs_dir *p = f->priv;
	const struct fuse_direntplus *d;
	uint32_t bytes;
	int err;

	while ((err = advance(p, h, f)) == 0) {
		struct batch *b = &p->batch[p->current];

		if (b->at == 0)
			fetch_next(p, h);
		while ((d = entry_at(b, &bytes)) != NULL) {
			if (!sink->emit(sink, d->dirent.name, d->dirent.namelen, d->dirent.ino, d->dirent.type,
					(int64_t)d->dirent.off))
				return 0;
			learn(f->inode->sb, d, sink);
			b->at += bytes;
			f->pos = p->next_pos = (int64_t)d->dirent.off;
		}
	}
	return err < 0 ? err : 0;
}

static int fsync(struct file *f, bool data_only)
{
	struct fuse_fsync_in a = {.fh = ((struct hostfs_dir *)f->priv)->fh,
				  .fsync_flags = data_only ? FUSE_FSYNC_FDATASYNC : 0};
	struct fsq_call c;

	fsq_begin(&c, FUSE_FSYNCDIR, hostfs_of(f->inode)->node);
	fsq_in(&c, &a, sizeof(a));
	return fsq_call(&c);
}

static void destroy(struct hostfs_dir *p)
{
	for (unsigned k = 0; k < 2; k++) {
		drop(&p->batch[k]);
		if (p->batch[k].data != NULL)
			page_free(p->batch[k].data, BUFFER_ORDER);
	}
	kfree(p);
}

static void release(struct file *f)
{
	struct hostfs_dir *p = f->priv;
	uint64_t fh = p->fh;

	destroy(p);
	hostfs_release_handle(FUSE_RELEASEDIR, fh);
}

static const struct file_ops hostfs_dir_ops = {
	.readdir = readdir,
	.fsync = fsync,
	.release = release,
};

int hostfs_open_dir(struct inode *i, struct file *f)
{
	struct hostfs_inode *h = hostfs_of(i);
	struct hostfs_dir *p = kzalloc(sizeof(*p));
	struct fuse_open_in a = {0};
	struct fuse_open_out reply;
	struct fsq_call c;
	int err;

	if (p == NULL)
		return -ENOMEM;
	p->batch[0].data = page_alloc(BUFFER_ORDER, PAGE_RECLAIM);
	if (p->batch[0].data == NULL) {
		kfree(p);
		return -ENOMEM;
	}
	fsq_begin(&c, FUSE_OPENDIR, h->node);
	fsq_in(&c, &a, sizeof(a));
	fsq_out(&c, &reply, sizeof(reply));
	fsq_submit(&c);
	/* Entries may be long in coming; only the handle is waited for. */
	fill(h, &p->batch[0], CAY_HOSTFS_FH_LAST, 0);
	err = fsq_wait(&c);
	if (err != 0) {
		destroy(p);
		return err == -ESTALE ? -ENOENT : err;
	}
	p->fh = reply.fh;
	f->priv = p;
	f->ops = &hostfs_dir_ops;
	return 0;
}
