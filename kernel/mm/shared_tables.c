/* SPDX-License-Identifier: MIT */
/* shared_tables.c - see shared_tables.h. A list of all tables, the one used last in front; each holds its inode, and
 * with it the place of the file's pages in the window. */
#include "kernel/mm/shared_tables.h"

#include <sys/mman.h>

#include "kernel/fs/file.h"
#include "kernel/fs/vfs.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/vmspace_priv.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/refs.h"
#include "lib/string.h"

#define TABLES_MAX  64
#define PAGES_EACH  256 /* of memory, for one table that is kept */
#define PARTS_MAX   8
#define PARTS_PAGES (SHARED_MIN_BYTES / PAGE_SIZE)

/* One stretch of a block: pages of the file, in order, with the same rights. */
struct part {
	uint64_t pgoff;
	uint32_t first, nr; /* pages of the block */
	int prot;
};

/* What lies in a block: all of it is one file's. */
struct parts {
	struct inode *inode; /* counted in a shared_table */
	const struct file_ops *ops;
	unsigned nr;
	struct part part[PARTS_MAX];
};

struct shared_table {
	struct list link;
	uint64_t *table;
	unsigned users; /* links to it; who lets go has no kernel lock, perhaps */
	unsigned pages; /* entries that are not empty */
	struct parts parts;
};

/* That an address space has one, in vs->shared, or had, in vs->left. */
struct shared_link {
	struct list link;
	uint64_t block;
	struct shared_table *shared;
};

static struct list tables = LIST_INIT(tables);
static unsigned nr_tables;

static bool can_share(const struct area *a)
{
	return a->file != NULL && a->file->ops->map_is_costly && a->file->inode->sb != NULL &&
	       a->file->inode->sb->dcache_stable && (a->flags & ~AREA_MAYWRITE) == 0 && !(a->prot & PROT_WRITE) &&
	       a->prot != PROT_NONE;
}

static bool add_part(struct parts *p, const struct area *a, uint64_t block)
{
	uint64_t start = MAX(a->start, block), end = MIN(a->end, block + HUGE_SIZE);
	struct part new = {.pgoff = a->pgoff + (start - a->start) / PAGE_SIZE,
			   .first = (uint32_t)((start - block) / PAGE_SIZE),
			   .nr = (uint32_t)((end - start) / PAGE_SIZE),
			   .prot = a->prot};
	struct part *last = p->nr > 0 ? &p->part[p->nr - 1] : NULL;

	if (last != NULL && last->first + last->nr == new.first && last->pgoff + last->nr == new.pgoff &&
	    last->prot == new.prot) { /* one area or two makes no difference */
		last->nr += new.nr;
		return true;
	}
	if (p->nr == PARTS_MAX)
		return false;
	p->part[p->nr++] = new;
	return true;
}

/* False: not all of the block can be shared, or it is not worth it. */
static bool find_parts(struct vmspace *vs, uint64_t block, struct parts *p)
{
	struct area *a = area_find_from(&vs->areas, block);
	uint64_t pages = 0;

	*p = (struct parts){0};
	for (; a != NULL && a->start < block + HUGE_SIZE; a = area_next(a)) {
		if (!can_share(a) || (p->inode != NULL && (p->inode != a->file->inode || p->ops != a->file->ops)))
			return false;
		p->inode = a->file->inode;
		p->ops = a->file->ops;
		if (!add_part(p, a, block))
			return false;
	}
	for (unsigned i = 0; i < p->nr; i++)
		pages += p->part[i].nr;
	return pages >= PARTS_PAGES;
}

static bool same_parts(const struct parts *a, const struct parts *b)
{
	if (a->inode != b->inode || a->ops != b->ops || a->nr != b->nr)
		return false;
	for (unsigned i = 0; i < a->nr; i++) {
		const struct part *x = &a->part[i], *y = &b->part[i];

		if (x->pgoff != y->pgoff || x->first != y->first || x->nr != y->nr || x->prot != y->prot)
			return false;
	}
	return true;
}

static struct shared_table *find_table(const struct parts *p)
{
	list_for_each (t, &tables, link, struct shared_table)
		if (same_parts(&t->parts, p))
			return t;
	return NULL;
}

static void destroy(struct shared_table *t)
{
	paging_table_destroy(t->table);
	inode_put(t->parts.inode);
	kfree(t);
}

/* The one that was used longest ago, of those that nobody has. */
static bool drop_oldest_unused(void)
{
	for (struct list *l = tables.prev; l != &tables; l = l->prev) {
		struct shared_table *t = container_of(l, struct shared_table, link);

		if (__atomic_load_n(&t->users, __ATOMIC_ACQUIRE) > 0) /* pairs with shared_tables_let_go */
			continue;
		list_remove(&t->link);
		nr_tables--;
		destroy(t);
		return true;
	}
	return false;
}

void shared_tables_drop_unused(void)
{
	while (drop_oldest_unused()) {
	}
}

