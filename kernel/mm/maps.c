/* SPDX-License-Identifier: MIT */
/* maps.c - the text of /proc/self/maps (proc(5)). */
#include <sys/mman.h>

#include "kernel/fs/vfs.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/vmspace_priv.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define PATH_BYTES  4096
#define NAME_COLUMN 73 /* where the kernel of Linux puts names; some parsers count on it */

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

void vmspace_print_maps(struct vmspace *vs, void (*emit)(void *ctx, const char *text, size_t bytes), void *ctx)
{
	char *path = kmalloc(PATH_BYTES);

	vmspace_lock(vs);
	for (struct area *a = area_first(&vs->areas); a != NULL; a = area_next(a)) {
		char line[128];
		size_t pos = 0;
		uint64_t end = a->end, dev = 0, ino = 0;
		const char *name = area_name(vs, a, path);

		if ((a->flags & AREA_HEAP) && end > page_up(vs->brk) && a->start < page_up(vs->brk))
			end = page_up(vs->brk); /* what lies beyond is nobody's */
		if (a->file != NULL && a->name == NULL) {
			struct inode *i = file_inode(a->file);

			ino = i->ino;
			dev = i->sb ? i->sb->dev : 0;
		}
		fmt_append(line, sizeof(line), &pos, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", a->start, end,
			   a->prot & PROT_READ ? 'r' : '-', a->prot & PROT_WRITE ? 'w' : '-',
			   a->prot & PROT_EXEC ? 'x' : '-', a->flags & AREA_SHARED ? 's' : 'p',
			   a->name == NULL ? a->pgoff * PAGE_SIZE : 0, (unsigned)(dev >> 8 & 0xfff),
			   (unsigned)(dev & 0xff), ino);
		while (name[0] != '\0' && pos < NAME_COLUMN)
			line[pos++] = ' ';
		emit(ctx, line, pos);
		emit(ctx, name, strlen(name));
		emit(ctx, "\n", 1);
	}
	vmspace_unlock(vs);
	kfree(path);
}
