/* SPDX-License-Identifier: MIT */
/*
 * fs.h - host folders and files for the guest: a virtio-fs server (abi/hostfs.h, <linux/fuse.h>).
 * Invariant: the guest reaches nothing but what lies in a share. Every name it sends is one component, not "." or "..",
 * used relative to a descriptor of a folder in the share, and never followed when it is a symlink.
 * Trust: all that the guest sends is hostile, and other processes may change the folders at any moment.
 * Threads: requests are served by one thread at a time, the I/O thread or a vCPU's; fs_map_file and fs_unmap_file may
 * be called on a vCPU thread meanwhile.
 *
 * Limits: blocking file I/O blocks the I/O thread (one queue, no workers). Only regular files and folders are ever
 * opened; fifos, sockets and device nodes are shown and refused. Modes come from the guest with its umask applied, so
 * the process's umask is set to 0. The process ignores SIGXFSZ (vm.c): a file size limit of the user is an EFBIG for
 * the guest.
 *
 * Host system calls while serving, for the sandbox: openat2, openat (relative to /proc/self/fd or "." of a folder),
 * close, newfstatat, statx, getdents64, lseek, preadv, pwritev, pwritev2, pread64, readlinkat, symlinkat, mknodat
 * (regular files only), mkdirat, unlinkat, renameat2, linkat, fchownat, fchmodat, utimensat, ftruncate, fallocate,
 * fsync, fdatasync, fstatfs, getxattr, setxattr, listxattr, removexattr (on /proc/self/fd/N), mmap, madvise,
 * fcntl(F_DUPFD_CLOEXEC), futex.
 */
#ifndef CAY_VMM_DEV_FS_H
#define CAY_VMM_DEV_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/virtq_device.h"

struct fs_device;
struct vm;

#define FS_SHARE_RDONLY (1u << 0)
#define FS_SHARE_STABLE (1u << 1) /* declared unchanging: CAY_HOSTFS_CONFIG_STABLE */

struct fs_share {
	const char *host_path; /* opened once, symlinks followed; valid as long as the device */
	uint32_t flags;
	/* The only names that exist in the folder itself, NULL-terminated, valid as long as the device; NULL = all. */
	const char *const *only;
	/* NULL, or who is told of a name that `only` hides, though the host has it, and that the guest looked for: once
	 * each, of FS_MISSED_MAX names. By whichever thread serves. */
	void (*missed)(struct vm *vm, const char *host_path, const char *name);
};

#define FS_MISSED_MAX 16

/*
 * Opens nr shares (1..CAY_HOSTFS_SHARES_MAX) and makes them nodes FUSE_ROOT_ID.. in this order. Before the sandbox.
 * Returns 0 with the device in *out; -errno, and *bad is the share that could not be opened, or nr when it was
 * something else (no memory, no /proc). -ENOTSUP: a share is neither folder nor regular file.
 */
MUST_CHECK int fs_device_create(const struct fs_share *shares, unsigned nr, struct fs_device **out, unsigned *bad);
void fs_device_destroy(struct fs_device *dev);

/*
 * Serves one request: in = what the guest sent, out = where the reply goes. Returns the bytes written to out, which is
 * 0 for requests without reply and for garbage without room for one. Guest-triggerable. Blocks as the host's file
 * system does.
 */
size_t fs_handle(struct fs_device *dev, const struct virtq_host_seg *in, unsigned nr_in,
		 const struct virtq_host_seg *out, unsigned nr_out);

/* Adds the device with its queue to the VM (vm->fs). Before the I/O thread starts. 0 or -ENOSPC. */
MUST_CHECK int fs_attach(struct fs_device *dev, struct vm *vm);

/*
 * Gate call CAY_GATE_MAP_FILE: maps [offset, offset + bytes) of the open file fh into the VM's window, shared with the
 * host's page cache. Returns the offset in the window; -EBADF: no such handle, or write asked and not open for it;
 * -EINVAL: not page multiples, or nothing; -ENOSPC: window full; or an errno of mmap. Any thread. Guest-triggerable.
 */
int64_t fs_map_file(struct fs_device *dev, uint64_t fh, uint64_t offset, uint64_t bytes, bool writable);
/* The first `bytes` of a file of the VMM's own, writable, in the same window: before the start. As fs_map_file. */
int64_t fs_map_fd(struct fs_device *dev, int fd, uint64_t bytes);
/* Gate call CAY_GATE_UNMAP_FILE: 0, or -EINVAL when [offset, offset + bytes) is not one mapping. */
int64_t fs_unmap_file(struct fs_device *dev, uint64_t offset, uint64_t bytes);

/*
 * Mapped files may have been shortened by somebody on the host: whether one was. The program that touches what is gone
 * should get SIGBUS. Any thread.
 */
bool fs_window_is_short(struct fs_device *dev);
/*
 * Gives the guest zero pages in place of what is gone, so that its kernel can go on. Returns the number of pages
 * replaced. Any thread.
 */
uint64_t fs_mend_window(struct fs_device *dev);

#endif
