/* SPDX-License-Identifier: MIT */
/*
 * virtio_fs.h - the way to the VMM's file server: FUSE requests on the queue of the one CAY_DEV_FS device
 * (abi/hostfs.h). Requests are executed in the order they are added. Several may be in flight; each belongs to its
 * caller until it is done. Buffers are kernel memory (direct map, stack, image) or pinned RAM pages of a program, never
 * the file window. Context: threads, which may sleep; `done` runs in any context, upcalls included, and does not sleep.
 * Locks: the ring has a spin lock, which is not held while anybody waits; no call here wants the kernel lock.
 */
#ifndef CAY_KERNEL_DEV_VIRTIO_FS_H
#define CAY_KERNEL_DEV_VIRTIO_FS_H

#include <linux/fuse.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/mm/page.h"
#include "lib/compiler.h"
#include "lib/virtq_driver.h"

#define FSQ_INLINE_SEGS 6u

struct fsq_call {
	struct fuse_in_header in;
	struct fuse_out_header out;
	struct virtq_seg inline_seg[FSQ_INLINE_SEGS];
	struct virtq_seg *seg; /* inline_seg, or the caller's longer array */
	unsigned nr_segs, max_segs;
	uint32_t reply_room; /* bytes of writable segments behind the header */
	bool in_flight;
	void (*done)(struct fsq_call *c); /* NULL: a thread waits in fsq_wait */
};

/* Finds the device and says hello. False, logged, when there is none or it does not speak our protocol. Idempotent. */
MUST_CHECK bool fsq_init(void);

/*
 * Builds a request: begin, then what the server reads (fsq_in...), then room for its reply (fsq_out...); fsq_no_reply
 * for FORGET. At most FSQ_INLINE_SEGS - 2 pieces, unless the caller sets seg and max_segs between begin and the first
 * piece. 0 bytes add nothing.
 */
void fsq_begin(struct fsq_call *c, uint32_t opcode, uint64_t node);
void fsq_begin_long(struct fsq_call *c, uint32_t opcode, uint64_t node, struct virtq_seg *seg, unsigned max_segs);
void fsq_in(struct fsq_call *c, const void *data, uint32_t bytes);
void fsq_in_pa(struct fsq_call *c, pa_t pa, uint32_t bytes);
void fsq_out_header(struct fsq_call *c); /* once, before the first fsq_out; without any fsq_out too */
void fsq_out(struct fsq_call *c, void *data, uint32_t bytes);
void fsq_out_pa(struct fsq_call *c, pa_t pa, uint32_t bytes);

/* Puts it in the ring; may sleep while that is full. The server sees it after the next fsq_publish (or fsq_call,
 * fsq_wait). */
void fsq_submit(struct fsq_call *c);
/* Puts several there, NULL among them left out: one right after the other, whatever else is submitted meanwhile. So a
 * request may name what the one before it opens (CAY_HOSTFS_FH_LAST). Together they have a few segments. */
void fsq_submit_chain(struct fsq_call *const *c, unsigned nr);
void fsq_publish(void);

/* Waits for its end. 0 or the server's -errno (-EIO for a reply that makes no sense). */
int fsq_wait(struct fsq_call *c);
int fsq_result(const struct fsq_call *c); /* of a request that is done */
/* fsq_submit, fsq_wait. */
int fsq_call(struct fsq_call *c);

/* Bytes of the reply behind its header, of a call that succeeded. */
uint32_t fsq_reply_bytes(const struct fsq_call *c);

/* Has the server declared (CAY_HOSTFS_CONFIG_*) this bit for the share? */
bool fsq_share_has(unsigned share, unsigned config_word);

/* File window: gate calls. Offset in the window, or -errno. */
int64_t fsq_map_file(uint64_t fh, uint64_t offset, uint64_t bytes, bool writable);
void fsq_unmap_file(uint64_t window_offset, uint64_t bytes);

#endif
