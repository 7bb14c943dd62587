/* SPDX-License-Identifier: MIT */
/*
 * hostfs_inode.c - inodes of shares: found by node number, attributes and their validity, and the file system itself.
 * Invariant: one inode per node number, so that two names of one file share locks and mappings.
 */
#include <errno.h>
#include <sys/stat.h>

#include "abi/hostfs.h"
#include "kernel/fs/dcache.h"
#include "kernel/fs/hostfs.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/time/clock.h"
#include "lib/string.h"

#define HASH_MIN     256u
#define FORGETS_MAX  64u
#define NAMES_TTL_NS 100000000ull

static struct {
	struct hostfs_inode **bucket;
	uint32_t mask;
	uint32_t count;
} table;

static struct hostfs_inode **bucket_of(uint64_t node)
{
	/* A multiplicative hash: the two halves of a node number grow together, so mixing them by xor cancels out. */
	return &table.bucket[(node * 0x9e3779b97f4a7c15ull >> 32) & table.mask];
}

static bool table_grow(void)
{
	uint32_t nr = table.bucket == NULL ? HASH_MIN : 2 * (table.mask + 1),
		 old_nr = table.bucket == NULL ? 0 : nr / 2;
	struct hostfs_inode **old = table.bucket, **bigger = kzalloc(nr * sizeof(*bigger));

	if (bigger == NULL)
		return old != NULL; /* longer chains, still correct */
	table.bucket = bigger;
	table.mask = nr - 1;
	for (uint32_t i = 0; i < old_nr; i++) {
		for (struct hostfs_inode *h = old[i], *next; h != NULL; h = next) {
			struct hostfs_inode **b = bucket_of(h->node);

			next = h->hash_next;
			h->hash_next = *b;
			*b = h;
		}
	}
	kfree(old);
	return true;
}

static struct hostfs_inode *table_find(uint64_t node)
{
	struct hostfs_inode *h = table.bucket != NULL ? *bucket_of(node) : NULL;

	while (h != NULL && h->node != node)
		h = h->hash_next;
	return h;
}

/* FORGETs are collected: nobody waits for them, and one request tells of many. */
static struct {
	struct fuse_forget_one one[FORGETS_MAX];
	unsigned nr;
} forgets;

struct forget_call {
	struct fsq_call call;
	struct fuse_batch_forget_in arg;
	struct fuse_forget_one one[FORGETS_MAX];
};

static void forget_done(struct fsq_call *c)
{
	kfree(container_of(c, struct forget_call, call));
}

static void send_forgets(void)
{
	struct forget_call *f = forgets.nr > 0 ? kmalloc(sizeof(*f)) : NULL;

	if (f != NULL) {
		f->arg = (struct fuse_batch_forget_in){.count = forgets.nr};
		memcpy(f->one, forgets.one, forgets.nr * sizeof(f->one[0]));
		fsq_begin(&f->call, FUSE_BATCH_FORGET, 0);
		fsq_in(&f->call, &f->arg, sizeof(f->arg));
		fsq_in(&f->call, f->one, forgets.nr * (uint32_t)sizeof(f->one[0]));
		f->call.done = forget_done;
		forgets.nr = 0;       /* before anything that may sleep */
		fsq_submit(&f->call); /* published with the next request */
	} else {
		forgets.nr = 0; /* without memory the server keeps some nodes that nobody needs */
	}
}

void hostfs_forget(uint64_t node, uint64_t nlookup)
{
	if (nlookup == 0)
		return;
	forgets.one[forgets.nr++] = (struct fuse_forget_one){.nodeid = node, .nlookup = nlookup};
	if (forgets.nr == FORGETS_MAX)
		send_forgets();
}

void hostfs_forget_unused(void)
{
	dcache_shrink(NULL);
	send_forgets();
}

void hostfs_inode_set_attr(struct hostfs_inode *h, const struct fuse_attr *a, uint64_t valid_s, uint32_t valid_ns)
{
	uint64_t until_ns = UINT64_MAX;
	struct inode *i = &h->i;

	if (!i->sb->dcache_stable)
		until_ns = clock_monotonic_ns() + valid_s * NSEC_PER_SEC + valid_ns;
	spin_lock(&h->lock);
	if (a->size < i->size)
		hostfs_map_shortened(h, a->size);
	seq_write_begin(&h->attr_seq);
	h->attr = *a;
	WRITE_ONCE(h->attr_until_ns, until_ns);
	i->mode = (i->mode & S_IFMT) | (a->mode & 07777);
	i->uid = a->uid;
	i->gid = a->gid;
	i->nlink = a->nlink;
	i->ino = a->ino;
	i->size = a->size;
	i->rdev = a->rdev;
	seq_write_end(&h->attr_seq);
	spin_unlock(&h->lock);
}

