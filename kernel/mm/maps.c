/* SPDX-License-Identifier: MIT */
/* maps.c - the texts of /proc/self/maps, smaps and smaps_rollup (proc(5)). */
#include <sys/mman.h>

#include "kernel/fs/vfs.h"
#include "kernel/mm/census.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/vmspace_priv.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define PATH_BYTES  4096
#define NAME_COLUMN 73 /* where the kernel of Linux puts names; some parsers count on it */
#define SIZE_COLUMN 16

static const char *area_name(struct vmspace *vs, struct area *a, char *path)
{
	struct path p;

	if (a->name != NULL)
		return a->name;
	if (a->flags & AREA_HEAP)
		return "[heap]";
	if ((a->flags & AREA_GROWSDOWN) && (a->flags & AREA_STACK) && a->start > vs->mmap_top)
		return "[stack]";
	if (a->file == NULL)
		return (a->flags & AREA_SHARED) ? "/dev/zero (deleted)" : "";
	if (path == NULL || file_path(a->file, &p) != 0)
		return "?";
	if (path_to_text(&p, path, PATH_BYTES) < 0)
		memcpy(path, "?", 2);
	path_put(&p);
	return path;
}

void vmspace_name(struct vmspace *vs, uint64_t addr, const char *name)
{
	struct area *a;

	vmspace_lock(vs);
	a = area_find(&vs->areas, addr);
	if (a != NULL)
		a->name = name;
	vmspace_unlock(vs);
}

struct printer {
	struct vmspace *vs;
	void (*emit)(void *ctx, const char *text, size_t bytes);
	void *ctx;
	char *path; /* PATH_BYTES, or NULL: no memory */
};

static void emit_line(const struct printer *p, const char *head, size_t head_bytes, const char *name)
{
	p->emit(p->ctx, head, head_bytes);
	p->emit(p->ctx, name, strlen(name));
	p->emit(p->ctx, "\n", 1);
}

static void print_area(const struct printer *p, struct area *a, uint64_t end)
{
	char line[128];
	size_t pos = 0;
	uint64_t dev = 0, ino = 0;
	const char *name = area_name(p->vs, a, p->path);

	if (a->file != NULL && a->name == NULL) {
		struct inode *i = file_inode(a->file);

		ino = i->ino;
		dev = i->sb ? i->sb->dev : 0;
	}
	fmt_append(line, sizeof(line), &pos, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", a->start, end,
		   a->prot & PROT_READ ? 'r' : '-', a->prot & PROT_WRITE ? 'w' : '-', a->prot & PROT_EXEC ? 'x' : '-',
		   a->flags & AREA_SHARED ? 's' : 'p', a->name == NULL ? a->pgoff * PAGE_SIZE : 0,
		   (unsigned)(dev >> 8 & 0xfff), (unsigned)(dev & 0xff), ino);
	while (name[0] != '\0' && pos < NAME_COLUMN)
		line[pos++] = ' ';
	emit_line(p, line, pos, name);
}

static void print_kb(const struct printer *p, const char *name, uint64_t bytes)
{
	char line[64];
	size_t pos = 0;

	fmt_append(line, sizeof(line), &pos, "%s:", name);
	while (pos < SIZE_COLUMN)
		line[pos++] = ' ';
	fmt_append(line, sizeof(line), &pos, "%8llu kB\n", (unsigned long long)bytes / 1024);
	p->emit(p->ctx, line, pos);
}

static void print_census(const struct printer *p, const struct area_census *c)
{
	const struct {
		const char *name;
		uint64_t bytes;
	} row[] = {
		{"Rss", c->rss},
		{"Pss", c->pss},
		{"Pss_Dirty", c->pss_dirty},
		{"Shared_Clean", c->shared_clean},
		{"Shared_Dirty", c->shared_dirty},
		{"Private_Clean", 0},
		{"Private_Dirty", c->private_dirty},
		{"Referenced", c->rss},
		{"Anonymous", c->anonymous},
		{"LazyFree", 0},
		{"AnonHugePages", c->huge},
		{"ShmemPmdMapped", 0},
		{"FilePmdMapped", 0},
		{"Shared_Hugetlb", 0},
		{"Private_Hugetlb", 0},
		{"Swap", 0},
		{"SwapPss", 0},
		{"Locked", c->locked},
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++)
		print_kb(p, row[i].name, row[i].bytes);
}

/* The letters of proc(5) that mean something here. */
static void print_flags(const struct printer *p, const struct area *a)
{
	const struct {
		bool set;
		const char *letters;
	} flag[] = {
		{a->prot & PROT_READ, " rd"},        {a->prot & PROT_WRITE, " wr"},
		{a->prot & PROT_EXEC, " ex"},        {a->flags & AREA_SHARED, " sh"},
		{a->flags & AREA_GROWSDOWN, " gd"},  {a->flags & AREA_LOCKED, " lo"},
		{a->flags & AREA_DONTFORK, " dc"},   {a->flags & AREA_NORESERVE, " nr"},
		{a->flags & AREA_WIPEONFORK, " wf"}, {a->flags & AREA_DONTDUMP, " dd"},
		{a->flags & AREA_HUGE, " hg"},       {a->flags & AREA_NOHUGE, " nh"},
	};
	char line[64];
	size_t pos = 0;

	fmt_append(line, sizeof(line), &pos, "VmFlags:");
	for (size_t i = 0; i < ARRAY_SIZE(flag); i++)
		if (flag[i].set)
			fmt_append(line, sizeof(line), &pos, "%s", flag[i].letters);
	fmt_append(line, sizeof(line), &pos, " \n");
	p->emit(p->ctx, line, pos);
}

static void print_detailed(const struct printer *p, struct area *a, uint64_t end)
{
	struct area_census c = {0};

	print_area(p, a, end);
	print_kb(p, "Size", end - a->start);
	print_kb(p, "KernelPageSize", PAGE_SIZE);
	print_kb(p, "MMUPageSize", PAGE_SIZE);
	area_census_add(p->vs, a, end, &c);
	print_census(p, &c);
	print_flags(p, a);
}

static void print_sum(const struct printer *p, uint64_t first, uint64_t last, const struct area_census *sum)
{
	char line[128];
	size_t pos = 0;

	fmt_append(line, sizeof(line), &pos, "%08lx-%08lx ---p 00000000 00:00 0 ", first, last);
	while (pos < NAME_COLUMN)
		line[pos++] = ' ';
	emit_line(p, line, pos, "[rollup]");
	print_census(p, sum);
}

void vmspace_print_maps(struct vmspace *vs, enum maps_style style,
			void (*emit)(void *ctx, const char *text, size_t bytes), void *ctx)
{
	const struct printer p = {.vs = vs, .emit = emit, .ctx = ctx, .path = kmalloc(PATH_BYTES)};
	struct area_census sum = {0};
	uint64_t first = 0, last = 0;

	vmspace_lock(vs);
	for (struct area *a = area_first(&vs->areas); a != NULL; a = area_next(a)) {
		uint64_t end = a->end;

		if ((a->flags & AREA_HEAP) && end > page_up(vs->brk) && a->start < page_up(vs->brk))
			end = page_up(vs->brk); /* what lies beyond is nobody's */
		first = last == 0 ? a->start : first;
		last = end;
		if (style == MAPS_SUM)
			area_census_add(vs, a, end, &sum);
		else if (style == MAPS_DETAILED)
			print_detailed(&p, a, end);
		else
			print_area(&p, a, end);
	}
	if (style == MAPS_SUM)
		print_sum(&p, first, last, &sum);
	vmspace_unlock(vs);
	kfree(p.path);
}
