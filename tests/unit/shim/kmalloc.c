/* SPDX-License-Identifier: MIT */
/* kmalloc.c - kernel/mm/kmalloc.h on the host: malloc, so that the sanitizers see every byte; fails on demand. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/mm/kmalloc.h"
#include "shim.h"

static long left = -1;
static size_t in_use;

void shim_kmalloc_fail_after(long n)
{
	left = n;
}

static bool allowed(void)
{
	if (left < 0)
		return true;
	if (left == 0)
		return false;
	left--;
	return true;
}

static void *counted(void *p)
{
	if (p != NULL)
		in_use += malloc_usable_size(p);
	return p;
}

void *kmalloc(size_t bytes)
{
	return allowed() ? counted(malloc(bytes)) : NULL;
}

void *kzalloc(size_t bytes)
{
	return allowed() ? counted(calloc(1, bytes)) : NULL;
}

void *krealloc(void *p, size_t bytes)
{
	size_t old = p ? malloc_usable_size(p) : 0;
	void *q;

	if (!allowed())
		return NULL;
	q = realloc(p, bytes);
	if (q != NULL) {
		in_use -= old;
		counted(q);
	}
	return q;
}

char *kstrdup(const char *s)
{
	return allowed() ? counted(strdup(s)) : NULL;
}

void kfree(void *p)
{
	if (p != NULL)
		in_use -= malloc_usable_size(p);
	free(p);
}

size_t kmalloc_bytes_used(void)
{
	return in_use;
}
