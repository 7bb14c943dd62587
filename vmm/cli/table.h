/* SPDX-License-Identifier: MIT */
/* table.h - columns of text as wide as their widest cell. */
#ifndef CAY_VMM_CLI_TABLE_H
#define CAY_VMM_CLI_TABLE_H

#include "lib/compiler.h"

#define TABLE_COLUMNS_MAX 12

struct table;

/* A table with these headings, ending with NULL. NULL without memory; the calls below accept that. */
struct table *table_new(const char *const *headings);
/* The next cell, from left to right and then the next row. */
void table_add(struct table *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Prints on stdout and frees. The last column is not padded. */
void table_print(struct table *t);

#endif