/* Entries of a part, as far as the file goes. False: its pages are not the host's, and so may be others tomorrow. */
static bool fill_part(struct shared_table *t, struct file *f, const struct part *p)
{
	struct page_run run;

	for (uint32_t done = 0; done < p->nr; done += (uint32_t)run.nr) {
		if (f->ops->map(f, p->pgoff + done, p->nr - done, false, &run) != 0)
			return true;
		if (run.counted)
			return false;
		for (uint32_t i = 0; i < run.nr; i++)
			t->table[p->first + done + i] = (run.pa.v + i * PAGE_SIZE) | paging_prot_bits(p->prot);
		t->pages += (unsigned)run.nr;
	}
	return true;
}

static bool fill_all(struct shared_table *t, struct file *f)
{
	for (unsigned i = 0; i < t->parts.nr; i++)
		if (!fill_part(t, f, &t->parts.part[i]))
			return false;
	return true;
}

/* Filled, in no list yet. NULL: no memory, or not to be shared. */
static struct shared_table *create(struct file *f, const struct parts *p)
{
	struct shared_table *t = kzalloc(sizeof(*t));

	if (t == NULL)
		return NULL;
	t->table = paging_table_create();
	if (t->table == NULL) {
		kfree(t);
		return NULL;
	}
	t->parts = *p;
	inode_get(t->parts.inode);
	if (fill_all(t, f))
		return t;
	destroy(t);
	return NULL;
}

/* Puts a new one into the list, unless there is one by now (filling may have slept), or no room. Returns what is there.
 */
static struct shared_table *insert(struct shared_table *new)
{
	struct shared_table *t = find_table(&new->parts);

	if (t == NULL && (nr_tables < MIN(TABLES_MAX, page_nr_total() / PAGES_EACH) || drop_oldest_unused())) {
		list_push_front(&tables, &new->link);
		nr_tables++;
		return new;
	}
	destroy(new);
	return t;
}

/* A table of these parts, with one user more. */
static struct shared_table *get_table(struct file *f, const struct parts *p)
{
	struct shared_table *t = find_table(p);

	if (t == NULL) {
		t = create(f, p);
		if (t != NULL)
			t = insert(t);
	} else { /* used last: to the front */
		list_remove(&t->link);
		list_push_front(&tables, &t->link);
	}
	if (t != NULL)
		refs_get(&t->users);
	return t;
}

static bool add_link(struct vmspace *vs, uint64_t block, struct shared_table *t)
{
	struct shared_link *l = kmalloc(sizeof(*l));

	if (l == NULL || !paging_link(vs->root, block, t->table)) {
		kfree(l);
		return false;
	}
	l->block = block;
	l->shared = t;
	list_push_back(&vs->shared, &l->link);
	ptes_account(vs, (long)t->pages);
	return true;
}

bool shared_tables_join(struct vmspace *vs, uint64_t addr)
{
	uint64_t block = ALIGN_DOWN(addr, HUGE_SIZE);
	struct parts p;
	struct shared_table *t;

	/* The process backend's TLB is its mappings, which no table makes cheaper: programs that run alone start 8 %
	 * sooner with it, those that alternate (ls | cat) 11 % later. */
	if (boot_info->stub_flush != 0)
		return false;
	if (!find_parts(vs, block, &p))
		return false;
	t = get_table(area_find_from(&vs->areas, block)->file, &p);
	if (t == NULL)
		return false;
	if (!add_link(vs, block, t)) {
		(void)!refs_put(&t->users);
		return false;
	}
	for (struct area *a = area_find_from(&vs->areas, block); a != NULL && a->start < block + HUGE_SIZE;
	     a = area_next(a))
		a->touched += (uint32_t)((MIN(a->end, block + HUGE_SIZE) - MAX(a->start, block)) / PAGE_SIZE);
	return true;
}

static struct shared_link *find_link(const struct vmspace *vs, uint64_t start, uint64_t end)
{
	list_for_each (l, &vs->shared, link, struct shared_link)
		if (l->block < end && l->block + HUGE_SIZE > start)
			return l;
	return NULL;
}

bool shared_tables_has(const struct vmspace *vs, uint64_t addr)
{
	return find_link(vs, addr, addr + 1) != NULL;
}

void shared_tables_leave(struct vmspace *vs, uint64_t start, uint64_t end, struct tlb_batch *b)
{
	struct tlb_batch now = {0};
	struct shared_link *l;

	while ((l = find_link(vs, start, end)) != NULL) {
		paging_unlink(vs->root, l->block);
		ptes_account(vs, -(long)l->shared->pages);
		tlb_batch_add_all(b != NULL ? b : &now);
		list_remove(&l->link);
		list_push_back(&vs->left, &l->link);
	}
	if (now.nr == 0)
		return;
	tlb_batch_flush_in(vs->root.v, &now);
	shared_tables_let_go(vs);
}

void shared_tables_let_go(struct vmspace *vs)
{
	list_for_each_safe (l, &vs->left, link, struct shared_link) {
		list_remove(&l->link);
		(void)!refs_put(&l->shared->users); /* one that nobody has stays, until its place is needed */
		kfree(l);
	}
}

void shared_tables_fork(const struct vmspace *parent, struct vmspace *child)
{
	list_for_each (l, &parent->shared, link, struct shared_link)
		if (add_link(child, l->block, l->shared))
			refs_get(&l->shared->users);
}
