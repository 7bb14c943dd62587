/* SPDX-License-Identifier: MIT */
/*
 * Sockets used by several threads at once: connections beside each other, one socket from both sides of a lock, sockets
 * that are shut down or closed while others wait in them, listeners with several who accept, epoll from elsewhere.
 */
#include "report.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define THREADS   4
#define ROUNDS    400
#define RECORD    64
#define RECORDS   2000 /* by each writer */
#define CONNECTS  150  /* by each client */
#define CHAOS_FDS 8

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* Bound to a port of loopback that is returned in *addr. */
static int bound(int type, bool reuse_port, struct sockaddr_in *addr)
{
	int fd = socket(AF_INET, type, 0), on = 1;
	socklen_t len = sizeof(*addr);

	if (reuse_port)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)addr, sizeof(*addr)) != 0 ||
	    getsockname(fd, (struct sockaddr *)addr, &len) != 0)
		abort();
	return fd;
}

static int listening(struct sockaddr_in *addr, bool reuse_port)
{
	int fd = bound(SOCK_STREAM, reuse_port, addr);

	if (listen(fd, 128) != 0)
		abort();
	return fd;
}

static int connected_to(const struct sockaddr_in *addr)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) != 0)
		abort();
	return fd;
}

enum kind { TCP, UNIX_STREAM, UNIX_SEQPACKET };
static const char *const kind_name[] = {"TCP", "a Unix stream", "Unix packets"};

static void make_pair(enum kind kind, int fd[2])
{
	if (kind != TCP) {
		if (socketpair(AF_UNIX, kind == UNIX_STREAM ? SOCK_STREAM : SOCK_SEQPACKET, 0, fd) != 0)
			abort();
		return;
	}
	struct sockaddr_in addr = loopback(0);
	int listener = listening(&addr, false);
	fd[0] = connected_to(&addr);
	fd[1] = accept(listener, NULL, NULL);
	close(listener);
}

/* ---- connections beside each other */

struct talk {
	int fd;
	uint8_t seed;
	bool ok;
};

static uint8_t byte_at(uint8_t seed, unsigned round, unsigned i)
{
	return (uint8_t)(seed + round * 7 + i);
}

static bool send_all(int fd, const void *buf, size_t n)
{
	const char *at = buf;

	while (n > 0) {
		ssize_t done = send(fd, at, n, MSG_NOSIGNAL);
		if (done <= 0)
			return false;
		at += done;
		n -= (size_t)done;
	}
	return true;
}

static bool recv_all(int fd, void *buf, size_t n)
{
	char *at = buf;

	while (n > 0) {
		ssize_t done = recv(fd, at, n, 0);
		if (done <= 0)
			return false;
		at += done;
		n -= (size_t)done;
	}
	return true;
}

/* Sizes from one byte to a few KiB, so that all ways of sending are used. */
static unsigned size_of(unsigned round)
{
	return 1 + (round * 37 % 61) * (round % 5 == 0 ? 90 : 3);
}

static void *ask(void *arg)
{
	struct talk *t = arg;
	uint8_t out[8192], in[8192];

	t->ok = true;
	for (unsigned round = 0; round < ROUNDS && t->ok; round++) {
		unsigned n = size_of(round);
		for (unsigned i = 0; i < n; i++)
			out[i] = byte_at(t->seed, round, i);
		t->ok = send_all(t->fd, out, n) && recv_all(t->fd, in, n) && memcmp(in, out, n) == 0;
	}
	shutdown(t->fd, SHUT_WR);
	return NULL;
}

static void *echo(void *arg)
{
	struct talk *t = arg;
	char buf[8192];
	ssize_t n;

	while ((n = recv(t->fd, buf, sizeof(buf), 0)) > 0 && send_all(t->fd, buf, (size_t)n))
		;
	t->ok = n == 0;
	return NULL;
}

