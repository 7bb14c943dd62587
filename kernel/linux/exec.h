/* SPDX-License-Identifier: MIT */
/*
 * exec.h - starting programs: execve(2) for the first program of the VM and for those that replace it.
 * Set-user-ID bits have no effect: there is one user in the machine, who has it all anyway.
 */
#ifndef CAY_KERNEL_LINUX_EXEC_H
#define CAY_KERNEL_LINUX_EXEC_H

#include "lib/compiler.h"

/*
 * Loads the program `path` into the current process, which has none yet; the current thread's frame is set so that
 * frame_return() enters it. argv and envp are NULL-terminated and the caller's. On failure *why is a text that says
 * what is wrong, in words for the user, valid until the next call. -ENOENT: it, or its interpreter, is not there.
 * -EACCES: not a regular file, not executable. -ENOEXEC: not a program for this machine, damaged. -ENOMEM, -E2BIG,
 * -EIO...
 */
MUST_CHECK int exec_init(const char *path, const char *const *argv, const char *const *envp, const char **why);

long sys_execve(const char *path_user, const void *argv_user, const void *envp_user);
long sys_execveat(int dirfd, const char *path_user, const void *argv_user, const void *envp_user, int flags);

#endif