void hostfs_inode_grow(struct hostfs_inode *h, uint64_t bytes)
{
	spin_lock(&h->lock);
	if (h->i.size < bytes)
		WRITE_ONCE(h->i.size, bytes);
	spin_unlock(&h->lock);
}

void hostfs_inode_expire(struct hostfs_inode *h)
{
	WRITE_ONCE(h->attr_until_ns, 0);
}

static const struct inode_ops *ops_for(uint32_t mode)
{
	if (S_ISDIR(mode))
		return &hostfs_dir_inode_ops;
	return S_ISLNK(mode) ? &hostfs_link_inode_ops : &hostfs_file_inode_ops;
}

static struct hostfs_inode *inode_create(struct superblock *sb, uint64_t node, uint32_t mode)
{
	struct hostfs_inode *h;
	struct hostfs_inode **b;

	if ((table.bucket == NULL || table.count > table.mask) && !table_grow())
		return NULL;
	h = kzalloc(sizeof(*h));
	if (h == NULL)
		return NULL;
	inode_init(&h->i, sb, mode);
	h->i.ops = ops_for(mode);
	spin_init(&h->lock, "hostfs inode");
	h->node = node;
	b = bucket_of(node);
	h->hash_next = *b;
	*b = h;
	table.count++;
	return h;
}

int hostfs_inode_enter(struct superblock *sb, const struct fuse_entry_out *e, struct inode **out)
{
	struct hostfs_inode *h = table_find(e->nodeid);

	if (h != NULL && ((h->i.mode ^ e->attr.mode) & S_IFMT) != 0) {
		/* The server does not change the type of a node; whatever this is, do not mix the two. */
		hostfs_forget(e->nodeid, 1);
		return -EIO;
	}
	if (h != NULL) {
		inode_get(&h->i);
	} else {
		h = inode_create(sb, e->nodeid, e->attr.mode);
		if (h == NULL) {
			hostfs_forget(e->nodeid, 1);
			return -ENOMEM;
		}
	}
	h->nlookup++;
	hostfs_inode_set_attr(h, &e->attr, e->attr_valid, e->attr_valid_nsec);
	*out = &h->i;
	return 0;
}

void hostfs_inode_evict(struct inode *i)
{
	struct hostfs_inode *h = hostfs_of(i);
	struct hostfs_inode **p = bucket_of(h->node);

	while (*p != h)
		p = &(*p)->hash_next;
	*p = h->hash_next;
	table.count--;
	hostfs_unmap_all(h);
	hostfs_kept_drop(h);
	if (h->has_spare_fh)
		hostfs_release_handle(FUSE_RELEASE, h->spare_fh);
	hostfs_forget(h->node, h->nlookup);
	inode_free(i);
}

static int ask_attr(struct hostfs_inode *h)
{
	struct fuse_getattr_in a = {0};
	struct fuse_attr_out reply;
	struct fsq_call c;
	int err;

	fsq_begin(&c, FUSE_GETATTR, h->node);
	fsq_in(&c, &a, sizeof(a));
	fsq_out(&c, &reply, sizeof(reply));
	err = fsq_call(&c);
	if (err == 0)
		hostfs_inode_set_attr(h, &reply.attr, reply.attr_valid, reply.attr_valid_nsec);
	return err;
}

static bool is_expired(const struct hostfs_inode *h)
{
	uint64_t until_ns = READ_ONCE(h->attr_until_ns);

	return until_ns != UINT64_MAX && clock_monotonic_ns() >= until_ns;
}

static void get_attributes(const struct hostfs_inode *h, struct kstat *st)
{
	const struct inode *i = &h->i;

	st->ino = i->ino;
	st->size = i->size;
	st->blocks = h->attr.blocks;
	st->rdev = i->rdev;
	st->mode = i->mode;
	st->nlink = i->nlink;
	st->uid = i->uid;
	st->gid = i->gid;
	st->blksize = h->attr.blksize;
	st->atime.sec = (int64_t)h->attr.atime;
	st->atime.nsec = h->attr.atimensec;
	st->mtime.sec = (int64_t)h->attr.mtime;
	st->mtime.nsec = h->attr.mtimensec;
	st->ctime.sec = (int64_t)h->attr.ctime;
	st->ctime.nsec = h->attr.ctimensec;
}

