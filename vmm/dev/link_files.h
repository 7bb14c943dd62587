/* SPDX-License-Identifier: MIT */
/* link_files.h - a link's files in the runtime folder, and who holds them: locks on bytes of the segment's file
 * (fcntl(2), open file description locks), which end with their holder however it ends. */
#ifndef CAY_VMM_DEV_LINK_FILES_H
#define CAY_VMM_DEV_LINK_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "abi/link.h"

#define LINK_FOLDER  "link-" /* then the link's name */
#define LINK_SEGMENT "segment.2"
#define LINK_FIFO    "wake.%u"

/* Bytes 0.. are the places; this one is held while the segment is made, removed, or places are given out. */
#define LINK_LOCK_ALL CAY_LINK_PEERS_MAX

/* Nobody outside the folder can get here, but a file that was put here by other means is refused all the same. */
bool link_file_is_ours(int fd, mode_t type);

/* type: F_WRLCK, F_UNLCK; command: F_OFD_SETLK, F_OFD_SETLKW. 0 or -errno. */
int link_lock(int segment, unsigned byte, short type, int command);

/*
 * Removes the links of the runtime folder that no VM is joined to, but not the one called `except`: VMs in their
 * sandbox cannot remove what they leave, and a segment may be in memory. Whoever was about to join one finds it gone
 * when it has the lock (st_nlink 0), and begins anew. What is not a link of ours stays. Before the sandbox.
 */
void link_remove_unused(int runtime, const char *except);

#endif
