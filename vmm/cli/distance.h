/* SPDX-License-Identifier: MIT */
/* distance.h - how far two short words are apart, for "did you mean". */
#ifndef CAY_VMM_CLI_DISTANCE_H
#define CAY_VMM_CLI_DISTANCE_H

/* Letters to insert, delete, replace, or swap with a neighbour. Words longer than 31 letters are simply far apart. */
unsigned edit_distance(const char *a, const char *b);

#endif
