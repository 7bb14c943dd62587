/* SPDX-License-Identifier: MIT */
/* proc_mounts.c - the mounts, in the two formats of proc(5). The second is made from the first. */
#include "kernel/fs/proc/proc.h"

int proc_show_mounts(uint64_t id, struct text *t)
{
	(void)id;
	vfs_print_mounts(text_emit, t);
	return 0;
}

#define FIELDS 4 /* source, where, type, options; then "0 0" */

/* Splits a line at blanks. Returns the fields found. */
static unsigned split(const char *line, size_t len, const char *field[FIELDS], int field_len[FIELDS])
{
	unsigned n = 0;

	for (size_t at = 0; at < len && n < FIELDS; n++) {
		size_t start = at;
		while (at < len && line[at] != ' ')
			at++;
		field[n] = line + start;
		field_len[n] = (int)(at - start);
		at++;
	}
	return n;
}

int proc_show_mountinfo(uint64_t id, struct text *t)
{
	const char *field[FIELDS];
	int len[FIELDS];
	struct text mounts = {0};
	unsigned nr = 0;

	(void)id;
	vfs_print_mounts(text_emit, &mounts);
	for (size_t at = 0; at < mounts.len;) {
		size_t end = at;
		while (end < mounts.len && mounts.buf[end] != '\n')
			end++;
		if (split(mounts.buf + at, end - at, field, len) == FIELDS) {
			/* Number, parent (all hang off the first), device, what of it is mounted, where... */
			nr++;
			text_printf(t, "%u %u 0:%u / %.*s %.*s - %.*s %.*s rw\n", nr, nr == 1 ? 0 : 1, nr, len[1],
				    field[1], len[3], field[3], len[2], field[2], len[0], field[0]);
		}
		at = end + 1;
	}
	if (mounts.failed)
		t->failed = true;
	text_free(&mounts);
	return 0;
}
