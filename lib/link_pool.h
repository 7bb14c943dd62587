/* SPDX-License-Identifier: MIT */
/*
 * link_pool.h - blocks of a link's segment that one VM writes and lends to its peers (abi/link.h).
 * Peers are hostile: whatever they write into their counters, a block of ours is at worst used again too early, which
 * garbles what that peer reads, or never, which makes the pool smaller. What we are told to read is checked.
 * link_pool_*: the lender's side, one caller at a time, but for link_pool_may_lend, _lend and _show, which may run
 * beside _take and _put (one caller of these at a time). link_borrow_*: the borrower's side; any context. Nothing
 * blocks.
 */
#ifndef CAY_LIB_LINK_POOL_H
#define CAY_LIB_LINK_POOL_H

#include <stdbool.h>

#include "abi/link.h"
#include "lib/compiler.h"

/* Uses that one peer may have at a time, so that one that returns nothing leaves some to the others. */
#define LINK_LENT_MAX (CAY_LINK_BLOCKS * 3 / 4)

struct link_pool {
	struct cay_link_segment *segment;
	unsigned place;
	bool ready; /* made at the first use: most VMs never stream */
	/* Our own counts of uses; a change that is not in the segment yet has its bit in `unshown`. */
	uint32_t lent[CAY_LINK_PEERS_MAX][CAY_LINK_BLOCKS];
	uint64_t unshown[CAY_LINK_PEERS_MAX][CAY_LINK_BLOCKS / 64];
	uint32_t lent_in_all[CAY_LINK_PEERS_MAX];
	/* Blocks that we do not use: nobody's, the last one used on top; and those that peers may have. */
	unsigned nr_idle, nr_away;
	uint8_t idle[CAY_LINK_BLOCKS], away[CAY_LINK_BLOCKS];
};

/* What the place's last VM has lent stays lent. */
void link_pool_init(struct link_pool *pool, struct cay_link_segment *segment, unsigned place);
/* A block that nobody uses, now ours; -1: there is none. */
int link_pool_take(struct link_pool *pool);
/* We use it no more. Peers may. */
void link_pool_put(struct link_pool *pool, unsigned block);
/* May `peer` have so many more uses? */
bool link_pool_may_lend(const struct link_pool *pool, unsigned peer, unsigned uses);
/* One more use of a block of ours by `peer`. */
void link_pool_lend(struct link_pool *pool, unsigned peer, unsigned block);
/* The records whose references were counted since are visible to `peer`: enters the counts. */
void link_pool_show(struct link_pool *pool, unsigned peer);

/* `to` has a new VM, which has borrowed nothing: before it takes its rings as empty. */
void link_borrow_init(struct cay_link_segment *segment, unsigned to);
/* A reference, read once into private memory: does it lie within one block? */
static inline bool link_ref_is_good(const struct cay_link_ref *ref)
{
	return ref->bytes > 0 && ref->bytes <= CAY_LINK_BLOCK_BYTES && ref->at < CAY_LINK_POOL_BYTES &&
	       ref->at % CAY_LINK_BLOCK_BYTES + ref->bytes <= CAY_LINK_BLOCK_BYTES;
}
/* One use of a block of `from` by `to` has ended. */
void link_borrow_end(struct cay_link_segment *segment, unsigned from, unsigned to, unsigned block);

#endif
