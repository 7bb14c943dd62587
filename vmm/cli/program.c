/* SPDX-License-Identifier: MIT */
/* program.c - from what the user typed to a path in the guest. */
#include "vmm/cli/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/cli/environment.h"
#include "vmm/cli/say.h"
#include "vmm/cli/tree.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

const char *program_header_problem(const unsigned char *head, size_t len)
{
	Elf64_Ehdr eh;

	if (len >= 2 && head[0] == '#' && head[1] == '!')
		return NULL;
	if (len < SELFMAG || memcmp(head, ELFMAG, SELFMAG) != 0)
		return len == 0 ? "the file is empty" : "neither an ELF program nor a script that begins with #!";
	if (len < sizeof(eh))
		return "the file is cut off in the ELF header";
	memcpy(&eh, head, sizeof(eh));
	if (eh.e_ident[EI_CLASS] != ELFCLASS64)
		return "it is a 32-bit program; cay runs 64-bit x86 programs";
	if (eh.e_machine != EM_X86_64)
		return "it was built for another processor; cay runs 64-bit x86 programs";
	if (eh.e_type != ET_EXEC && eh.e_type != ET_DYN)
		return "the ELF file is not a program (an object file or a core dump)";
	return NULL;
}

/* Opens a guest path on the host: through --root without ever leaving it, or through the share that shows it. */
static int open_guest(struct run_options *opt, const char *guest, int flags)
{
	const char *host = tree_to_host(opt, guest);

	if (!host) {
		errno = ENOENT;
		return -1;
	}
	if (opt->root && path_is_under(host, opt->root)) {
		struct open_how how = {.flags = (unsigned)flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
		int root = open(opt->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
		int fd = root < 0 ? -1 : (int)syscall(SYS_openat2, root, guest, &how, sizeof(how));
		int err = errno;

		if (root >= 0)
			close(root);
		errno = err;
		return fd;
	}
	return open(host, flags | O_CLOEXEC);
}

/* Could this be run? Returns 0, or 126 or 127 with the reason in *why. Takes the descriptor (-1: errno says why). */
static int examine(int fd, const char **why)
{
	unsigned char head[sizeof(Elf64_Ehdr)];
	struct stat st;
	ssize_t len;
	int status = RUN_EXIT_NOT_EXECUTABLE;

	*why = NULL;
	if (fd < 0 && errno == EACCES) {
		*why = "permission denied";
		return status;
	}
	if (fd < 0) {
		*why = strerror(errno);
		return RUN_EXIT_NOT_FOUND;
	}
	if (fstat(fd, &st) != 0) {
		*why = strerror(errno);
	} else if (S_ISDIR(st.st_mode)) {
		*why = "is a folder";
	} else if (!S_ISREG(st.st_mode)) {
		*why = "is not a regular file";
	} else if (!(st.st_mode & 0111)) {
		*why = "is not executable; chmod +x makes it so";
	} else {
		/* O_NONBLOCK was for special files; a regular file reads at once. */
		len = pread(fd, head, sizeof(head), 0);
		*why = len < 0 ? strerror(errno) : program_header_problem(head, (size_t)len);
		status = *why ? RUN_EXIT_NOT_EXECUTABLE : 0;
	}
	close(fd);
	return status;
}

static char *folder_of(struct pool *pool, const char *path)
{
	return pool_strdup(pool, dirname(pool_strdup(pool, path)));
}

/* Makes a host path visible: its folder, or where the folder is private, the file alone. */
static int show(struct run_options *opt, const char *path)
{
	char *folder = folder_of(&opt->pool, path);

	if (tree_shows(opt, path))
		return 0;
	return tree_share(opt, tree_is_private(folder) ? path : folder);
}

/* The program is at `host` and shall be seen at `path`; both ends of a symbolic link must show. */
static int take_host_program(struct run_options *opt, const char *path, const char *host)
{
	char *real = realpath(host, NULL);
	int status = show(opt, path);

	if (status == 0 && real)
		status = show(opt, pool_strdup(&opt->pool, real));
	free(real);
	opt->program = path;
	opt->program_host = host;
	return status;
}

/* Tries a path on the guest's side, then, in the default root, on the host's. Says nothing; *why on failure. */
static int try_path(struct run_options *opt, const char *path, const char **why)
{
	int status = examine(open_guest(opt, path, O_RDONLY | O_NONBLOCK), why);

	if (status == 0) {
		opt->program = path;
		opt->program_host = tree_to_host(opt, path);
		/* In a folder that -v shows elsewhere it is there for the guest, whatever the host has at this path. */
		if (opt->root || strcmp(path, opt->program_host) != 0)
			return 0;
		return take_host_program(opt, path, opt->program_host);
	}
	if (status != RUN_EXIT_NOT_FOUND || opt->root)
		return status;
	status = examine(open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), why);
	return status ? status : take_host_program(opt, path, path);
}

static int find_by_path(struct run_options *opt)
{
	char *here = opt->root ? NULL : getcwd(NULL, 0);
	const char *from = opt->root ? opt->cwd : here ? here : "/", *why;
	char *path = path_join(&opt->pool, from, opt->program);
	int status = try_path(opt, path, &why);

	/* A script sees this path as its own name: leave it as typed where that is the same place in the guest. */
	if (status == 0 && strcmp(opt->cwd, from) == 0)
		opt->program = opt->argv[0];
	free(here);
	if (why)
		say_error("cannot run %s: %s", opt->program, why);
	return status;
}

/* One pass over PATH: folders that the guest has anyway, the others, or all. */
enum search_in { SEARCH_SHOWN, SEARCH_OTHERS, SEARCH_ALL };

static int search(struct run_options *opt, const char *path, enum search_in in, const char **refused, const char **why)
{
	for (const char *p = path; *p;) {
		size_t len = strcspn(p, ":");
		char *dir = pool_strndup(&opt->pool, p, len);

		p += len + (p[len] == ':');
		if (dir[0] != '/' || (in != SEARCH_ALL && tree_shows(opt, dir) != (in == SEARCH_SHOWN)))
			continue;
		const char *problem;
		char *file = path_join(&opt->pool, dir, opt->argv[0]);
		int status = try_path(opt, file, &problem);

		if (status == 0 || !problem)
			return status;
		if (status == RUN_EXIT_NOT_EXECUTABLE && !*refused) {
			*refused = file;
			*why = problem;
		}
	}
	return -1;
}

static int find_in_path(struct run_options *opt, char **host_env)
{
	const char *path = opt->root ? DEFAULT_PATH : environment_get(host_env, "PATH"), *refused = NULL, *why = NULL;
	int status;

	for (unsigned i = 0; i < opt->req.nr_env; i++)
		if (strncmp(opt->req.env[i], "PATH=", 5) == 0)
			path = opt->req.env[i] + 5;
	if (!path)
		path = DEFAULT_PATH;
	status = search(opt, path, opt->root ? SEARCH_ALL : SEARCH_SHOWN, &refused, &why);
	if (status < 0 && !opt->root)
		status = search(opt, path, SEARCH_OTHERS, &refused, &why);
	if (status >= 0)
		return status;
	if (refused) {
		say_error("cannot run %s: %s", refused, why);
		return RUN_EXIT_NOT_EXECUTABLE;
	}
	say_error("no program '%s' in %s%s; give a path, as in ./%s", opt->program, opt->root ? "PATH under " : "PATH",
		  opt->root ? opt->root : "", opt->program);
	return RUN_EXIT_NOT_FOUND;
}

int program_find(struct run_options *opt, char **host_env)
{
	if (!opt->program[0]) {
		say_error("the program's name is empty; give a name or a path");
		return RUN_EXIT_NOT_FOUND;
	}
	return strchr(opt->program, '/') ? find_by_path(opt) : find_in_path(opt, host_env);
}
