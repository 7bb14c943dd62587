/* SPDX-License-Identifier: MIT */
/*
 * pool.h - memory of the command line: many small strings that live equally long and are freed together.
 * Allocation never fails for the caller: out of memory while reading options ends the process with a message (status
 * 125), because nothing exists yet that would need undoing.
 */
#ifndef CAY_VMM_CLI_POOL_H
#define CAY_VMM_CLI_POOL_H

#include <stddef.h>

#include "lib/compiler.h"

struct pool_block;
struct pool {
	struct pool_block *blocks;
};

void *pool_alloc(struct pool *pool, size_t bytes);
char *pool_strdup(struct pool *pool, const char *s);
char *pool_strndup(struct pool *pool, const char *s, size_t len);
char *pool_printf(struct pool *pool, const char *fmt, ...) PRINTF_LIKE(2, 3);
void pool_free(struct pool *pool);

#endif
