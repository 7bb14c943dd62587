/* SPDX-License-Identifier: MIT */
/* missing.c - which files the program looked for in vain: a help when it fails in an incomplete root. Distinct, first
 * come. */
#include "kernel/fs/dcache.h"
#include "kernel/fs/vfs.h"
#include "kernel/mm/kmalloc.h"
#include "lib/string.h"

#define MISSING_MAX 64

static struct {
	char *path[MISSING_MAX];
	uint32_t hash[MISSING_MAX];
	unsigned nr;
} missing;

void vfs_note_missing(const char *kpath)
{
	uint32_t hash;

	if (missing.nr == MISSING_MAX || kpath[0] == '\0')
		return;
	hash = dcache_hash_name(kpath, strlen(kpath));
	for (unsigned i = 0; i < missing.nr; i++)
		if (missing.hash[i] == hash && strcmp(missing.path[i], kpath) == 0)
			return;
	missing.path[missing.nr] = kstrdup(kpath);
	if (missing.path[missing.nr] == NULL)
		return;
	missing.hash[missing.nr++] = hash;
}

void vfs_report_missing(void (*emit)(void *ctx, const char *path), void *ctx)
{
	for (unsigned i = 0; i < missing.nr; i++)
		emit(ctx, missing.path[i]);
}