static void test_separate(enum kind kind)
{
	struct talk asks[THREADS], echoes[THREADS];
	pthread_t th[2 * THREADS];
	bool ok = true;

	for (int i = 0; i < THREADS; i++) {
		int fd[2];
		make_pair(kind, fd);
		asks[i] = (struct talk){.fd = fd[0], .seed = (uint8_t)(i * 31)};
		echoes[i] = (struct talk){.fd = fd[1]};
		pthread_create(&th[2 * i], NULL, echo, &echoes[i]);
		pthread_create(&th[2 * i + 1], NULL, ask, &asks[i]);
	}
	for (int i = 0; i < 2 * THREADS; i++)
		pthread_join(th[i], NULL);
	for (int i = 0; i < THREADS; i++) {
		ok &= asks[i].ok && echoes[i].ok;
		close(asks[i].fd);
		close(echoes[i].fd);
	}
	report(ok, "%d conversations at once over %s", THREADS, kind_name[kind]);
}

/* ---- one socket, several threads */

static void *write_records(void *arg)
{
	struct talk *t = arg;
	uint8_t record[RECORD];

	memset(record, t->seed, sizeof(record));
	t->ok = true;
	for (int i = 0; i < RECORDS && t->ok; i++)
		t->ok = send(t->fd, record, sizeof(record), 0) == sizeof(record);
	return NULL;
}

/* Looks at the socket from all sides while others use it. */
static volatile bool stop_looking;
static void *look(void *arg)
{
	struct talk *t = arg;
	struct sockaddr_in name;
	struct tcp_info info;
	int v;

	while (!stop_looking) {
		socklen_t len = sizeof(name);
		struct pollfd p = {.fd = t->fd, .events = POLLIN | POLLOUT};
		t->ok &= getsockname(t->fd, (struct sockaddr *)&name, &len) == 0 && poll(&p, 1, 0) >= 0;
		len = sizeof(v);
		t->ok &= getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &v, &len) == 0;
		len = sizeof(info);
		(void)getsockopt(t->fd, IPPROTO_TCP, TCP_INFO, &info, &len);
		v = 1;
		(void)setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &v, sizeof(v));
	}
	return NULL;
}

static void test_writers(enum kind kind)
{
	struct talk t[THREADS], looker;
	unsigned got[THREADS + 1] = {0};
	pthread_t th[THREADS + 1];
	uint8_t record[RECORD];
	bool whole = true;
	int fd[2];

	make_pair(kind, fd);
	stop_looking = false;
	looker = (struct talk){.fd = fd[0], .ok = true};
	pthread_create(&th[THREADS], NULL, look, &looker);
	for (int i = 0; i < THREADS; i++) {
		t[i] = (struct talk){.fd = fd[0], .seed = (uint8_t)i};
		pthread_create(&th[i], NULL, write_records, &t[i]);
	}
	for (int n = 0; n < THREADS * RECORDS && whole; n++) {
		whole = recv_all(fd[1], record, sizeof(record)) && record[0] < THREADS;
		for (unsigned i = 1; i < sizeof(record); i++)
			whole &= record[i] == record[0];
		if (whole)
			got[record[0]]++;
	}
	stop_looking = true;
	for (int i = 0; i < THREADS + 1; i++)
		pthread_join(th[i], NULL);
	for (int i = 0; i < THREADS; i++)
		whole &= t[i].ok && got[i] == RECORDS;
	report(whole && looker.ok, "%d writers on one socket of %s: records stay whole", THREADS, kind_name[kind]);
	close(fd[0]);
	close(fd[1]);
}

struct reader {
	int fd;
	size_t bytes;
	uint64_t sum;
};

static void *read_some(void *arg)
{
	struct reader *r = arg;
	uint8_t buf[300];
	ssize_t n;

	while ((n = read(r->fd, buf, sizeof(buf))) > 0) {
		r->bytes += (size_t)n;
		for (ssize_t i = 0; i < n; i++)
			r->sum += buf[i];
	}
	return NULL;
}

