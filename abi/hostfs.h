/* SPDX-License-Identifier: MIT */
/*
 * hostfs.h - what Cay adds to virtio-fs (virtio 1.2 section 5.11, FUSE protocol of <linux/fuse.h>, version 7.31 or later).
 * One device serves several shared folders: FUSE_LOOKUP in node FUSE_ROOT_ID of the decimal number of a share ("0", "1")
 * gives the root node of that share. A share is a folder or a single file. Nothing else is visible in the root.
 * Node ids and handles are indices the server checks; a wrong one gets -ESTALE or -EBADF.
 * READ and WRITE data go straight from and to guest pages, as many descriptors as needed (up to 256).
 */
#ifndef CAY_ABI_HOSTFS_H
#define CAY_ABI_HOSTFS_H

#define CAY_HOSTFS_MAX_SEGS 256
#define CAY_HOSTFS_MAX_IO (1u << 20)

#endif
