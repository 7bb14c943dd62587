/* SPDX-License-Identifier: MIT */
/* gdb.c - between gdb's connection (gdb_session.h) and the stopped guest (abi/debug.h). */
#include "vmm/debug/gdb.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi/debug.h"
#include "abi/layout.h"
#include "vmm/cli/run_options.h"
#include "vmm/cli/say.h"
#include "vmm/core/io_thread.h"
#include "vmm/core/vm.h"
#include "vmm/debug/gdb_session.h"

/* How soon a thread that waits for gdb notices that the VM is to end. */
#define POLL_MS 100

struct gdb {
	struct io_watch watch; /* of the connection, while the program runs */
	_Atomic bool running;  /* else the vCPU's thread has the connection */
	bool attached;         /* else every stop is left at once */
	enum gdb_action asked; /* what the kernel is carrying out: GDB_READ, GDB_WRITE, GDB_SELECT, or GDB_RESUME */
	bool told;             /* gdb has been told of the first stop, which it asks for itself */
	struct gdb_session session;
	uint8_t in[512]; /* bytes received and not yet looked at: [in_at, in_end) */
	size_t in_at, in_end;
};

static void send_out(struct gdb *g)
{
	size_t done = 0;

	while (g->attached && done < g->session.out_len) {
		ssize_t n = write(g->watch.fd, g->session.out + done, g->session.out_len - done);

		if (n > 0)
			done += (size_t)n;
		else if (errno != EINTR)
			g->attached = false;
	}
	g->session.out_len = 0;
}

/* The next byte from gdb; false when it is gone or the VM is to end. */
static bool next_byte(struct vm *vm, struct gdb *g, uint8_t *byte)
{
	while (g->in_at == g->in_end) {
		struct pollfd p = {.fd = g->watch.fd, .events = POLLIN};
		ssize_t n;

		if (atomic_load(&vm->ending))
			return false;
		if (poll(&p, 1, POLL_MS) <= 0)
			continue;
		n = read(g->watch.fd, g->in, sizeof(g->in));
		if (n <= 0) {
			g->attached = false;
			return false;
		}
		g->in_at = 0;
		g->in_end = (size_t)n;
	}
	*byte = g->in[g->in_at++];
	return true;
}

/* Kernel memory, which is all in RAM, at fixed places: no need to ask the kernel. NULL: not such an address. */
static void *kernel_memory(struct vm *vm, uint64_t addr, uint64_t bytes)
{
	if (addr - CAY_KERNEL_GVA < CAY_KERNEL_SPAN)
		return gmem_ptr(&vm->mem, CAY_KERNEL_GPA + CAY_KERNEL_OFFSET(addr), bytes);
	if (addr >= CAY_DIRECT_GVA && addr < CAY_SYS_GVA)
		return gmem_ptr(&vm->mem, addr - CAY_DIRECT_GVA, bytes);
	return NULL;
}

/* Serves a memory request here if it can be. */
static bool serve_kernel_memory(struct vm *vm, struct gdb_session *s, enum gdb_action action)
{
	uint8_t *at = kernel_memory(vm, s->addr, s->bytes);

	if (!at)
		return false;
	if (action == GDB_READ)
		memcpy(s->data, at, s->bytes);
	else
		memcpy(at, s->data, s->bytes);
	gdb_session_result(s, action, action == GDB_READ ? s->bytes : 0);
	return true;
}

/* Talks with gdb until the kernel is needed, or the program may run. */
static enum gdb_action converse(struct vm *vm, struct gdb *g)
{
	struct gdb_session *s = &g->session;

	for (;;) {
		enum gdb_action action;
		uint8_t byte;

		send_out(g);
		if (!next_byte(vm, g, &byte)) {
			s->regs.rflags &= ~0x100ULL; /* no trap flag: nobody waits for it */
			s->deliver = s->signo == SIGTRAP || s->signo == SIGINT ? 0 : s->signo;
			return GDB_DETACH;
		}
		action = gdb_session_byte(s, byte);
		if ((action == GDB_READ || action == GDB_WRITE) && serve_kernel_memory(vm, s, action))
			continue;
		if (action != GDB_READ_BYTES) {
			send_out(g);
			return action;
		}
	}
}

static void take_stop(struct gdb *g, const struct cay_debug *d)
{
	struct gdb_session *s = &g->session;
	/* Locals, because MIN looks twice, and the guest may change them in between. */
	uint32_t nr_tids = READ_ONCE(d->nr_tids), auxv_bytes = READ_ONCE(d->auxv_bytes);

	memcpy(&s->regs, &d->regs, sizeof(s->regs));
	s->signo = READ_ONCE(d->signo);
	s->tid = READ_ONCE(d->tid);
	s->nr_tids = MIN(nr_tids, (uint32_t)CAY_DEBUG_TIDS);
	memcpy(s->tids, d->tids, sizeof(s->tids));
	s->auxv_bytes = MIN(auxv_bytes, (uint32_t)sizeof(s->auxv));
	memcpy(s->auxv, d->auxv, sizeof(s->auxv));
	gdb_session_stopped(s, g->told); /* of the first stop gdb asks itself, by '?' */
	g->told = true;
}

