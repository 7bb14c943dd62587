/* SPDX-License-Identifier: MIT */
#include "vmm/cli/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct table {
	unsigned nr_columns;
	size_t nr, room; /* cells, headings included */
	char **cell;
	size_t width[TABLE_COLUMNS_MAX];
};

static void add_text(struct table *t, char *text)
{
	unsigned column = (unsigned)(t->nr % t->nr_columns);

	if (t->nr == t->room) {
		size_t room = t->room * 2;
		char **more = realloc(t->cell, room * sizeof(*more));

		if (more == NULL) {
			free(text);
			return;
		}
		t->cell = more;
		t->room = room;
	}
	t->width[column] = MAX(t->width[column], strlen(text));
	t->cell[t->nr++] = text;
}

struct table *table_new(const char *const *headings)
{
	struct table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	while (headings[t->nr_columns] != NULL && t->nr_columns < TABLE_COLUMNS_MAX)
		t->nr_columns++;
	t->room = 64;
	t->cell = calloc(t->room, sizeof(*t->cell));
	if (t->cell == NULL) {
		free(t);
		return NULL;
	}
	for (unsigned i = 0; i < t->nr_columns; i++)
		table_add(t, "%s", headings[i]);
	return t;
}

void table_add(struct table *t, const char *fmt, ...)
{
	char *text;
	va_list ap;

	if (t == NULL)
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) >= 0)
		add_text(t, text);
	va_end(ap);
}

void table_print(struct table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->nr; i++) {
		unsigned column = (unsigned)(i % t->nr_columns);

		if (column + 1 == t->nr_columns)
			printf("%s\n", t->cell[i]);
		else
			printf("%-*s  ", (int)t->width[column], t->cell[i]);
		free(t->cell[i]);
	}
	free(t->cell);
	free(t);
}
