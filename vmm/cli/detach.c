/* SPDX-License-Identifier: MIT */
#include "vmm/cli/detach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/cli/run_options.h"
#include "vmm/cli/say.h"
#include "vmm/control/log_files.h"

struct detached {
	struct log_files files;
	char folder_path[256];
	char name[REGISTRY_NAME_MAX + 1];
	bool remove, started;
	int ready_fd; /* tells the parent */
};

static int fail(const char *what, int err)
{
	say_error("-d: %s: %s", what, strerror(-err));
	return RUN_EXIT_OURS;
}

/* What the VM has said so far. */
static void copy_log(int log)
{
	char text[4096];
	ssize_t n;
	off_t at = 0;

	while ((n = pread(log, text, sizeof(text), at)) > 0) {
		if (write(STDERR_FILENO, text, (size_t)n) != n)
			return;
		at += n;
	}
}

static int wait_for_end(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return RUN_EXIT_OURS;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The name comes when the VM runs; an end without a name is a failure. */
static int wait_for_start(int log, int from, pid_t child)
{
	char name[REGISTRY_NAME_MAX + 1];
	ssize_t n;

	while ((n = read(from, name, sizeof(name) - 1)) < 0 && errno == EINTR)
		;
	if (n <= 0) {
		int status = wait_for_end(child);

		copy_log(log);
		return status != 0 ? status : RUN_EXIT_OURS;
	}
	name[n] = '\0';
	printf("%s\n", name);
	return 0;
}

static int become_vm(const struct detached *d)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(d->files.log, STDOUT_FILENO) < 0 ||
	    dup2(d->files.log, STDERR_FILENO) < 0)
		return fail("cannot redirect input and output", -errno);
	close(null);
	return -1;
}

static struct detached *prepare(bool remove)
{
	struct detached *d = calloc(1, sizeof(*d));
	int folder, err;

	if (d == NULL)
		return NULL;
	d->remove = remove;
	folder = log_folder_open(d->folder_path, sizeof(d->folder_path));
	err = folder < 0 ? folder : log_files_create(folder, getpid(), &d->files);
	if (err == 0)
		return d;
	if (folder >= 0)
		log_files_close(&d->files);
	(void)fail(d->folder_path, err);
	free(d);
	return NULL;
}

int detach(bool remove, struct detached **out)
{
	struct detached *d = prepare(remove);
	int pipe_fd[2], status;
	pid_t child;

	*out = d;
	if (d == NULL)
		return RUN_EXIT_OURS;
	if (pipe2(pipe_fd, O_CLOEXEC) != 0)
		return fail("cannot start a process", -errno);
	child = fork();
	if (child == 0) {
		close(pipe_fd[0]);
		d->ready_fd = pipe_fd[1];
		return become_vm(d);
	}
	close(pipe_fd[1]);
	if (child > 0) {
		status = wait_for_start(d->files.log, pipe_fd[0], child);
	} else {
		status = fail("cannot start a process", -errno);
		log_files_close(&d->files);
	}
	close(pipe_fd[0]);
	return status;
}

int detach_named(struct detached *d, const char *name)
{
	int err;

	if (d == NULL)
		return 0;
	snprintf(d->name, sizeof(d->name), "%s", name);
	err = log_files_show(&d->files, name);
	if (err != 0)
		(void)fail("cannot make the log", err);
	return err;
}

const char *detach_folder_path(const struct detached *d)
{
	return d != NULL && d->remove ? d->folder_path : NULL;
}

void detach_started(struct detached *d)
{
	if (d == NULL)
		return;
	d->started = true;
	(void)!write(d->ready_fd, d->name, strlen(d->name));
	close(d->ready_fd);
}

void detach_ended(struct detached *d, int status)
{
	if (d == NULL)
		return;
	log_exit_write(d->files.exit, status);
	if (d->name[0] != '\0' && (d->remove || !d->started))
		log_files_remove(d->files.folder, d->name);
	log_files_close(&d->files);
}