static void test_readers(enum kind kind)
{
	struct reader r[THREADS];
	pthread_t th[THREADS];
	uint64_t sum = 0, got = 0;
	size_t bytes = 0, sent = 0;
	uint8_t buf[1000];
	int fd[2];

	make_pair(kind, fd);
	for (int i = 0; i < THREADS; i++) {
		r[i] = (struct reader){.fd = fd[1]};
		pthread_create(&th[i], NULL, read_some, &r[i]);
	}
	for (unsigned round = 0; round < 500; round++) {
		unsigned n = kind == UNIX_SEQPACKET ? 1 + round % 300 : 1 + round * 13 % sizeof(buf);
		for (unsigned i = 0; i < n; i++) {
			buf[i] = byte_at(5, round, i);
			sum += buf[i];
		}
		if (!send_all(fd[0], buf, n))
			break;
		sent += n;
	}
	shutdown(fd[0], SHUT_WR); /* the end of the stream is for each of them */
	for (int i = 0; i < THREADS; i++) {
		pthread_join(th[i], NULL);
		bytes += r[i].bytes;
		got += r[i].sum;
	}
	report(bytes == sent && got == sum, "%d readers on one socket of %s get each byte once", THREADS,
	       kind_name[kind]);
	close(fd[0]);
	close(fd[1]);
}

/* ---- ending what others wait for */

static void *recv_one(void *arg)
{
	struct reader *r = arg;
	uint8_t byte;

	r->bytes = 100;
	ssize_t n = recv(r->fd, &byte, 1, 0);
	r->bytes = n < 0 ? 101 : (size_t)n;
	r->sum = byte;
	return NULL;
}

static void test_shutdown_wakes(enum kind kind)
{
	struct reader r[THREADS];
	pthread_t th[THREADS];
	bool ok = true;
	int fd[2];

	make_pair(kind, fd);
	for (int i = 0; i < THREADS; i++) {
		r[i] = (struct reader){.fd = fd[0]};
		pthread_create(&th[i], NULL, recv_one, &r[i]);
	}
	usleep(2000); /* most are asleep in it by now; it must work for the others, too */
	shutdown(fd[0], SHUT_RDWR);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(th[i], NULL);
		ok &= r[i].bytes == 0;
	}
	report(ok, "shutdown wakes all who read from %s", kind_name[kind]);
	close(fd[0]);
	close(fd[1]);
}

static void test_close_while_reading(enum kind kind)
{
	struct reader r;
	pthread_t th;
	int fd[2];

	make_pair(kind, fd);
	r = (struct reader){.fd = fd[0]};
	pthread_create(&th, NULL, recv_one, &r);
	usleep(20000);
	close(fd[0]); /* the reader has the socket still */
	(void)!send(fd[1], "x", 1, MSG_NOSIGNAL);
	close(fd[1]);
	pthread_join(th, NULL);
	/* EBADF if it had not begun to read */
	report((r.bytes == 1 && r.sum == 'x') || r.bytes == 101, "closing what another thread reads from, %s",
	       kind_name[kind]);
}

/* ---- listeners */

static int accepted_total, stop_accepting;

static void *accept_many(void *arg)
{
	int listener = *(int *)arg;

	for (;;) {
		struct pollfd p = {.fd = listener, .events = POLLIN};
		if (poll(&p, 1, 10) <= 0 && __atomic_load_n(&stop_accepting, __ATOMIC_SEQ_CST))
			return NULL;
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		char c;
		if (fd < 0)
			continue;
		if (recv(fd, &c, 1, 0) == 1 && send(fd, &c, 1, MSG_NOSIGNAL) == 1)
			__atomic_add_fetch(&accepted_total, 1, __ATOMIC_SEQ_CST);
		close(fd);
	}
}

