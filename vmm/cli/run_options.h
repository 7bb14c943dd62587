/* SPDX-License-Identifier: MIT */
/*
 * run_options.h - what `cay run` was asked to do: plain data, complete and checked, before any VM exists.
 * Strings live in the pool until run_options_free; nothing here changes after run_options_prepare.
 */
#ifndef CAY_VMM_CLI_RUN_OPTIONS_H
#define CAY_VMM_CLI_RUN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/boot_info.h"
#include "lib/compiler.h"
#include "vmm/cli/pool.h"
#include "vmm/dev/net_options.h"

struct detached;

/* Exit statuses of our own, as in docker run and chroot(1). */
#define RUN_EXIT_OURS           125
#define RUN_EXIT_NOT_EXECUTABLE 126
#define RUN_EXIT_NOT_FOUND      127

enum run_backend { RUN_BACKEND_AUTO, RUN_BACKEND_KVM, RUN_BACKEND_PROCESS };

/*
 * One entry of the guest's tree, in the order the kernel makes them (an entry's parent never comes after it).
 * A share shows a host folder or a single host file; a link is a symbolic link the kernel creates.
 */
struct run_mount {
	const char *guest; /* absolute, no "." or "..", no trailing slash except "/" itself */
	const char *host;  /* share: absolute host path, symlinks resolved; NULL for a link */
	const char *link;  /* link: its target; NULL for a share */
	uint32_t flags;    /* share: CAY_MOUNT_RDONLY, CAY_MOUNT_OVERLAY; neither = the program writes to the host */
	const char *const
		*only; /* share: the only names that exist in the folder itself; NULL = all. NULL-terminated, static */
};

#define RUN_MOUNTS_MAX CAY_MOUNTS_MAX
#define RUN_ARGS_MAX   4096

struct run_options {
	/* the program */
	const char *program;      /* as typed; after run_options_prepare the path in the guest */
	const char *program_host; /* where the host has it */
	char **argv;              /* argv[0] as typed; NULL-terminated, points into main's argv */
	int argc;
	char **envp; /* "K=V", NULL-terminated */
	int envc;
	const char *cwd; /* in the guest */
	const char *hostname;
	const char *hosts; /* of the VM's /etc/hosts, with its own name; "" = the host's file, or none */
	uint32_t uid, gid;

	/* the machine */
	uint64_t ram_bytes;
	unsigned nr_cpus;
	int io_core; /* host CPU for the I/O thread, -1 = any */
	enum run_backend backend;
	struct net_options net;

	/* the tree */
	const char *root; /* --root, resolved; NULL = the default root */
	struct run_mount mounts[RUN_MOUNTS_MAX];
	unsigned nr_mounts;

	/* the background */
	bool detach;               /* -d */
	bool wants_tty;            /* -t */
	bool remove;               /* --rm: the log goes with the VM */
	struct detached *detached; /* vmm/cli/detach.h; NULL in the foreground */
	bool no_init;              /* orphans are the program's to wait for */

	/* what to tell */
	const char *name; /* NULL = none */
	bool strace;
	const char *strace_set; /* comma-separated, "" = all */
	bool stats;
	const char *stats_file; /* NULL = stderr */
	int stats_fd;           /* stats_file, opened before the sandbox; -1 = stderr */
	bool timing;
	bool missing_files;
	int gdb_port; /* 0 = no stub */
	bool quiet;
	unsigned verbosity;

	/* as typed, until run_options_prepare has used them */
	struct run_request {
		const char *volumes[RUN_MOUNTS_MAX]; /* HOST:GUEST[:ro] */
		unsigned nr_volumes;
		const char **env; /* K or K=V, in order; later wins */
		unsigned nr_env;
		const char *workdir;
	} req;
	struct pool pool;
};

/*
 * Reads the command line: argv[0] is the command's name ("run"), flags end at the first positional.
 * Touches no file except --env-file. Returns 0, or the exit status to end with (the reason was said); -1: help was
 * asked for.
 */
MUST_CHECK int run_options_parse(struct run_options *opt, int argc, char **argv);

/*
 * Looks at the host: finds the program, builds the mounts and the environment. host_env is main's environment.
 * Returns 0, or the exit status to end with (the reason was said).
 */
MUST_CHECK int run_options_prepare(struct run_options *opt, char **host_env);

void run_options_free(struct run_options *opt);

/* The flags with their help, for `cay help run`. */
void run_options_help(void);

#endif
