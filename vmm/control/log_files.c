/* SPDX-License-Identifier: MIT */
#include "vmm/control/log_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/control/folder_names.h"
#include "vmm/core/runtime_folder.h"

#define FILE_NAME (REGISTRY_NAME_MAX + 8)

int log_folder_open(char *path, size_t room)
{
	return runtime_folder_open_inner("log", path, room);
}

static void file_name(char out[FILE_NAME], const char *name, const char *suffix)
{
	snprintf(out, FILE_NAME, "%s%s", name, suffix);
}

static int create(int folder, const char *name, const char *suffix)
{
	char file[FILE_NAME];
	int fd;

	file_name(file, name, suffix);
	unlinkat(folder, file, 0); /* of a process that had our number */
	fd = openat(folder, file, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : fd;
}

int log_files_create(int folder, pid_t pid, struct log_files *f)
{
	*f = (struct log_files){.folder = folder, .log = -1, .exit = -1};
	snprintf(f->hidden, sizeof(f->hidden), ".new-%d", pid);
	f->log = create(folder, f->hidden, ".log");
	if (f->log >= 0)
		f->exit = create(folder, f->hidden, ".exit");
	return f->log < 0 ? f->log : f->exit < 0 ? f->exit : 0;
}

static int move(int folder, const char *from, const char *to, const char *suffix)
{
	char old[FILE_NAME], new[FILE_NAME];

	file_name(old, from, suffix);
	file_name(new, to, suffix);
	return renameat(folder, old, folder, new) == 0 ? 0 : -errno;
}

int log_files_show(struct log_files *f, const char *name)
{
	/* The status first: who sees a log finds its status, too. */
	int err = move(f->folder, f->hidden, name, ".exit");

	if (err == 0)
		err = move(f->folder, f->hidden, name, ".log");
	if (err == 0)
		f->hidden[0] = '\0';
	return err;
}

void log_files_close(struct log_files *f)
{
	if (f->hidden[0] != '\0')
		log_files_remove(f->folder, f->hidden);
	if (f->log >= 0)
		close(f->log);
	if (f->exit >= 0)
		close(f->exit);
}

int log_files_remove(int folder, const char *name)
{
	char file[FILE_NAME];
	int err;

	file_name(file, name, ".log");
	err = unlinkat(folder, file, 0) == 0 ? 0 : -errno;
	file_name(file, name, ".exit");
	unlinkat(folder, file, 0);
	return err;
}

/* What is no file of ours, a fifo say, must not hold us. */
static int open_regular(int folder, const char *file)
{
	int fd = openat(folder, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return -EPERM;
}

int log_file_open(int folder, const char *name)
{
	char file[FILE_NAME];

	if (!registry_is_name(name))
		return -ENOENT;
	file_name(file, name, ".log");
	return open_regular(folder, file);
}

int log_exit_status(int folder, const char *name)
{
	char file[FILE_NAME], text[8] = "";
	int fd;

	file_name(file, name, ".exit");
	fd = open_regular(folder, file);
	if (fd < 0)
		return LOG_EXIT_UNKNOWN;
	if (read(fd, text, sizeof(text) - 1) <= 0)
		text[0] = '\0';
	close(fd);
	return text[0] >= '0' && text[0] <= '9' ? atoi(text) & 255 : LOG_EXIT_UNKNOWN;
}

void log_exit_write(int exit_fd, int status)
{
	char text[8];
	int n = snprintf(text, sizeof(text), "%d\n", status & 255);

	(void)!write(exit_fd, text, (size_t)n);
}

static bool is_log(struct dirent *e)
{
	size_t len = strlen(e->d_name);

	if (len <= 4 || strcmp(e->d_name + len - 4, ".log") != 0)
		return false;
	e->d_name[len - 4] = '\0';
	return registry_is_name(e->d_name);
}

int log_folder_list(int folder, void (*fn)(void *ctx, const char *name), void *ctx)
{
	return folder_names(folder, is_log, fn, ctx);
}
