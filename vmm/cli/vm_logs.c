/* SPDX-License-Identifier: MIT */
/* vm_logs.c - `cay logs` and `cay rm`: what VMs in the background have printed, while they run and afterwards. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/cli/command_flags.h"
#include "vmm/cli/numbers.h"
#include "vmm/cli/run_options.h"
#include "vmm/cli/say.h"
#include "vmm/cli/vm_commands.h"
#include "vmm/control/client.h"
#include "vmm/control/log_files.h"
#include "vmm/control/registry.h"

#define NAMES_MAX 1024

static int open_folder(void)
{
	char path[256] = "";
	int fd = log_folder_open(path, sizeof(path));

	if (fd < 0)
		say_error("cannot use %s, where the output of VMs in the background is: %s", path, strerror(-fd));
	return fd;
}

/* Where the last `lines` lines begin, looking back no further than `from`. */
static off_t start_of_tail(int log, off_t from, off_t end, uint64_t lines)
{
	char text[4096];
	uint64_t seen = 0;
	off_t at = end;

	while (at > from) {
		size_t piece = (size_t)MIN(at - from, (off_t)sizeof(text));
		ssize_t n = pread(log, text, piece, at - (off_t)piece);

		if (n != (ssize_t)piece)
			break;
		at -= n;
		/* The newline at the very end ends the last line; it does not begin another. */
		for (ssize_t i = n - 1; i >= 0; i--)
			if (text[i] == '\n' && at + i + 1 < end && ++seen == lines)
				return at + i + 1;
	}
	return lines == 0 ? end : from;
}

/* Copies from *at to the end as it is now. False when stdout is gone. */
static bool copy(int log, off_t *at)
{
	char text[65536];
	ssize_t n;

	while ((n = pread(log, text, sizeof(text), *at)) > 0) {
		for (ssize_t done = 0; done < n;) {
			ssize_t w = write(STDOUT_FILENO, text + done, (size_t)(n - done));

			if (w < 0)
				return false;
			done += w;
		}
		*at += n;
	}
	return true;
}

/* Until the VM has ended. A log that a new VM of the name has replaced is not followed: it is another VM's. */
static int follow(int log, off_t *at, const char *name)
{
	int folder = client_open(), vm = folder >= 0 ? client_pidfd(folder, name) : -1;
	int notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char path[32], events[4096];
	struct pollfd p[2] = {{.fd = notify, .events = POLLIN}, {.fd = vm, .events = POLLIN}};

	snprintf(path, sizeof(path), "/proc/self/fd/%d", log);
	if (notify < 0 || inotify_add_watch(notify, path, IN_MODIFY) < 0) {
		say_error("-f: cannot watch the log: %s", strerror(errno));
		return RUN_EXIT_OURS;
	}
	while (copy(log, at) && vm >= 0 && p[1].revents == 0) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		(void)!read(notify, events, sizeof(events));
	}
	(void)!copy(log, at);
	close(notify);
	close(vm);
	close(folder);
	return 0;
}

static int no_log(const char *name, int err)
{
	if (err == -ENOENT)
		say_error("there is no output of a VM '%s': only VMs that were started with -d have some here", name);
	else
		say_error("the output of VM '%s' cannot be read: %s", name, strerror(-err));
	return RUN_EXIT_OURS;
}

int command_logs(int argc, char **argv, const struct process_start *start)
{
	const char *tail = NULL;
	bool following = false;
	const struct command_flag flags[] = {
		{'f', "follow", &following, NULL, NULL, "go on until the VM has ended"},
		{'n', "tail", NULL, &tail, "N", "begin with the last N lines"},
		{0},
	};
	const struct command_usage usage = {
		"logs [-f] [-n N] NAME", "Prints what a VM in the background (cay run -d) has printed.\n", flags, 1, 1};
	int status = 0, at, folder, log;
	uint64_t lines = 0;
	struct stat st;
	off_t from;

	(void)start;
	at = command_flags_parse(&usage, argc, argv, &status);
	if (at < 0)
		return status;
	if (tail != NULL && !parse_number(tail, UINT32_MAX, &lines)) {
		say_error("-n '%s' is not a number of lines", tail);
		return RUN_EXIT_OURS;
	}
	folder = open_folder();
	if (folder < 0)
		return RUN_EXIT_OURS;
	log = log_file_open(folder, argv[at]);
	if (log < 0 || fstat(log, &st) != 0)
		return no_log(argv[at], log);
	from = lseek(log, 0, SEEK_DATA); /* behind what a long log has given back */
	if (from < 0)
		from = st.st_size;
	if (tail != NULL)
		from = start_of_tail(log, from, st.st_size, lines);
	if (following)
		status = follow(log, &from, argv[at]);
	else if (!copy(log, &from))
		status = RUN_EXIT_OURS;
	close(log);
	close(folder);
	return status;
}

int command_rm(int argc, char **argv, const struct process_start *start)
{
	const struct command_flag flags[] = {{0}};
	const struct command_usage usage = {
		"rm NAME...", "Removes the output of VMs in the background that have ended.\n", flags, 1, NAMES_MAX};
	int status = 0, at, folder, vms;
	pid_t pid;

	(void)start;
	at = command_flags_parse(&usage, argc, argv, &status);
	if (at < 0)
		return status;
	vms = client_open();
	folder = vms >= 0 ? open_folder() : -1;
	if (folder < 0)
		return RUN_EXIT_OURS;
	for (; at < argc; at++) {
		int fd = registry_connect(vms, argv[at], &pid);
		int err;

		if (fd >= 0) {
			say_error("VM '%s' is running; 'cay stop %s' ends it", argv[at], argv[at]);
			close(fd);
			status = RUN_EXIT_OURS;
			continue;
		}
		err = registry_is_name(argv[at]) ? log_files_remove(folder, argv[at]) : -ENOENT;
		if (err == 0)
			printf("%s\n", argv[at]);
		else
			status = no_log(argv[at], err);
	}
	close(folder);
	close(vms);
	return status;
}
