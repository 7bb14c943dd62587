/* SPDX-License-Identifier: MIT */
/*
 * tree.h - the file tree the program sees: which host folders, where, and how.
 * Paths are compared by their text after "." and ".." are folded; what a symbolic link leads to is decided by the host
 * when the tree is built (shares hold resolved host paths) and by the file server's own checks afterwards.
 */
#ifndef CAY_VMM_CLI_TREE_H
#define CAY_VMM_CLI_TREE_H

#include <stdbool.h>

#include "lib/compiler.h"
#include "vmm/cli/run_options.h"

/*
 * Fills opt->mounts from --root or the default, then -v, then the current folder; sets opt->cwd. The program's folder
 * is added by program_find. Returns 0 or an exit status, the reason said.
 */
MUST_CHECK int tree_build(struct run_options *opt);

/* Shows the host path at the same place in the guest, writes to memory. Returns 0 or an exit status. */
MUST_CHECK int tree_share(struct run_options *opt, const char *host);

/* The host path that the guest path shows, or NULL if no share has it. Belongs to the pool. */
const char *tree_to_host(struct run_options *opt, const char *guest);

/* Whether a host path shows in the guest at its own place. */
bool tree_shows(struct run_options *opt, const char *path);

/* Whether a host folder is one that cay never shares whole without being asked (/, /etc, /proc, ...). */
bool tree_is_private(const char *path);

/* Parents first; the order the kernel mounts in. Call when nothing is added any more. */
void tree_sort(struct run_options *opt);

/* dir/path, or path if that is absolute, with ".", ".." and doubled slashes folded. Belongs to the pool. */
char *path_join(struct pool *pool, const char *dir, const char *path);

/* Whether path is dir or lies below it; both folded. */
bool path_is_under(const char *path, const char *dir);

#endif
