/* SPDX-License-Identifier: MIT */
/*
 * gmem.h - guest RAM as the host sees it.
 * Trust: contents may change at any moment, so read each value once into a local before checking it.
 */
#ifndef CAY_VMM_CORE_GMEM_H
#define CAY_VMM_CORE_GMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/layout.h"
#include "lib/compiler.h"

struct gmem {
	uint8_t *hva; /* 2 MiB aligned; [hva, hva + bytes) is RAM from GPA 0 */
	uint64_t bytes;
	int fd; /* shared: the memfd that it is; else -1 */
};

/* shared: for a guest in another process. Returns 0 or -errno. */
MUST_CHECK int gmem_create(struct gmem *gm, uint64_t bytes, bool shared);
void gmem_destroy(struct gmem *gm);

/*
 * Host pages below here are small, because little is used there, and a KVM without VT-x maps no block as huge that
 * holds page tables. All else is huge pages.
 */
#define GMEM_SMALL_BYTES CAY_HUGE_BYTES

/* Makes the host's pages for what the kernel touches first. Advice: cannot fail. */
void gmem_populate_start(struct gmem *gm);
/* Copies into guest memory before the start, when there may be no pages yet. [gpa, gpa + bytes) must lie in RAM. */
void gmem_put(struct gmem *gm, uint64_t gpa, const void *src, uint64_t bytes);
/* The same for [gpa, gpa + bytes), page multiples inside RAM. */
void gmem_populate(struct gmem *gm, uint64_t gpa, uint64_t bytes);

/* Gives [gpa, gpa + bytes), page multiples inside RAM, back to the host; it reads as zero again. 0 or -errno. */
int gmem_free_range(struct gmem *gm, uint64_t gpa, uint64_t bytes);

/* Host pointer to [gpa, gpa + len), or NULL if any byte lies outside RAM. len 0 is allowed. Guest-triggerable: yes. */
static inline void *gmem_ptr(const struct gmem *gm, uint64_t gpa, uint64_t len)
{
	if (gpa > gm->bytes || len > gm->bytes - gpa)
		return NULL;
	return gm->hva + gpa;
}

#endif
