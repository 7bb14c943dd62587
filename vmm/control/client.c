/* SPDX-License-Identifier: MIT */
#include "vmm/control/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "vmm/cli/run_options.h"
#include "vmm/cli/say.h"
#include "vmm/control/registry.h"
#include "vmm/core/timing.h"

#define ANSWER_MAX  (16u << 20) /* bytes: what a VM sends at most (control.c) */
#define PATIENCE_MS 2000        /* for each piece of an answer */
#define ANSWER_MS   5000        /* for all of it: who sends a byte a second shall not hold us for ever */

int client_open(void)
{
	char path[256] = "";
	int fd = registry_open(path, sizeof(path));

	if (fd == -EPERM)
		say_error("%s is not this user's alone; remove it, or set XDG_RUNTIME_DIR", path);
	else if (fd < 0)
		say_error("cannot use %s, where running VMs are found: %s", path, strerror(-fd));
	return fd;
}

static int ask(int fd, enum control_request r)
{
	const char *word = control_request_word(r);
	char line[CONTROL_REQUEST_MAX];
	int len = snprintf(line, sizeof(line), "%s\n", word);

	return send(fd, line, (size_t)len, MSG_NOSIGNAL) == len ? 0 : -EPROTO;
}

/* All there is until the end. malloc'd, or NULL with *err. */
static char *receive(int fd, size_t *bytes, int *err)
{
	uint64_t end_ns = timing_now_ns() + ANSWER_MS * 1000000ull;
	size_t room = 65536;
	char *text = malloc(room);

	*bytes = 0;
	*err = -ENOMEM;
	while (text != NULL) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;

		if (*bytes == room) {
			char *more = room < ANSWER_MAX ? realloc(text, room *= 2) : NULL;

			if (more == NULL)
				break;
			text = more;
		}
		*err = -ETIMEDOUT;
		if (timing_now_ns() > end_ns || poll(&p, 1, PATIENCE_MS) != 1)
			break;
		n = read(fd, text + *bytes, room - *bytes);
		*err = -EPROTO;
		if (n < 0)
			break;
		if (n == 0) {
			*err = 0;
			return text;
		}
		*bytes += (size_t)n;
	}
	free(text);
	return NULL;
}

int client_ask(int folder, const char *name, enum control_request r, json_t **answer, pid_t *pid)
{
	pid_t process = 0;
	int fd = registry_connect(folder, name, &process), err;
	size_t bytes;
	char *text;

	*answer = NULL;
	if (fd < 0)
		return fd;
	if (pid != NULL)
		*pid = process;
	err = ask(fd, r);
	if (err == 0) {
		text = receive(fd, &bytes, &err);
		if (text != NULL && bytes == 0)
			err = -ENOENT; /* it has just ended */
		else if (text != NULL)
			*answer = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL);
		free(text);
	}
	close(fd);
	if (*answer != NULL && json_is_object(*answer))
		return 0;
	json_decref(*answer);
	*answer = NULL;
	return err != 0 ? err : -EPROTO;
}

int client_complain(const char *name, int err)
{
	switch (err) {
	case -ENOENT:
		say_error("no VM '%s' is running; 'cay ps' lists them", name);
		break;
	case -ETIMEDOUT:
	case -EAGAIN:
		say_error("VM '%s' does not answer: is its process stopped?", name);
		break;
	case -EPERM:
		say_error("VM '%s' is another user's", name);
		break;
	case -EPROTO:
		say_error("VM '%s' gave no answer that can be understood; it may be of another version of cay", name);
		break;
	default:
		say_error("VM '%s' cannot be asked: %s", name, strerror(-err));
	}
	return RUN_EXIT_OURS;
}

int client_pidfd(int folder, const char *name)
{
	struct pollfd p = {.events = POLLIN};
	pid_t pid;
	int fd;

	p.fd = registry_connect(folder, name, &pid);
	if (p.fd < 0)
		return p.fd;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		fd = errno == ESRCH ? -ENOENT : -errno;
	/* It lived after the process was found by its number, so the number was still its own. */
	if (fd >= 0 && poll(&p, 1, 0) != 0) {
		close(fd);
		fd = -ENOENT;
	}
	close(p.fd);
	return fd;
}

long long client_number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

const char *client_text(const json_t *o, const char *key)
{
	static char ring[8][1024];
	static unsigned next;
	const json_t *s = key != NULL ? json_object_get(o, key) : o;
	char *text = ring[next++ % 8];
	size_t n = 0;

	for (const char *at = json_is_string(s) ? json_string_value(s) : ""; *at != '\0' && n < sizeof(ring[0]) - 1;
	     at++)
		text[n++] = (char)(*at >= 0x20 && *at < 0x7f ? *at : '?');
	text[n] = '\0';
	return text;
}
