/* SPDX-License-Identifier: MIT */
/*
 * cpu_places.h - for guest tests whose threads meet on several CPUs. With one CPU the same must hold, so that a place
 * is always there; and what is random is the same in every run.
 */
#ifndef CAY_TESTS_GUEST_CPU_PLACES_H
#define CAY_TESTS_GUEST_CPU_PLACES_H

#include <sched.h>
#include <stdint.h>

static unsigned nr_cpus;

/* Comes first in main. */
static inline void count_cpus(void)
{
	cpu_set_t set;

	sched_getaffinity(0, sizeof(set), &set);
	nr_cpus = (unsigned)CPU_COUNT(&set);
}

/* Threads of even and odd number on different CPUs, if there are several. */
static inline void go_to(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu % nr_cpus, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static inline uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

#endif
