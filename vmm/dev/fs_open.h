/* SPDX-License-Identifier: MIT */
/*
 * fs_open.h - the files and folders that the guest has open: numbers with a generation, like nodes.
 * Invariant: a descriptor in this table is a regular file's or a folder's. Opening goes through an O_PATH descriptor
 * whose type was checked, so that nobody can slip in a fifo or a device between the check and the open. The lock guards
 * the table for fs_open_dup, which vCPU threads call; all else is the I/O thread's.
 */
#ifndef CAY_VMM_DEV_FS_OPEN_H
#define CAY_VMM_DEV_FS_OPEN_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "vmm/dev/fs_node.h"

struct fs_open {
	int fd; /* -1: free */
	bool is_dir, writable;
	uint16_t share;
	uint32_t generation;
	uint32_t next_free;
	int64_t dir_pos; /* folders: where the host's position is */
};

struct fs_opens {
	pthread_mutex_t lock;
	struct fs_open *table;
	uint32_t nr, max; /* entries so far, at most */
	uint32_t free_head;
	uint64_t last; /* handle of the last OPEN, OPENDIR or CREATE; 0 when it failed */
	int proc_fd;   /* O_PATH of /proc/self/fd */
};

/* max: how many may be open at once. 0 or -errno (no /proc). */
MUST_CHECK int fs_opens_init(struct fs_opens *t, uint32_t max);
void fs_opens_fini(struct fs_opens *t);
bool fs_opens_have_room(const struct fs_opens *t);

/* Takes fd over in any case. 0 with the handle in *fh, -ENFILE, -ENOMEM. */
MUST_CHECK int fs_open_add(struct fs_opens *t, int fd, const struct fs_open *like, uint64_t *fh);
/* The entry of a handle, CAY_HOSTFS_FH_LAST included, or NULL. */
struct fs_open *fs_open_find(struct fs_opens *t, uint64_t fh);
/* 0 or -EBADF. */
int fs_open_remove(struct fs_opens *t, uint64_t fh);

/* A duplicate of the regular file's descriptor, the caller's to close; -EBADF also when need_write and it is not
 * writable. Any thread. */
MUST_CHECK int fs_open_dup(struct fs_opens *t, uint64_t fh, bool need_write);

/*
 * Opens the regular file behind an O_PATH descriptor of a node, whose type was checked when the descriptor was made.
 * -EISDIR, -ELOOP for a symlink, -ENXIO for fifo, socket, device; host's errno.
 */
MUST_CHECK int fs_reopen_file(struct fs_opens *t, const struct fs_node *n, int path_fd, int flags);

/* "N" for use relative to proc_fd: the way to chmod, set times and attributes of an O_PATH descriptor. */
#define FS_PROC_NAME_BYTES 12
void fs_proc_name(int fd, char name[FS_PROC_NAME_BYTES]);

#endif