static struct sockaddr_in server;
static void *connect_many(void *arg)
{
	struct talk *t = arg;
	char c = 0;

	t->ok = true;
	for (int i = 0; i < CONNECTS && t->ok; i++) {
		int fd = connected_to(&server);
		t->ok = send(fd, "c", 1, MSG_NOSIGNAL) == 1 && recv(fd, &c, 1, 0) == 1 && c == 'c';
		close(fd);
	}
	return NULL;
}

/* One listener for all, or one for each who accepts. */
static void test_accept(bool reuse_port)
{
	pthread_t acc[THREADS], th[THREADS];
	struct talk t[THREADS];
	int listener[THREADS];
	bool ok = true;

	server = loopback(0);
	for (int i = 0; i < THREADS; i++)
		listener[i] = i == 0 || reuse_port ? listening(&server, reuse_port) : listener[0];
	for (int i = 0; i < THREADS; i++)
		if (fcntl(listener[i], F_SETFL, O_NONBLOCK) != 0)
			abort();
	accepted_total = stop_accepting = 0;
	for (int i = 0; i < THREADS; i++) {
		pthread_create(&acc[i], NULL, accept_many, &listener[i]);
		pthread_create(&th[i], NULL, connect_many, &t[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(th[i], NULL);
		ok &= t[i].ok;
	}
	__atomic_store_n(&stop_accepting, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < THREADS; i++)
		pthread_join(acc[i], NULL);
	ok &= accepted_total == THREADS * CONNECTS;
	report(ok, "%d threads accept %s: each connection once", THREADS,
	       reuse_port ? "with SO_REUSEPORT" : "on one listener");
	for (int i = 0; i < (reuse_port ? THREADS : 1); i++)
		close(listener[i]);
}

/* ---- epoll from another thread */

struct watcher {
	int ep;
	int nr;
	unsigned bytes;
	bool oneshot, ok;
};

static void *watch(void *arg)
{
	struct watcher *w = arg;
	struct epoll_event e[4];
	int open = w->nr;
	char buf[256];

	w->ok = true;
	while (open > 0) {
		int n = epoll_wait(w->ep, e, 4, 5000);
		if (n <= 0) {
			w->ok = false; /* an event was lost */
			return NULL;
		}
		for (int i = 0; i < n; i++) {
			int fd = e[i].data.fd;
			ssize_t got;
			while ((got = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
				w->bytes += (unsigned)got;
			if (got == 0) {
				epoll_ctl(w->ep, EPOLL_CTL_DEL, fd, NULL);
				close(fd);
				open--;
			} else if (w->oneshot) {
				e[i].events = EPOLLIN | EPOLLONESHOT;
				epoll_ctl(w->ep, EPOLL_CTL_MOD, fd, &e[i]);
			}
		}
	}
	return NULL;
}

static void *send_bytes(void *arg)
{
	struct talk *t = arg;

	t->ok = true;
	for (int i = 0; i < RECORDS && t->ok; i++)
		t->ok = send(t->fd, "0123456789", 1 + (unsigned)i % 10, 0) > 0;
	close(t->fd);
	return NULL;
}

static void test_epoll(enum kind kind, uint32_t flags, const char *how)
{
	struct watcher w = {.ep = epoll_create1(0), .nr = THREADS, .oneshot = flags & EPOLLONESHOT};
	struct talk t[THREADS];
	pthread_t th[THREADS + 1];
	unsigned want = 0;
	bool ok;

	for (int i = 0; i < RECORDS; i++)
		want += 1 + (unsigned)i % 10;
	for (int i = 0; i < THREADS; i++) {
		int fd[2];
		make_pair(kind, fd);
		struct epoll_event e = {.events = EPOLLIN | flags, .data.fd = fd[1]};
		epoll_ctl(w.ep, EPOLL_CTL_ADD, fd[1], &e);
		t[i] = (struct talk){.fd = fd[0]};
	}
	pthread_create(&th[THREADS], NULL, watch, &w);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&th[i], NULL, send_bytes, &t[i]);
	for (int i = 0; i < THREADS + 1; i++)
		pthread_join(th[i], NULL);
	ok = w.ok && w.bytes == THREADS * want;
	for (int i = 0; i < THREADS; i++)
		ok &= t[i].ok;
	report(ok, "epoll, %s, on %d connections of %s", how, THREADS, kind_name[kind]);
	close(w.ep);
}

/* ---- datagrams */

static void *send_datagrams(void *arg)
{
	struct talk *t = arg;
	uint8_t d[200];

	memset(d, t->seed, sizeof(d));
	t->ok = true;
	for (unsigned i = 0; i < RECORDS && t->ok; i++)
		t->ok = sendto(t->fd, d, 1 + i % sizeof(d), 0, (struct sockaddr *)&server, sizeof(server)) > 0;
	return NULL;
}

static void *recv_datagrams(void *arg)
{
	struct talk *t = arg;
	uint8_t d[300];
	ssize_t n;

	t->ok = true;
	while ((n = recv(t->fd, d, sizeof(d), 0)) > 0 && d[0] != 255)
		for (ssize_t i = 1; i < n; i++)
			t->ok &= d[i] == d[0];
	return NULL;
}

static void test_datagrams(void)
{
	struct talk in[2], out[THREADS];
	pthread_t rd[2], wr[THREADS];
	struct sockaddr_in any = loopback(0);
	int from = bound(SOCK_DGRAM, false, &any), to;
	uint8_t last = 255;
	bool ok = true;

	server = loopback(0);
	to = bound(SOCK_DGRAM, false, &server);
	for (int i = 0; i < 2; i++) {
		in[i] = (struct talk){.fd = to};
		pthread_create(&rd[i], NULL, recv_datagrams, &in[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		out[i] = (struct talk){.fd = from, .seed = (uint8_t)i};
		pthread_create(&wr[i], NULL, send_datagrams, &out[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(wr[i], NULL);
		ok &= out[i].ok;
	}
	/* Datagrams may be lost, the last one too: until both have seen one. */
	while (pthread_tryjoin_np(rd[0], NULL) != 0) {
		(void)!sendto(from, &last, 1, 0, (struct sockaddr *)&server, sizeof(server));
		usleep(1000);
	}
	while (pthread_tryjoin_np(rd[1], NULL) != 0) {
		(void)!sendto(from, &last, 1, 0, (struct sockaddr *)&server, sizeof(server));
		usleep(1000);
	}
	report(ok && in[0].ok && in[1].ok, "datagrams of %d writers to 2 readers stay whole", THREADS);
	close(from);
	close(to);
}

/* ---- files in messages */

static bool send_fd(int to, int fd)
{
	union {
		struct cmsghdr h;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.h = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct iovec iov = {"f", 1};
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};

	memcpy(CMSG_DATA(&control.h), &fd, sizeof(fd));
	return sendmsg(to, &m, MSG_NOSIGNAL) == 1;
}

/* -1: the message had none. */
static int recv_fd(int from)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	int fd = -1;

	if (recvmsg(from, &m, 0) == 1 && CMSG_FIRSTHDR(&m) != NULL)
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

/* A file there and back, used; and sockets that lie in each other's queues when nobody has them open. */
static void *pass_files(void *arg)
{
	struct talk *t = arg;
	int pair[2], cycle[2], got = -1;
	char c = 0;

	t->ok = true;
	make_pair(UNIX_STREAM, pair);
	for (int i = 0; i < 100 && t->ok; i++) {
		make_pair(UNIX_STREAM, cycle);
		t->ok = send_fd(pair[0], cycle[0]) && (got = recv_fd(pair[1])) >= 0;
		t->ok = t->ok && send(got, "x", 1, 0) == 1 && recv(cycle[1], &c, 1, 0) == 1 && c == 'x';
		t->ok = t->ok && send_fd(cycle[0], cycle[0]) && send_fd(cycle[1], cycle[1]);
		close(got);
		close(cycle[0]);
		close(cycle[1]);
	}
	close(pair[0]);
	close(pair[1]);
	return NULL;
}

static void test_files(void)
{
	struct talk t[THREADS];
	pthread_t th[THREADS];
	bool ok = true;

	for (int i = 0; i < THREADS; i++)
		pthread_create(&th[i], NULL, pass_files, &t[i]);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(th[i], NULL);
		ok &= t[i].ok;
	}
	report(ok, "%d threads pass files through Unix sockets", THREADS);
}

/* ---- everything at once: only that nothing breaks */

static int chaos_fd[CHAOS_FDS];

static void *chaos(void *arg)
{
	unsigned rnd = 1 + (unsigned)(intptr_t)arg * 7919;
	struct sockaddr_in addr = server;
	char buf[2000] = "";
	int ep = epoll_create1(0);

	for (int i = 0; i < 1500; i++) {
		rnd = rnd * 1103515245 + 12345;
		unsigned slot = rnd >> 8 & (CHAOS_FDS - 1), what = rnd >> 16 & 15;
		int fd = __atomic_load_n(&chaos_fd[slot], __ATOMIC_RELAXED);
		struct epoll_event e = {.events = EPOLLIN | EPOLLET};

		switch (what) {
		case 0: /* a new one in its place */
			fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
			(void)!connect(fd, (struct sockaddr *)&addr, sizeof(addr));
			close(__atomic_exchange_n(&chaos_fd[slot], fd, __ATOMIC_RELAXED));
			break;
		case 1:
			fd = accept4(chaos_fd[0], NULL, NULL, SOCK_NONBLOCK);
			if (fd >= 0 && slot > 0)
				close(__atomic_exchange_n(&chaos_fd[slot], fd, __ATOMIC_RELAXED));
			else
				close(fd);
			break;
		case 2:
			if (slot > 0)
				shutdown(fd, (int)(rnd >> 24) % 3);
			break;
		case 3:
			epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
			break;
		case 4:
			(void)!epoll_wait(ep, &e, 1, 0);
			break;
		case 5: {
			struct linger l = {1, 0};
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
			break;
		}
		default:
			if (what & 1)
				(void)!send(fd, buf, 1 + (rnd >> 20) % sizeof(buf), MSG_NOSIGNAL | MSG_DONTWAIT);
			else
				(void)!recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		}
	}
	close(ep);
	return NULL;
}

static void test_chaos(void)
{
	pthread_t th[THREADS];

	server = loopback(0);
	chaos_fd[0] = listening(&server, false);
	fcntl(chaos_fd[0], F_SETFL, O_NONBLOCK);
	for (int i = 1; i < CHAOS_FDS; i++)
		chaos_fd[i] = connected_to(&server);
	for (intptr_t i = 0; i < THREADS; i++)
		pthread_create(&th[i], NULL, chaos, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(th[i], NULL);
	for (int i = 0; i < CHAOS_FDS; i++)
		close(chaos_fd[i]);
	report(true, "sockets opened, used, shut down and closed by %d threads at random", THREADS);
}

int main(void)
{
	alarm(60); /* whoever waits for ever fails by it */
	for (enum kind k = TCP; k <= UNIX_SEQPACKET; k++) {
		if (k != UNIX_SEQPACKET)
			test_separate(k);
		test_writers(k);
		test_readers(k);
		test_shutdown_wakes(k);
		test_close_while_reading(k);
		test_epoll(k, 0, "level");
		test_epoll(k, EPOLLET, "edge");
		test_epoll(k, EPOLLONESHOT, "oneshot");
	}
	test_accept(false);
	test_accept(true);
	test_datagrams();
	test_files();
	test_chaos();
	return report_summary();
}