/* What gdb wants, to the kernel. */
static void put_request(struct vm *vm, struct gdb *g, struct cay_debug *d)
{
	struct gdb_session *s = &g->session;

	switch (g->asked) {
	case GDB_SELECT:
		d->addr = s->addr;
		d->request = CAY_DEBUG_SELECT;
		return;
	case GDB_READ:
	case GDB_WRITE:
		d->addr = s->addr;
		d->bytes = s->bytes;
		memcpy(d->data, s->data, sizeof(d->data));
		d->request = g->asked == GDB_READ ? CAY_DEBUG_READ : CAY_DEBUG_WRITE;
		return;
	case GDB_KILL:
		vm->wait_status = 9;
		atomic_store(&vm->ending, true);
		break;
	case GDB_DETACH:
		g->attached = false;
		break;
	default:
		atomic_store(&g->running, true);
		if (io_rewatch(vm->io, &g->watch, EPOLLIN | EPOLLONESHOT) != 0)
			g->attached = false;
	}
	g->asked = GDB_RESUME;
	d->deliver = s->deliver;
	memcpy(&d->regs, &s->regs, sizeof(d->regs));
	d->request = CAY_DEBUG_RESUME;
}

int64_t gdb_gate(struct vm *vm, uint64_t record_gpa)
{
	struct cay_debug *d = gmem_ptr(&vm->mem, record_gpa, sizeof(*d));
	struct gdb *g = vm->gdb;

	if (!g || !d)
		return -EINVAL;
	if (!g->attached) {
		int signo = READ_ONCE(d->signo);

		d->deliver = signo == SIGTRAP || signo == SIGINT ? 0 : signo;
		d->request = CAY_DEBUG_RESUME;
		return 0;
	}
	if (g->asked == GDB_SELECT) {
		memcpy(&g->session.other, &d->other, sizeof(g->session.other));
		gdb_session_result(&g->session, g->asked, READ_ONCE(d->result));
	} else if (g->asked == GDB_READ || g->asked == GDB_WRITE) {
		memcpy(g->session.data, d->data, sizeof(g->session.data));
		gdb_session_result(&g->session, g->asked, READ_ONCE(d->result));
	} else {
		atomic_store(&g->running, false);
		take_stop(g, d);
	}
	g->asked = converse(vm, g);
	put_request(vm, g, d);
	return 0;
}

void gdb_ended(struct vm *vm, int wait_status)
{
	if (!vm->gdb)
		return;
	gdb_session_ended(&vm->gdb->session, wait_status);
	send_out(vm->gdb);
}

/* I/O thread. Once per resumption (EPOLLONESHOT). */
static void on_readable(struct io_watch *w, uint32_t events)
{
	struct vm *vm = w->ctx;
	struct pollfd p = {.fd = w->fd, .events = POLLIN};

	(void)events;
	/*
	 * All that gdb does while the program runs is to send Ctrl-C or to leave; once the program has stopped, the
	 * vCPU's thread reads which. The event may be stale, of a packet that has been read since: so look again.
	 */
	if (atomic_load(&vm->gdb->running) && poll(&p, 1, 0) > 0)
		vm_raise_event(vm, CAY_EVENT_DEBUG);
}

static int listen_on(int port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 || listen(fd, 1) != 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

int gdb_create(struct vm *vm, int port, struct gdb **out)
{
	struct gdb *g = calloc(1, sizeof(*g));
	int listener = -1, on = 1, err;

	if (!g)
		return -ENOMEM;
	err = listener = listen_on(port);
	if (listener < 0)
		goto err_free;
	if (!vm->opt->quiet)
		say_note("waiting for gdb; in another terminal: gdb %s -ex 'target remote 127.0.0.1:%d'",
			 vm->opt->program_host, port);
	g->watch.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	err = g->watch.fd < 0 ? -errno : 0;
	close(listener);
	if (err != 0)
		goto err_free;
	setsockopt(g->watch.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	g->watch.ready = on_readable;
	g->watch.ctx = vm;
	g->attached = true;
	g->asked = GDB_RESUME;
	/* Asleep until the program runs. */
	err = io_watch(vm->io, &g->watch, EPOLLONESHOT);
	if (err != 0)
		goto err_close;
	*out = g;
	return 0;

err_close:
	close(g->watch.fd);
err_free:
	free(g);
	return err;
}

void gdb_destroy(struct gdb *g)
{
	if (!g)
		return;
	close(g->watch.fd);
	free(g);
}
