/* SPDX-License-Identifier: MIT */
/* pseudo.c - see pseudo.h. */
#include "kernel/fs/pseudo.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "kernel/mm/kmalloc.h"
#include "kernel/time/clock.h"
#include "lib/string.h"

struct pseudo_inode {
	struct inode i; /* first: inode_free */
	const struct pseudo_node *node;
	uint64_t id;
	uint64_t parent_ino;
	int64_t time_ns;
};

static const struct inode_ops pseudo_inode_ops, jump_inode_ops;
static const struct file_ops dir_ops, file_ops;

static struct pseudo_inode *pseudo_of(struct inode *i)
{
	return container_of(i, struct pseudo_inode, i);
}

const struct pseudo_node *pseudo_node_of(struct inode *i, uint64_t *id)
{
	if (i->ops != &pseudo_inode_ops && i->ops != &jump_inode_ops)
		return NULL;
	*id = pseudo_of(i)->id;
	return pseudo_of(i)->node;
}

/* The same for the same thing, as long as the kernel runs; different for different ones (as good as always). */
static uint64_t ino_of(const struct pseudo_node *node, uint64_t id)
{
	return ((uint64_t)node >> 3 & 0xffffff) | (id * 0x9e3779b97f4a7c15ull >> 8 & 0xffffffff000000);
}

static struct inode *new_inode(struct superblock *sb, const struct pseudo_node *node, uint64_t id, uint64_t parent_ino)
{
	struct pseudo_inode *p = kmalloc(sizeof(*p));

	if (p == NULL)
		return NULL;
	inode_init(&p->i, sb, node->mode);
	p->i.ops = node->follow != NULL ? &jump_inode_ops : &pseudo_inode_ops;
	p->i.file_ops = S_ISDIR(node->mode) ? &dir_ops : &file_ops;
	p->i.ino = ino_of(node, id);
	p->i.rdev = node->number != NULL ? node->number(id) : node->rdev;
	p->i.nlink = S_ISDIR(node->mode) ? 2 : 1;
	p->node = node;
	p->id = id;
	p->parent_ino = parent_ino;
	p->time_ns = (int64_t)clock_realtime_ns();
	if (node->owner != NULL)
		(void)node->owner(id, &p->i.uid, &p->i.gid); /* of something that is just ending: root */
	return &p->i;
}

static bool name_is(const struct pseudo_node *n, const char *name, size_t len)
{
	return strlen(n->name) == len && memcmp(n->name, name, len) == 0;
}

static int pseudo_lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
	struct pseudo_inode *d = pseudo_of(dir);
	struct pseudo_found found = {NULL, d->id};

	for (const struct pseudo_node *n = d->node->children; n != NULL && n->name != NULL; n++)
		if (name_is(n, name, len))
			found.node = n;
	if (found.node == NULL) {
		int err = d->node->lookup != NULL ? d->node->lookup(d->id, name, len, &found) : -ENOENT;
		if (err != 0)
			return err;
	}
	*out = new_inode(dir->sb, found.node, found.id, dir->ino);
	return *out != NULL ? 0 : -ENOMEM;
}

static int pseudo_readlink(struct inode *i, char *buf, size_t size)
{
	struct pseudo_inode *p = pseudo_of(i);

	if (p->node->link != NULL)
		return p->node->link(p->id, buf, size);
	if (p->node->text == NULL)
		return -EINVAL;
	size_t len = MIN(strlen(p->node->text), size);
	memcpy(buf, p->node->text, len);
	return (int)len;
}

static int pseudo_follow(struct inode *i, struct path *out)
{
	struct pseudo_inode *p = pseudo_of(i);

	return p->node->follow(p->id, out);
}

static int pseudo_getattr(struct inode *i, struct kstat *st)
{
	struct pseudo_inode *p = pseudo_of(i);

	st->ino = i->ino;
	st->mode = i->mode;
	st->nlink = i->nlink + (p->node->nr_folders != NULL ? p->node->nr_folders(p->id) : 0);
	st->uid = i->uid;
	st->gid = i->gid;
	st->rdev = i->rdev;
	st->atime.sec = st->mtime.sec = st->ctime.sec = p->time_ns / (int64_t)NSEC_PER_SEC;
	st->atime.nsec = st->mtime.nsec = st->ctime.nsec = (uint32_t)(p->time_ns % (int64_t)NSEC_PER_SEC);
	return 0;
}

/* Attributes are what the tables say; touching a device's times (as `echo > /dev/null` does) is harmless. */
static int pseudo_setattr(struct inode *i, const struct kstat *st, unsigned which)
{
	(void)i;
	(void)st;
	return which & (ATTR_MODE | ATTR_UID | ATTR_GID) ? -EPERM : 0;
}

static int pseudo_open(struct inode *i, struct file *f)
{
	struct pseudo_inode *p = pseudo_of(i);

	if (p->node->device_open != NULL)
		return p->node->device_open(f);
	if (p->node->device_ops != NULL) {
		f->ops = p->node->device_ops;
		return 0;
	}
	if (S_ISREG(i->mode)) {
		struct text *t = kzalloc(sizeof(*t));
		if (t == NULL)
			return -ENOMEM;
		f->priv = t;
	}
	f->ops = i->file_ops;
	return 0;
}

static int pseudo_statfs(struct inode *i, void *statfs64)
{
	struct statfs *s = statfs64;

	s->f_type = strcmp(i->sb->type, "proc") == 0     ? PROC_SUPER_MAGIC
		    : strcmp(i->sb->type, "sysfs") == 0  ? SYSFS_MAGIC
		    : strcmp(i->sb->type, "devpts") == 0 ? DEVPTS_SUPER_MAGIC
							 : TMPFS_MAGIC;
	s->f_bsize = 4096;
	s->f_namelen = 255;
	return 0;
}

