/* SPDX-License-Identifier: MIT */
/* pool.c - blocks of bump-allocated memory in a list. */
#include "vmm/cli/pool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cli/say.h"

#define POOL_BLOCK_BYTES 4000

struct pool_block {
	struct pool_block *next;
	size_t used, size;
	_Alignas(16) char data[];
};

void *pool_alloc(struct pool *pool, size_t bytes)
{
	struct pool_block *b = pool->blocks;

	bytes = ALIGN_UP(bytes, (size_t)16);
	if (!b || b->size - b->used < bytes) {
		size_t size = MAX(bytes, (size_t)POOL_BLOCK_BYTES);

		b = malloc(sizeof(*b) + size);
		if (!b) {
			say_error("out of memory while reading the command line");
			exit(125);
		}
		b->next = pool->blocks;
		b->used = 0;
		b->size = size;
		pool->blocks = b;
	}
	void *p = b->data + b->used;

	b->used += bytes;
	return p;
}

char *pool_strndup(struct pool *pool, const char *s, size_t len)
{
	char *copy = pool_alloc(pool, len + 1);

	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *pool_strdup(struct pool *pool, const char *s)
{
	return pool_strndup(pool, s, strlen(s));
}

char *pool_printf(struct pool *pool, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);

	char *s = pool_alloc(pool, (size_t)len + 1);

	va_start(ap, fmt);
	vsnprintf(s, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return s;
}

void pool_free(struct pool *pool)
{
	while (pool->blocks) {
		struct pool_block *next = pool->blocks->next;

		free(pool->blocks);
		pool->blocks = next;
	}
}
