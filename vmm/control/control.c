/* SPDX-License-Identifier: MIT */
#include "vmm/control/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/cli/run_options.h"
#include "vmm/control/answer.h"
#include "vmm/control/request.h"
#include "vmm/core/io_thread.h"
#include "vmm/core/log.h"
#include "vmm/core/vm.h"

#define CLIENTS_MAX 4
#define ANSWER_MAX  (16u << 20) /* bytes */

struct client {
	struct io_watch watch; /* fd -1: free place */
	struct control *control;
	unsigned age; /* the oldest goes when a place is needed */
	char request[CONTROL_REQUEST_MAX];
	size_t got;
	char *answer; /* NULL while the request is incomplete; malloc'd */
	size_t bytes, sent;
};

struct control {
	struct vm *vm;
	int folder;
	char folder_path[256];
	char name[REGISTRY_NAME_MAX + 1];
	struct io_watch listener;
	struct client client[CLIENTS_MAX];
	unsigned clients_ever;
};

/* ---- clients */

static void client_close(struct client *c)
{
	if (c->watch.fd < 0)
		return;
	io_unwatch(c->control->vm->io, &c->watch);
	close(c->watch.fd);
	c->watch.fd = -1;
	free(c->answer);
	c->answer = NULL;
}

static void client_send(struct client *c)
{
	ssize_t n = write(c->watch.fd, c->answer + c->sent, c->bytes - c->sent);

	if (n > 0)
		c->sent += (size_t)n;
	if (c->sent == c->bytes || (n < 0 && errno != EAGAIN && errno != EINTR))
		client_close(c);
	else if (io_rewatch(c->control->vm->io, &c->watch, EPOLLOUT) != 0)
		client_close(c);
}

static void client_answer(struct client *c, enum control_request r)
{
	json_t *o = answer_make(c->control->vm, c->control->name, r);

	c->answer = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	c->sent = 0;
	c->bytes = c->answer != NULL ? strlen(c->answer) : 0;
	if (c->bytes == 0 || c->bytes > ANSWER_MAX)
		client_close(c);
	else
		client_send(c);
}

static void client_receive(struct client *c)
{
	ssize_t n = read(c->watch.fd, c->request + c->got, sizeof(c->request) - c->got);
	int r;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_close(c);
		return;
	}
	c->got += (size_t)n;
	r = control_request_parse(c->request, c->got);
	if (r >= 0)
		client_answer(c, (enum control_request)r);
}

static void client_ready(struct io_watch *w, uint32_t events)
{
	struct client *c = w->ctx;

	(void)events;
	if (c->watch.fd < 0)
		return; /* its place was needed, earlier in this round of events */
	if (c->answer != NULL)
		client_send(c);
	else
		client_receive(c);
}

static struct client *client_place(struct control *control)
{
	struct client *oldest = &control->client[0];

	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &control->client[i];

		if (c->watch.fd < 0)
			return c;
		if (control->clients_ever - c->age > control->clients_ever - oldest->age)
			oldest = c;
	}
	client_close(oldest);
	return oldest;
}

/* jansson would read it from a file when the first object is made, which the sandbox forbids. */
static void seed_hashes(struct control *c)
{
	size_t seed = 0;

	if (c->clients_ever != 0)
		return;
	(void)!getrandom(&seed, sizeof(seed), 0);
	json_object_seed(seed | 1);
}

static bool may_ask(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && (cred.uid == getuid() || cred.uid == 0);
}

static void client_arrives(struct io_watch *w, uint32_t events)
{
	struct control *control = w->ctx;
	int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *c;

	(void)events;
	if (fd < 0)
		return;
	if (!may_ask(fd)) {
		close(fd);
		return;
	}
	seed_hashes(control);
	c = client_place(control);
	*c = (struct client){
		.watch = {.fd = fd, .ready = client_ready, .ctx = c, .linger = IO_LINGER_NONE},
		.control = control,
		.age = control->clients_ever++,
	};
	if (io_watch(control->vm->io, &c->watch, EPOLLIN) != 0) {
		close(fd);
		c->watch.fd = -1;
	}
}

/* ---- life */

static struct control *control_new(struct vm *vm)
{
	struct control *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->vm = vm;
	c->folder = c->listener.fd = -1;
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		c->client[i].watch.fd = -1;
	return c;
}

static void note_unlisted(const struct control *c, int err)
{
	if (c->vm->opt->verbosity > 0)
		log_error("'cay ps' will not show this VM: %s: %s", c->folder_path, strerror(-err));
}

struct control *control_open(struct vm *vm)
{
	struct control *c = control_new(vm);

	if (c == NULL)
		return NULL;
	c->folder = registry_open(c->folder_path, sizeof(c->folder_path));
	if (c->folder >= 0)
		return c;
	note_unlisted(c, c->folder);
	control_close(c);
	return NULL;
}

int control_enter(struct control *c)
{
	const char *wanted = c->vm->opt->name;
	pid_t pid = 0;
	int fd;

	snprintf(c->name, sizeof(c->name), "%s", wanted != NULL ? wanted : "");
	fd = registry_enter(c->folder, c->folder_path, c->name, &pid);
	if (fd == -EADDRINUSE) {
		log_error("--name %s: a VM of that name is running (process %d); 'cay stop %s' ends it", c->name,
			  (int)pid, c->name);
		return fd;
	}
	if (fd < 0) {
		note_unlisted(c, fd);
		c->name[0] = '\0';
		return 0;
	}
	c->listener = (struct io_watch){.fd = fd, .ready = client_arrives, .ctx = c, .linger = IO_LINGER_NONE};
	return 0;
}

const char *control_folder_path(const struct control *c)
{
	return c->folder_path;
}

const char *control_name(const struct control *c)
{
	return c->name;
}

int control_serve(struct control *c)
{
	return c->listener.fd >= 0 ? io_watch(c->vm->io, &c->listener, EPOLLIN) : 0;
}

void control_leave(const struct control *c)
{
	if (c->listener.fd >= 0)
		registry_leave(c->folder, c->name);
}

void control_close(struct control *c)
{
	if (c == NULL)
		return;
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		if (c->client[i].watch.fd >= 0) {
			close(c->client[i].watch.fd);
			free(c->client[i].answer);
		}
	control_leave(c);
	if (c->listener.fd >= 0)
		close(c->listener.fd);
	if (c->folder >= 0)
		close(c->folder);
	free(c);
}