static void pseudo_evict(struct inode *i)
{
	inode_free(i);
}

static const struct inode_ops pseudo_inode_ops = {
	.lookup = pseudo_lookup,
	.readlink = pseudo_readlink,
	.getattr = pseudo_getattr,
	.setattr = pseudo_setattr,
	.open = pseudo_open,
	.statfs = pseudo_statfs,
	.evict = pseudo_evict,
};

/* Links that jump: the only difference is that follow is there. */
static const struct inode_ops jump_inode_ops = {
	.readlink = pseudo_readlink,
	.follow = pseudo_follow,
	.getattr = pseudo_getattr,
	.setattr = pseudo_setattr,
	.open = pseudo_open,
	.statfs = pseudo_statfs,
	.evict = pseudo_evict,
};

/* Folder positions: 0 ".", 1 "..", then static children, then from here on the dynamic ones' cursors. */
#define POS_DYNAMIC (1ll << 16)

static bool emit_static(struct file *f, struct dirent_sink *sink, const struct pseudo_inode *d)
{
	int64_t at = 2;

	for (const struct pseudo_node *n = d->node->children; n != NULL && n->name != NULL; n++, at++) {
		if (at < f->pos)
			continue;
		if (!sink->emit(sink, n->name, strlen(n->name), ino_of(n, d->id), (n->mode & S_IFMT) >> 12, at + 1))
			return false;
		f->pos = at + 1;
	}
	f->pos = POS_DYNAMIC;
	return true;
}

static void emit_dynamic(struct file *f, struct dirent_sink *sink, const struct pseudo_inode *d)
{
	char name[PSEUDO_NAME_MAX];
	struct pseudo_found found;

	if (d->node->next == NULL)
		return;
	for (;;) {
		uint64_t cursor = (uint64_t)(f->pos - POS_DYNAMIC);
		if (!d->node->next(d->id, &cursor, name, &found))
			return;
		int64_t next = POS_DYNAMIC + (int64_t)cursor + 1;
		if (!sink->emit(sink, name, strlen(name), ino_of(found.node, found.id),
				(found.node->mode & S_IFMT) >> 12, next))
			return;
		f->pos = next;
	}
}

static int dir_readdir(struct file *f, struct dirent_sink *sink)
{
	struct pseudo_inode *d = pseudo_of(f->inode);

	if (f->pos == 0) {
		if (!sink->emit(sink, ".", 1, f->inode->ino, S_IFDIR >> 12, 1))
			return 0;
		f->pos = 1;
	}
	if (f->pos == 1) {
		if (!sink->emit(sink, "..", 2, d->parent_ino, S_IFDIR >> 12, 2))
			return 0;
		f->pos = 2;
	}
	if (f->pos < POS_DYNAMIC && !emit_static(f, sink, d))
		return 0;
	emit_dynamic(f, sink, d);
	return 0;
}

static const struct file_ops dir_ops = {
	.readdir = dir_readdir,
};

static int make_text(const struct pseudo_inode *p, struct text *t)
{
	int err = 0;

	t->len = 0;
	t->failed = false;
	if (p->node->show != NULL)
		err = p->node->show(p->id, t);
	else if (p->node->text != NULL)
		text_puts(t, p->node->text);
	return err != 0 ? err : t->failed ? -ENOMEM : 0;
}

/* The text belongs to the open file and is made anew at position 0, so that a reader in pieces sees one state. */
static ssize_t file_read(struct file *f, struct uio *uio, int64_t pos)
{
	struct text *t = f->priv;

	if (pos == 0 || t->buf == NULL) {
		int err = make_text(pseudo_of(f->inode), t);
		if (err != 0)
			return err;
	}
	if (pos < 0 || (uint64_t)pos >= t->len || uio->resid == 0)
		return 0;
	return uio_move(t->buf + pos, MIN(t->len - (size_t)pos, uio->resid), uio);
}

#define WRITE_MAX 256

static ssize_t file_write(struct file *f, struct uio *uio, int64_t pos)
{
	struct pseudo_inode *p = pseudo_of(f->inode);
	char value[WRITE_MAX];
	size_t bytes = uio->resid;

	(void)pos;
	if (p->node->write == NULL)
		return -EACCES;
	if (bytes >= sizeof(value))
		return -EINVAL;
	ssize_t n = uio_move(value, bytes, uio);
	if (n < 0)
		return n;
	value[n] = '\0';
	int err = p->node->write(p->id, value, (size_t)n);
	return err != 0 ? err : n;
}

static void file_release(struct file *f)
{
	struct text *t = f->priv;

	text_free(t);
	kfree(t);
}

static const struct file_ops file_ops = {
	.read = file_read,
	.write = file_write,
	.release = file_release,
};

struct superblock *pseudo_create(const char *type, uint64_t dev, const struct pseudo_node *root, bool stable)
{
	struct superblock *sb = kzalloc(sizeof(*sb));

	if (sb == NULL)
		return NULL;
	sb->type = type;
	sb->dev = dev;
	sb->opens_special = true;
	sb->dcache_stable = stable;
	sb->dcache_negative = stable;
	sb->root = new_inode(sb, root, 0, 0);
	if (sb->root == NULL) {
		kfree(sb);
		return NULL;
	}
	pseudo_of(sb->root)->parent_ino = sb->root->ino;
	return sb;
}
