/* SPDX-License-Identifier: MIT */
/*
 * stint.h - which pages an address space touched the last time it was the current one. A switch forgets all mappings;
 * what two processes that hand work to each other touch is the same each time, and mapping it at once costs half of
 * what the faults do. Only a hint: the tables say what is there, now as at a fault.
 */
#ifndef CAY_VMM_BACKEND_PROCESS_STUB_STINT_H
#define CAY_VMM_BACKEND_PROCESS_STUB_STINT_H

#include <stdint.h>

#define STINT_SPACES 8u  /* that are remembered */
#define STINT_PAGES  96u /* of each, the first that it touched */
#define STINT_TURNS                                                                                                    \
	8u /* each time after so many, what is touched is learnt anew: pages that no longer are drop out               \
	    */

struct stint {
	uint64_t root; /* CR3 */
	uint64_t used; /* when */
	unsigned turn;
	unsigned nr;
	uint64_t va[STINT_PAGES];
};

/* The address space with these tables becomes the current one. What it has in va[] may be mapped; from now on it is
 * added to. */
struct stint *stint_begin(uint64_t root);
/* A fault at va has been served. */
void stint_note(struct stint *s, uint64_t va);

#endif
