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

#define BUFFER_ORDER 3u /* 0 when memory is short */

/* Where a batch began: the host's position ("cookie") of the entry with this index. */
struct mark {
	int64_t index;
	int64_t cookie;
};

struct batch {
	struct fsq_call call;
	struct fuse_read_in arg;
	char *data;
	unsigned order;
	uint32_t at;   /* next entry to give out, offset in data */
	int64_t index; /* of that entry */
	bool filled;   /* or being filled */
};

/*
 * The position that the program sees (f->pos) counts entries. The host's cookies are 63-bit hashes, which leave no room
 * for what an overlay adds; they are remembered where a batch began, and a seek reads on from there.
 */
struct hostfs_dir {
	uint64_t fh;
	struct batch batch[2];
	unsigned current;
	struct mark *marks; /* ascending; the beginning of the folder is not among them */
	unsigned nr_marks, max_marks;
};

static uint32_t buffer_bytes(const struct batch *b)
{
	return (uint32_t)(PAGE_SIZE << b->order);
}

static bool reserve(struct batch *b)
{
	if (b->data != NULL)
		return true;
	b->order = BUFFER_ORDER;
	b->data = page_alloc(b->order, 0);
	if (b->data == NULL) {
		b->order = 0;
		b->data = page_alloc(0, PAGE_RECLAIM);
	}
	return b->data != NULL;
}

/* Failure to remember makes a later seek read more. */
static void remember(struct hostfs_dir *p, struct mark m)
{
	if (p->nr_marks > 0 && p->marks[p->nr_marks - 1].index >= m.index)
		return;
	if (p->nr_marks == p->max_marks) {
		unsigned max = p->max_marks == 0 ? 8 : 2 * p->max_marks;
		struct mark *bigger = krealloc(p->marks, max * sizeof(*bigger));

		if (bigger == NULL)
			return;
		p->marks = bigger;
		p->max_marks = max;
	}
	p->marks[p->nr_marks++] = m;
}

static struct mark last_mark_before(const struct hostfs_dir *p, int64_t index)
{
	unsigned n = p->nr_marks;

	while (n > 0 && p->marks[n - 1].index > index)
		n--;
	return n > 0 ? p->marks[n - 1] : (struct mark){0, 0};
}

static void fill(struct hostfs_dir *p, struct hostfs_inode *h, struct batch *b, uint64_t fh, struct mark from)
{
	if (from.index > 0)
		remember(p, from);
	b->filled = true;
	b->index = from.index;
	b->at = 0;
	b->arg = (struct fuse_read_in){.fh = fh, .offset = (uint64_t)from.cookie, .size = buffer_bytes(b)};
	fsq_begin(&b->call, FUSE_READDIRPLUS, h->node);
	fsq_in(&b->call, &b->arg, sizeof(b->arg));
	fsq_out(&b->call, b->data, buffer_bytes(b));
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

static void pass_over(struct batch *b, uint32_t bytes)
{
	b->at += bytes;
	b->index++;
}

static bool is_last(const struct batch *b)
{
	return fsq_reply_bytes(&b->call) + CAY_HOSTFS_DIRENT_MAX <= buffer_bytes(b);
}

/* What follows a batch; .cookie is where it began when it has no entry. */
static struct mark end_of(const struct batch *b)
{
	struct mark m = {.index = b->index, .cookie = (int64_t)b->arg.offset};
	const struct fuse_direntplus *d;
	struct batch scan = *b;
	uint32_t bytes;

	scan.at = 0; /* the cookie is in the last entry, given out or not */
	while ((d = entry_at(&scan, &bytes)) != NULL) {
		m.cookie = (int64_t)d->dirent.off;
		m.index += scan.at >= b->at;
		scan.at += bytes;
	}
	return m;
}

/* Gives back entries that were not given out, up to the one with this index. */
static void skip(struct batch *b, int64_t to_index)
{
	const struct fuse_direntplus *d;
	uint32_t bytes;

	while (b->index < to_index && (d = entry_at(b, &bytes)) != NULL) {
		if (d->entry_out.nodeid != 0)
			hostfs_forget(d->entry_out.nodeid, 1);
		pass_over(b, bytes);
	}
}

static void drop(struct batch *b)
{
	if (!b->filled)
		return;
	if (fsq_wait(&b->call) == 0)
		skip(b, INT64_MAX);
	b->filled = false;
}

/* Makes batch[current] the one that follows it. */
static void next_batch(struct hostfs_dir *p, struct hostfs_inode *h)
{
	struct batch *b = &p->batch[p->current], *other = &p->batch[!p->current];
	struct mark next = end_of(b);

	if (other->filled && other->index == next.index && other->at == 0) {
		b->filled = false;
		p->current = !p->current;
		return;
	}
	drop(other);
	fill(p, h, b, p->fh, next);
}

/* Makes batch[current].at the entry with this index. 0, 1 at the end of the folder, or -errno. */
static int seek_to(struct hostfs_dir *p, struct hostfs_inode *h, int64_t index)
{
	for (;;) {
		struct batch *b = &p->batch[p->current];
		uint32_t bytes;
		int err;

		if (!b->filled || b->index > index) {
			drop(&p->batch[0]);
			drop(&p->batch[1]);
			fill(p, h, b, p->fh, last_mark_before(p, index));
		}
		err = fsq_wait(&b->call);
		if (err != 0) {
			b->filled = false;
			return err;
		}
		skip(b, index);
		if (entry_at(b, &bytes) != NULL)
			return 0;
		if (is_last(b) || b->at == 0) /* an empty batch would be followed by itself */
			return 1;
		next_batch(p, h);
	}
}

static void fetch_next(struct hostfs_dir *p, struct hostfs_inode *h)
{
	struct batch *b = &p->batch[p->current], *other = &p->batch[!p->current];

	if (other->filled || is_last(b))
		return;
	if (!reserve(other))
		return;
	fill(p, h, other, p->fh, end_of(b));
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

	while ((err = seek_to(p, h, f->pos)) == 0) {
		struct batch *b = &p->batch[p->current];

		if (b->at == 0)
			fetch_next(p, h);
		while ((d = entry_at(b, &bytes)) != NULL) {
			if (!sink->emit(sink, d->dirent.name, d->dirent.namelen, d->dirent.ino, d->dirent.type,
					b->index + 1))
				return 0;
			learn(f->inode->sb, d, sink);
			pass_over(b, bytes);
			f->pos = b->index;
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
			page_free(p->batch[k].data, p->batch[k].order);
	}
	kfree(p->marks);
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
	if (!reserve(&p->batch[0])) {
		kfree(p);
		return -ENOMEM;
	}
	fsq_begin(&c, FUSE_OPENDIR, h->node);
	fsq_in(&c, &a, sizeof(a));
	fsq_out(&c, &reply, sizeof(reply));
	fsq_submit(&c);
	/* Entries may be long in coming; only the handle is waited for. */
	fill(p, h, &p->batch[0], CAY_HOSTFS_FH_LAST, (struct mark){0, 0});
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
