/* SPDX-License-Identifier: MIT */
/*
 * census.h - what is resident in an area, by kind, for /proc/PID/smaps.
 * Sharing is what reference counts tell. Pages that stay on the host (the file window) have none: they count as shared
 * and clean, and as a whole in the proportional size.
 */
#ifndef CAY_KERNEL_MM_CENSUS_H
#define CAY_KERNEL_MM_CENSUS_H

#include <stdint.h>

struct vmspace;
struct area;

struct area_census {
	uint64_t rss; /* bytes, as all of these */
	uint64_t pss; /* proportional: a page that three mappings have counts a third in each */
	uint64_t pss_dirty;
	uint64_t shared_clean, shared_dirty, private_dirty;
	uint64_t anonymous; /* own memory of private areas */
	uint64_t huge;      /* of it, in huge pages */
	uint64_t locked;    /* the proportional size of locked areas */
};

/* Adds to *c what is resident of [a->start, end), end <= a->end. Lock: the vmspace lock. */
void area_census_add(struct vmspace *vs, const struct area *a, uint64_t end, struct area_census *c);

#endif