bool hostfs_getattr_quick(struct inode *i, struct kstat *st)
{
	const struct hostfs_inode *h = hostfs_of(i);
	uint32_t seq = __atomic_load_n(&h->attr_seq.seq, __ATOMIC_ACQUIRE);

	if ((seq & 1) != 0 || is_expired(h))
		return false;
	get_attributes(h, st);
	return !seq_read_retry(&h->attr_seq, seq);
}

int hostfs_getattr(struct inode *i, struct kstat *st)
{
	struct hostfs_inode *h = hostfs_of(i);
	int err = 0;

	if (is_expired(h))
		err = ask_attr(h);
	/* Gone on the host: what an open file or a current folder still knows is better than nothing. */
	if (err != 0 && err != -ESTALE && err != -ENOENT)
		return err;
	get_attributes(h, st);
	if (err != 0)
		st->nlink = 0;
	return 0;
}

int hostfs_setattr(struct inode *i, const struct kstat *st, unsigned which)
{
	struct hostfs_inode *h = hostfs_of(i);
	struct fuse_setattr_in a = {
		.valid = (which & ATTR_MODE ? FATTR_MODE : 0) | (which & ATTR_UID ? FATTR_UID : 0) |
			 (which & ATTR_GID ? FATTR_GID : 0) | (which & ATTR_SIZE ? FATTR_SIZE : 0) |
			 (which & ATTR_ATIME ? FATTR_ATIME : 0) | (which & ATTR_MTIME ? FATTR_MTIME : 0),
		.size = st->size,
		.atime = (uint64_t)st->atime.sec,
		.atimensec = st->atime.nsec,
		.mtime = (uint64_t)st->mtime.sec,
		.mtimensec = st->mtime.nsec,
		.mode = st->mode,
		.uid = st->uid,
		.gid = st->gid,
	};
	struct fuse_attr_out reply;
	struct fsq_call c;
	int err;

	if (which & ATTR_SIZE) {
		hostfs_data_changed(h);
		a.valid &= ~(uint32_t)FATTR_MTIME; /* the host sets it with the size */
	}
	if (a.valid == 0)
		return 0;
	fsq_begin(&c, FUSE_SETATTR, h->node);
	fsq_in(&c, &a, sizeof(a));
	fsq_out(&c, &reply, sizeof(reply));
	err = fsq_call(&c);
	if (err != 0)
		return err;
	if (which & ATTR_SIZE) {
		hostfs_data_changed(h);
		i->size = reply.attr.size; /* our own doing: the VFS takes the pages from all mappings */
	}
	hostfs_inode_set_attr(h, &reply.attr, reply.attr_valid, reply.attr_valid_nsec);
	return 0;
}

static int hostfs_sync(struct superblock *sb)
{
	(void)sb;
	return 0; /* each write went to the host when it was made; its disks are the host's business */
}

struct superblock *hostfs_create(unsigned device, unsigned share, bool read_only)
{
	static uint64_t last_minor;
	struct superblock *sb;
	struct hostfs_inode *root;

	(void)device; /* there is one, fsq_init finds it */
	if (!fsq_init())
		return NULL;
	sb = kzalloc(sizeof(*sb));
	if (sb == NULL)
		return NULL;
	sb->type = "hostfs";
	sb->dev = 0x80 + ++last_minor;
	sb->read_only = read_only || fsq_share_has(share, CAY_HOSTFS_CONFIG_RDONLY);
	sb->dcache_stable = fsq_share_has(share, CAY_HOSTFS_CONFIG_STABLE);
	sb->dcache_negative = true;
	sb->dcache_ttl_ns = NAMES_TTL_NS;
	sb->sync = hostfs_sync;
	root = inode_create(sb, FUSE_ROOT_ID + share, 0);
	if (root == NULL) {
		kfree(sb);
		return NULL;
	}
	sb->root = &root->i;
	if (ask_attr(root) != 0) {
		inode_put(&root->i);
		kfree(sb);
		return NULL;
	}
	root->i.mode = root->attr.mode;
	root->i.ops = ops_for(root->i.mode);
	return sb;
}
