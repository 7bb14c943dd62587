/* SPDX-License-Identifier: MIT */
/*
 * log_files.h - what VMs in the background print: a folder "log" in the runtime folder, with two files for each:
 *   NAME.log    stdout and stderr, in the order in which they were written
 *   NAME.exit   empty while the VM runs; then the exit status in decimal. Stays empty if the VM was killed.
 * They stay when the VM has ended, until `cay rm`, or until a VM of that name is started; with --rm the VM removes
 * them. The folder is usually in memory, so a log keeps no more than its end: the rest becomes a hole in the file
 * (vmm/dev/stdio_host.h).
 */
#ifndef CAY_VMM_CONTROL_LOG_FILES_H
#define CAY_VMM_CONTROL_LOG_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/compiler.h"
#include "vmm/control/registry.h"

#define LOG_EXIT_UNKNOWN (-1)

/* Opens the folder, making it if needed. A descriptor or -errno. path: for messages and the sandbox. */
MUST_CHECK int log_folder_open(char *path, size_t room);

/* Files of a VM whose name is not sure yet. */
struct log_files {
	int folder, log, exit; /* descriptors, -1: none */
	char hidden[32];       /* their name until log_files_show */
};

/* pid: to tell from others'. 0 or -errno; to be closed by log_files_close, which removes what was not shown. */
MUST_CHECK int log_files_create(int folder, pid_t pid, struct log_files *f);
/* Gives them their name, in place of an older VM's. 0 or -errno. */
MUST_CHECK int log_files_show(struct log_files *f, const char *name);
void log_files_close(struct log_files *f);

/* Both files of a VM. -ENOENT if there are none. */
int log_files_remove(int folder, const char *name);

/* -errno; -ENOENT: no such VM was in the background. */
MUST_CHECK int log_file_open(int folder, const char *name);
/* The exit status, or LOG_EXIT_UNKNOWN. */
int log_exit_status(int folder, const char *name);
void log_exit_write(int exit_fd, int status);

/* Calls fn for the name of each log, in alphabetical order. 0 or -errno. */
MUST_CHECK int log_folder_list(int folder, void (*fn)(void *ctx, const char *name), void *ctx);

#endif
