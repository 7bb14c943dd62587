/* SPDX-License-Identifier: MIT */
/* fs_node_fd.h - the descriptors of nodes, for fs_node.c only: see fs_node.h. */
#ifndef CAY_VMM_DEV_FS_NODE_FD_H
#define CAY_VMM_DEV_FS_NODE_FD_H

#include "vmm/dev/fs_node.h"

/* Closes the node's descriptor, whatever kind it is. */
void fs_node_close(struct fs_nodes *t, struct fs_node *n);

/* Gives the node a descriptor that stays until it is freed. 0; -ENFILE: too many; host's errno. */
MUST_CHECK int fs_node_orphan(struct fs_nodes *t, struct fs_node *n);
/* An orphan has a name again (link, rename). */
void fs_node_adopt(struct fs_nodes *t, struct fs_node *n);

#endif
