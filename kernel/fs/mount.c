/* SPDX-License-Identifier: MIT */
/* mount.c - see mount.h. A handful of mounts: one list, looked through only at dentries that carry the mark. */
#include <errno.h>
#include <sys/stat.h>

#include "kernel/fs/dcache.h"
#include "kernel/fs/fs_context.h"
#include "kernel/fs/mount.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/sched/klock.h"
#include "lib/string.h"

static struct list mounts = LIST_INIT(mounts);

static void free_mount(struct rcu_head *h)
{
	struct mount *m = container_of(h, struct mount, rcu);

	kfree(m->source);
	kfree(m);
}

/* Only a detached mount gets here: the list holds a reference. */
static void destroy(struct mount *m)
{
	dentry_put(m->root);
	dcache_shrink(m->sb);
	if (--m->sb->nr_mounts == 0 && m->sb->destroy != NULL) {
		inode_put(m->sb->root);
		m->sb->destroy(m->sb);
	}
	rcu_free_later(&m->rcu, free_mount);
}

void mount_put(struct mount *m)
{
	bool entered;

	if (m == NULL || refs_put_unless_last(&m->refs))
		return;
	entered = kernel_enter();
	if (refs_put(&m->refs))
		destroy(m);
	if (entered)
		kernel_leave();
}

struct mount *mount_find(const struct mount *m, const struct dentry *d)
{
	if (likely(d->mounted != NULL && d->mounted->parent == m))
		return d->mounted;
	list_for_each (it, &mounts, link, struct mount) {
		if (it->mountpoint == d && it->parent == m)
			return it;
	}
	return NULL;
}

void mount_cross_down(struct path *p)
{
	struct mount *m;

	while (p->dentry->nr_mounts > 0 && (m = mount_find(p->mount, p->dentry)) != NULL) {
		struct path up = *p;
		p->mount = mount_get(m);
		p->dentry = dentry_get(m->root);
		path_put(&up);
	}
}

bool mount_cross_up(struct path *p)
{
	struct mount *m = p->mount;

	if (p->dentry != m->root || m->parent == NULL)
		return false;
	p->mount = mount_get(m->parent);
	p->dentry = dentry_get(m->mountpoint);
	dentry_put(m->root);
	mount_put(m);
	return true;
}

static struct mount *mount_create(struct superblock *sb, struct dentry *root, unsigned flags, const char *source)
{
	struct mount *m = kzalloc(sizeof(*m));

	if (m == NULL)
		return NULL;
	m->source = kstrdup(source);
	if (m->source == NULL) {
		kfree(m);
		return NULL;
	}
	if (root == NULL) {
		root = dentry_create_root(inode_get(sb->root), NULL);
		if (root == NULL) {
			inode_put(sb->root);
			kfree(m->source);
			kfree(m);
			return NULL;
		}
	}
	m->refs = 1;
	m->flags = flags;
	m->sb = sb;
	sb->nr_mounts++;
	m->root = root;
	list_init(&m->link);
	return m;
}

int mount_attach(struct superblock *sb, struct dentry *root, const struct path *at, unsigned flags, const char *source)
{
	struct inode *top = root != NULL ? root->inode : sb->root;
	struct mount *m;

	if (S_ISDIR(top->mode) != S_ISDIR(at->dentry->inode->mode))
		return -ENOTDIR;
	m = mount_create(sb, root, flags, source);
	if (m == NULL)
		return -ENOMEM;
	m->parent = mount_get(at->mount);
	m->mountpoint = dentry_get(at->dentry);
	list_push_back(&mounts, &m->link);
	tree_change_begin();
	m->mountpoint->nr_mounts++;
	__atomic_store_n(&m->mountpoint->mounted, m, __ATOMIC_RELEASE); /* what m is, first: walk_quick.c */
	tree_change_end();
	return 0;
}

int mount_detach(const struct path *p, bool lazy)
{
	struct mount *m = p->mount;
	struct path at;

	if (p->dentry != m->root || m->parent == NULL)
		return -EINVAL;
	list_for_each (it, &mounts, link, struct mount) {
		if (it->parent == m)
			return -EBUSY;
	}
	/* The list's reference and the caller's path are expected; anything else is an open file or somebody's
	 * directory. */
	if (!lazy && m->refs > 2)
		return -EBUSY;
	list_remove(&m->link);
	at = (struct path){m->parent, m->mountpoint};
	tree_change_begin();
	at.dentry->nr_mounts--;
	if (at.dentry->mounted == m)
		at.dentry->mounted = NULL;
	m->mountpoint = NULL;
	m->parent = NULL;
	tree_change_end();
	path_put(&at);
	mount_put(m);
	return 0;
}

void mount_sync_all(void)
{
	list_for_each (m, &mounts, link, struct mount) {
		if (m->sb->sync == NULL)
			continue;
		mount_get(m);
		(void)m->sb->sync(m->sb);
		bool detached = m->parent == NULL && m->mountpoint == NULL && m->refs == 1;
		mount_put(m);
		if (detached)
			return; /* unmounted meanwhile: its neighbours are unknown now */
	}
}

struct mount *mount_anon(void)
{
	static struct superblock sb = {.type = "anon_inodefs", .dcache_stable = true};
	static struct mount anon = {.refs = 1, .sb = &sb, .source = (char *)"none"};

	return mount_get(&anon);
}

int vfs_mount(struct superblock *sb, const char *kpath, unsigned mount_flags)
{
	struct path at;
	int err = vfs_lookup(-1, kpath, LOOKUP_FOLLOW, &at);

	if (err != 0)
		return err;
	err = mount_attach(sb, NULL, &at, mount_flags, sb->type);
	path_put(&at);
	return err;
}

int vfs_mount_root(struct superblock *sb)
{
	struct mount *m;
	struct fs_context *fs;

	ASSERT(list_empty(&mounts));
	fs = kzalloc(sizeof(*fs));
	m = mount_create(sb, NULL, 0, sb->type);
	if (fs == NULL || m == NULL)
		panic("no memory for the root file system");
	list_push_back(&mounts, &m->link);
	fs->refs = 1;
	fs->umask = 022;
	fs->root = (struct path){.mount = mount_get(m), .dentry = dentry_get(m->root)};
	fs->cwd = path_get(&fs->root);
	fs_context_init(fs);
	return 0;
}

static void emit_text(void (*emit)(void *ctx, const char *text, size_t bytes), void *ctx, const char *s)
{
	emit(ctx, s, strlen(s));
}

void vfs_print_mounts(void (*emit)(void *ctx, const char *text, size_t bytes), void *ctx)
{
	char *where = kmalloc(4096);

	if (where == NULL)
		return;
	list_for_each (m, &mounts, link, struct mount) {
		struct path p = {.mount = m, .dentry = m->root};
		if (path_to_text(&p, where, 4096) < 0)
			continue;
		emit_text(emit, ctx, m->source);
		emit_text(emit, ctx, " ");
		emit_text(emit, ctx, where);
		emit_text(emit, ctx, " ");
		emit_text(emit, ctx, m->sb->type);
		emit_text(emit, ctx, mount_is_read_only(m) ? " ro,relatime 0 0\n" : " rw,relatime 0 0\n");
	}
	kfree(where);
}
