/* SPDX-License-Identifier: MIT */
/*
 * hostfs_plus.c - shall a listing bring the attributes of its entries along? That costs the host a stat for each (1 us)
 * and saves a request for each that the program asks about (5 us and more): `ls -l` asks about all of them, python's
 * import about 3 of 200. So it is decided by what happened to the listings before: names alone are fetched until a good
 * part of the names of such listings were asked for one by one; then attributes come along, and now and then the
 * question is put again.
 */
#include "kernel/fs/hostfs.h"

#define ASKED_MIN  4u  /* fewer are no habit */
#define PLUS_RUN   16u /* listings until the next one without attributes */
#define LISTED_MAX 4096u

static struct {
	unsigned listed, asked; /* names in listings without attributes; of those, asked for afterwards */
	unsigned plus_left;
} habit;

bool hostfs_plus_wanted(struct hostfs_inode *dir)
{
	bool wanted = habit.plus_left > 0;

	if (!wanted && habit.asked >= ASKED_MIN && habit.asked >= habit.listed / 2) {
		habit.plus_left = PLUS_RUN;
		habit.listed = habit.asked = 0;
		wanted = true;
	}
	if (wanted)
		habit.plus_left--;
	dir->listed_without_attr = !wanted;
	return wanted;
}

void hostfs_plus_listed(void)
{
	if (++habit.listed >= LISTED_MAX) { /* what was long ago counts less and less */
		habit.listed /= 2;
		habit.asked /= 2;
	}
}

void hostfs_plus_asked(const struct hostfs_inode *dir)
{
	if (dir->listed_without_attr)
		habit.asked++;
}
