/* SPDX-License-Identifier: MIT */
/*
 * missing.c - which files the program looked for in vain: a help when it fails in an incomplete root. Distinct, first
 * come. The list only grows: looked through without a lock, added to under one.
 */
#include "kernel/fs/dcache.h"
#include "kernel/fs/vfs.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/sched/spinlock.h"
#include "lib/string.h"

#define MISSING_MAX 64

static struct {
	char *path[MISSING_MAX];
	uint32_t hash[MISSING_MAX];
	unsigned nr;
	struct spinlock lock;
} missing = {.lock = SPINLOCK_INIT("missing files")};

static bool is_noted(const char *kpath, uint32_t hash, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		if (missing.hash[i] == hash && strcmp(missing.path[i], kpath) == 0)
			return true;
	return false;
}

void vfs_note_missing(const char *kpath)
{
	unsigned nr = __atomic_load_n(&missing.nr, __ATOMIC_ACQUIRE);
	uint32_t hash;
	char *copy;

	if (nr == MISSING_MAX || kpath[0] == '\0')
		return;
	hash = dcache_hash_name(kpath, strlen(kpath));
	if (is_noted(kpath, hash, nr))
		return;
	copy = kstrdup(kpath);
	if (copy == NULL)
		return;
	spin_lock(&missing.lock);
	if (missing.nr < MISSING_MAX && !is_noted(kpath, hash, missing.nr)) {
		missing.path[missing.nr] = copy;
		missing.hash[missing.nr] = hash;
		__atomic_store_n(&missing.nr, missing.nr + 1, __ATOMIC_RELEASE);
		copy = NULL;
	}
	spin_unlock(&missing.lock);
	kfree(copy);
}

void vfs_report_missing(void (*emit)(void *ctx, const char *path), void *ctx)
{
	for (unsigned i = 0; i < missing.nr; i++)
		emit(ctx, missing.path[i]);
}
