/* SPDX-License-Identifier: MIT */
/*
 * hostfs_dir.c - reading folders. OPENDIR travels with the first READDIR, and while the program looks at one buffer of
 * entries the server fills the next. Where that is wanted (hostfs_plus.c) it is READDIRPLUS: each entry comes with its
 * attributes, and its inode is offered to the name cache, so that `ls -l` asks nothing more. Invariant: lookups that
 * the server counted in a reply are entered or given back, whether the program reads on or not.
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
	bool plus; /* entries come with attributes */
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

static void prepare(struct hostfs_dir *p, struct hostfs_inode *h, struct batch *b, uint64_t fh, struct mark from)
{
	if (from.index > 0)
		remember(p, from);
	b->filled = true;
	b->index = from.index;
	b->at = 0;
	b->arg = (struct fuse_read_in){.fh = fh, .offset = (uint64_t)from.cookie, .size = buffer_bytes(b)};
	fsq_begin(&b->call, p->plus ? FUSE_READDIRPLUS : FUSE_READDIR, h->node);
	fsq_in(&b->call, &b->arg, sizeof(b->arg));
	fsq_out(&b->call, b->data, buffer_bytes(b));
}

static void fill(struct hostfs_dir *p, struct hostfs_inode *h, struct batch *b, uint64_t fh, struct mark from)
{
	prepare(p, h, b, fh, from);
	fsq_submit(&b->call);
}

/* An entry of a batch, where it lies. */
struct entry {
	const struct fuse_dirent *d;
	const struct fuse_entry_out *attr; /* NULL without */
	uint32_t bytes;
};

/* The entry at b->at; false at the end of the batch, or when the rest makes no sense. */
static bool entry_at(const struct batch *b, struct entry *e)
{
	uint32_t attr_bytes = b->call.in.opcode == FUSE_READDIRPLUS ? sizeof(struct fuse_entry_out) : 0;
	uint32_t have = fsq_reply_bytes(&b->call);

	e->attr = attr_bytes != 0 ? (const void *)(b->data + b->at) : NULL;
	e->d = (const void *)(b->data + b->at + attr_bytes);
	if (b->at + attr_bytes + FUSE_NAME_OFFSET > have || e->d->namelen > 255)
		return false;
	e->bytes = attr_bytes + (uint32_t)FUSE_DIRENT_SIZE(e->d);
	return b->at + e->bytes <= have;
}

static void pass_over(struct batch *b, const struct entry *e)
{
	b->at += e->bytes;
	b->index++;
}

/* Gives a lookup back that the server counted. */
static void forget(const struct entry *e)
{
	if (e->attr != NULL && e->attr->nodeid != 0)
		hostfs_forget(e->attr->nodeid, 1);
}

static bool is_last(const struct batch *b)
{
	return fsq_reply_bytes(&b->call) + CAY_HOSTFS_DIRENT_MAX <= buffer_bytes(b);
}

/* What follows a batch; .cookie is where it began when it has no entry. */
static struct mark end_of(const struct batch *b)
{
	struct mark m = {.index = b->index, .cookie = (int64_t)b->arg.offset};
	struct batch scan = *b;
	struct entry e;

	scan.at = 0; /* the cookie is in the last entry, given out or not */
	while (entry_at(&scan, &e)) {
		m.cookie = (int64_t)e.d->off;
		m.index += scan.at >= b->at;
		scan.at += e.bytes;
	}
	return m;
}

/* Gives back entries that were not given out, up to the one with this index. */
static void skip(struct batch *b, int64_t to_index)
{
	struct entry e;

	while (b->index < to_index && entry_at(b, &e)) {
		forget(&e);
		pass_over(b, &e);
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
		struct entry e;
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
		if (entry_at(b, &e))
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
static void learn(struct superblock *sb, const struct entry *e, struct dirent_sink *sink)
{
	struct inode *i;

	if (e->attr == NULL)
		hostfs_plus_listed();
	if (e->attr == NULL || e->attr->nodeid == 0)
		return;
	if (sink->found == NULL) {
		forget(e);
		return;
	}
	if (hostfs_inode_enter(sb, e->attr, &i) != 0)
		return;
	sink->found(sink, e->d->name, e->d->namelen, i);
	inode_put(i);
}

static int readdir(struct file *f, struct dirent_sink *sink)
{
	struct hostfs_inode *h = hostfs_of(f->inode);
	struct hostfs_dir *p = f->priv;
	struct entry e;
	int err;

	while ((err = seek_to(p, h, f->pos)) == 0) {
		struct batch *b = &p->batch[p->current];

		if (b->at == 0)
			fetch_next(p, h);
		while (entry_at(b, &e)) {
			if (!sink->emit(sink, e.d->name, e.d->namelen, e.d->ino, e.d->type, b->index + 1))
				return 0;
			learn(f->inode->sb, &e, sink);
			pass_over(b, &e);
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
	p->plus = hostfs_plus_wanted(h);
	fsq_begin(&c, FUSE_OPENDIR, h->node);
	fsq_in(&c, &a, sizeof(a));
	fsq_out(&c, &reply, sizeof(reply));
	/* Entries may be long in coming; only the handle is waited for. */
	prepare(p, h, &p->batch[0], CAY_HOSTFS_FH_LAST, (struct mark){0, 0});
	fsq_submit_chain((struct fsq_call *const[]){&c, &p->batch[0].call}, 2);
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
