/* SPDX-License-Identifier: MIT */
/*
 * hostfs.h - what Cay adds to virtio-fs (virtio 1.2 section 5.11, FUSE protocol of <linux/fuse.h>, version 7.31 or
 * later). One device with one request queue serves several shares; a share is a folder or a single file of the host.
 * The root of share s is node FUSE_ROOT_ID + s; it needs no LOOKUP and no FORGET. A LOOKUP of "." or ".." is refused:
 * the guest resolves both, and symlinks, itself. Node ids and handles are indices with a generation; a wrong one gets
 * -ESTALE or -EBADF.
 *
 * READ and WRITE data go straight from and to guest pages, as many descriptors as needed.
 * Requests are executed in the order of the ring, so a batch may name the handle of an OPEN, OPENDIR or CREATE that
 * stands before it in the batch: CAY_HOSTFS_FH_LAST. When that request failed, the handle is invalid (-EBADF). READDIR
 * and READDIRPLUS fill the buffer: a reply that leaves CAY_HOSTFS_DIRENT_MAX bytes or more unused is the last one.
 */
#ifndef CAY_ABI_HOSTFS_H
#define CAY_ABI_HOSTFS_H

#include <stdint.h>

#define CAY_HOSTFS_SHARES_MAX 64
#define CAY_HOSTFS_QUEUE_NR   1024u
#define CAY_HOSTFS_MAX_SEGS   260 /* descriptors of one request: 256 pages of data and what goes with them */
#define CAY_HOSTFS_MAX_IO     (1u << 20)
#define CAY_HOSTFS_FH_LAST    (~0ull)
#define CAY_HOSTFS_DIRENT_MAX 512u

/* The reply to a WRITE: fuse_write_out, and where the data end in the file. With O_APPEND the host decides that. */
struct cay_hostfs_write_out {
	uint32_t size, padding;
	uint64_t end;
};

/* cay_device_info.config[] of a CAY_DEV_FS: one bit per share. */
#define CAY_HOSTFS_CONFIG_RDONLY 0 /* the server refuses all changes */
#define CAY_HOSTFS_CONFIG_STABLE                                                                                       \
	1 /* nobody on the host changes it while the VM runs: cache names and attributes for ever */

#endif
