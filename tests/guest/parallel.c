/* SPDX-License-Identifier: MIT */
/*
 * parallel.c - threads that use the same pipes, counters, sets and files at the same time: nothing is lost, doubled or
 * torn, and nobody sleeps through what he waits for. With one CPU the same must hold. A lost wake-up shows as a hang.
 */
#include "cpu_places.h"
#include "report.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* --- a stream through a pipe, in pieces of all sizes --- */

#define STREAM_BYTES (2u << 20)

struct stream {
	int fd[2];
	bool polls;
};

static void *stream_writer(void *arg)
{
	struct stream *s = arg;
	static uint8_t buf[100000];
	uint32_t random = 1;
	size_t sent = 0;

	go_to(0);
	while (sent < STREAM_BYTES) {
		size_t n = 1 + next_random(&random) % (next_random(&random) % 4 == 0 ? sizeof(buf) : 600);
		ssize_t done;

		for (size_t i = 0; i < n; i++)
			buf[i] = (uint8_t)((sent + i) * 7 + ((sent + i) >> 12));
		done = write(s->fd[1], buf, n < STREAM_BYTES - sent ? n : STREAM_BYTES - sent);
		if (done <= 0)
			return "write";
		sent += (size_t)done;
	}
	close(s->fd[1]);
	return NULL;
}

static void *stream_reader(void *arg)
{
	struct stream *s = arg;
	static uint8_t buf[50000];
	uint32_t random = 2;
	size_t got = 0;
	ssize_t n;

	go_to(1);
	for (;;) {
		struct pollfd p = {.fd = s->fd[0], .events = POLLIN};

		if (s->polls && poll(&p, 1, -1) != 1)
			return "poll";
		n = read(s->fd[0], buf, 1 + next_random(&random) % sizeof(buf));
		if (n < 0 && s->polls && errno == EAGAIN)
			return "poll said readable, read did not";
		if (n <= 0)
			break;
		for (ssize_t i = 0; i < n; i++, got++)
			if (buf[i] != (uint8_t)(got * 7 + (got >> 12)))
				return "another byte";
	}
	close(s->fd[0]);
	return n < 0 ? "read" : got == STREAM_BYTES ? NULL : "an end before the end";
}

static void test_stream(bool polls)
{
	struct stream s = {.polls = polls};
	const char *writer, *reader;
	pthread_t w, r;

	if (pipe2(s.fd, 0) != 0)
		exit(1);
	fcntl(s.fd[0], F_SETFL, polls ? O_NONBLOCK : 0);
	pthread_create(&w, NULL, stream_writer, &s);
	pthread_create(&r, NULL, stream_reader, &s);
	pthread_join(w, (void **)&writer);
	pthread_join(r, (void **)&reader);
	if (writer != NULL || reader != NULL)
		fprintf(stderr, "writer: %s, reader: %s\n", writer, reader);
	report(writer == NULL && reader == NULL, "a stream through a pipe%s", polls ? ", polled" : "");
}

/* --- records of several writers, read by several readers --- */

#define WRITERS 3
#define READERS 2
#define RECORDS 600

struct record {
	uint32_t writer, number;
	uint8_t fill[48];
};

static int records[2];
static uint8_t seen[WRITERS][RECORDS];
static _Atomic int torn;

static void *record_writer(void *arg)
{
	struct record r = {.writer = (uint32_t)(uintptr_t)arg};

	go_to(r.writer);
	for (r.number = 0; r.number < RECORDS; r.number++) {
		memset(r.fill, (int)(r.writer * 50 + r.number), sizeof(r.fill));
		if (write(records[1], &r, sizeof(r)) != sizeof(r))
			torn++;
	}
	return NULL;
}

static void *record_reader(void *arg)
{
	struct record r;
	ssize_t n;

	go_to((unsigned)(uintptr_t)arg);
	while ((n = read(records[0], &r, sizeof(r))) == sizeof(r)) {
		uint8_t want = (uint8_t)(r.writer * 50 + r.number);

		if (r.writer >= WRITERS || r.number >= RECORDS || r.fill[0] != want ||
		    r.fill[sizeof(r.fill) - 1] != want)
			torn++;
		else
			__atomic_fetch_add(&seen[r.writer][r.number], 1, __ATOMIC_RELAXED);
	}
	torn += n != 0;
	return NULL;
}

static void test_records(void)
{
	pthread_t w[WRITERS], r[READERS];
	unsigned wrong = 0;

	if (pipe(records) != 0)
		exit(1);
	for (uintptr_t i = 0; i < READERS; i++)
		pthread_create(&r[i], NULL, record_reader, (void *)i);
	for (uintptr_t i = 0; i < WRITERS; i++)
		pthread_create(&w[i], NULL, record_writer, (void *)i);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(w[i], NULL);
	close(records[1]);
	for (int i = 0; i < READERS; i++)
		pthread_join(r[i], NULL);
	close(records[0]);
	for (int i = 0; i < WRITERS; i++)
		for (int n = 0; n < RECORDS; n++)
			wrong += seen[i][n] != 1;
	report(torn == 0 && wrong == 0, "records of several writers come whole, and once");
}

/* --- an end that goes while the other one looks --- */

#define ENDS 200
static int end_fd[2];
static pthread_barrier_t gate;

static void *end_writer(void *arg)
{
	go_to(1);
	for (int i = 0; i < ENDS; i++) {
		pthread_barrier_wait(&gate);
		if (write(end_fd[1], "x", 1) != 1)
			return "write";
		close(end_fd[1]);
		pthread_barrier_wait(&gate);
	}
	return arg;
}

/* A byte that was written before the last writer left is seen with the end, or before it. */
static void test_last_words(void)
{
	bool lost = false;
	pthread_t t;
	char c;

	go_to(0);
	pthread_barrier_init(&gate, NULL, 2);
	pthread_create(&t, NULL, end_writer, NULL);
	for (int i = 0; i < ENDS; i++) {
		struct pollfd p = {.events = POLLIN};

		if (pipe(end_fd) != 0)
			exit(1);
		p.fd = end_fd[0];
		pthread_barrier_wait(&gate);
		do
			poll(&p, 1, i % 2 ? 0 : -1);
		while (p.revents == 0);
		lost |= !(p.revents & POLLIN) || read(end_fd[0], &c, 1) != 1 || read(end_fd[0], &c, 1) != 0;
		pthread_barrier_wait(&gate);
		close(end_fd[0]);
	}
	pthread_join(t, NULL);
	report(!lost, "no end hides the last byte");
}

/* --- eventfd --- */

#define TOKENS 3000
static int counter;

static void *giver(void *arg)
{
	uint64_t one = 1;

	go_to((unsigned)(uintptr_t)arg);
	for (int i = 0; i < TOKENS; i++)
		if (write(counter, &one, sizeof(one)) != sizeof(one))
			return "write";
	return NULL;
}

/* The number taken. */
static void *taker(void *arg)
{
	uintptr_t taken = 0;
	uint64_t v;

	go_to((unsigned)(uintptr_t)arg);
	while (taken < TOKENS && read(counter, &v, sizeof(v)) == sizeof(v))
		taken += v;
	return (void *)taken;
}

/* Two give as many tokens as two take: all are taken, and then there are none. */
static void test_eventfd(bool semaphore)
{
	pthread_t t[4];
	uintptr_t sum = 0;
	uint64_t v;

	counter = eventfd(0, semaphore ? EFD_SEMAPHORE : 0);
	if (!semaphore) {
		/* One taker: what a read returns is all there was. */
		pthread_create(&t[0], NULL, giver, (void *)0);
		pthread_create(&t[1], NULL, taker, (void *)1);
		pthread_join(t[0], NULL);
		pthread_join(t[1], (void **)&sum);
		sum += TOKENS;
	} else {
		for (uintptr_t i = 0; i < 4; i++)
			pthread_create(&t[i], NULL, i < 2 ? giver : taker, (void *)(i % 2));
		for (int i = 0; i < 4; i++) {
			void *r;

			pthread_join(t[i], &r);
			sum += i < 2 ? 0 : (uintptr_t)r;
		}
	}
	fcntl(counter, F_SETFL, O_NONBLOCK);
	report(sum == 2 * TOKENS && read(counter, &v, sizeof(v)) == -1 && errno == EAGAIN,
	       "an eventfd's counts all arrive, %s", semaphore ? "one by one" : "summed up");
	close(counter);
}

/* --- epoll --- */

#define SOURCES 8
#define EVENTS  4000
static int set_fd, source[SOURCES];
static _Atomic int consumed, stop;

static void watch(int op, int fd, uint32_t events, uint32_t data)
{
	struct epoll_event e = {.events = events, .data.u32 = data};

	if (epoll_ctl(set_fd, op, fd, &e) != 0)
		torn++;
}

static void *event_source(void *arg)
{
	uint64_t one = 1;
	uint32_t random = (uint32_t)(uintptr_t)arg;

	go_to((unsigned)(uintptr_t)arg);
	for (int i = 0; i < EVENTS; i++)
		if (write(source[next_random(&random) % SOURCES], &one, sizeof(one)) != sizeof(one))
			torn++;
	return NULL;
}

/* Each event counts once, whoever of the threads gets it; mode: what the sources are watched with. */
static void *event_sink(void *arg)
{
	uint32_t mode = (uint32_t)(uintptr_t)arg;
	struct epoll_event e[3];
	static _Atomic unsigned nr;

	go_to(nr++);
	while (consumed < 2 * EVENTS) {
		int n = epoll_wait(set_fd, e, 3, 200);

		for (int i = 0; i < n; i++) {
			int fd = source[e[i].data.u32];
			uint64_t v;

			if (read(fd, &v, sizeof(v)) == sizeof(v))
				consumed += (int)v;
			else if (mode & EPOLLONESHOT)
				torn++; /* it is ours alone until it is armed again */
			if (mode & EPOLLONESHOT)
				watch(EPOLL_CTL_MOD, fd, EPOLLIN | mode, e[i].data.u32);
		}
	}
	return NULL;
}

static void test_epoll(uint32_t mode, const char *name)
{
	pthread_t from[2], to[2];

	consumed = torn = 0;
	set_fd = epoll_create1(0);
	for (uint32_t i = 0; i < SOURCES; i++) {
		source[i] = eventfd(0, EFD_NONBLOCK);
		watch(EPOLL_CTL_ADD, source[i], EPOLLIN | mode, i);
	}
	for (uintptr_t i = 0; i < 2; i++) {
		pthread_create(&to[i], NULL, event_sink, (void *)(uintptr_t)mode);
		pthread_create(&from[i], NULL, event_source, (void *)i);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(from[i], NULL);
		pthread_join(to[i], NULL);
	}
	report(consumed == 2 * EVENTS && torn == 0, "two threads wait on a set and lose nothing: %s", name);
	close(set_fd);
	for (int i = 0; i < SOURCES; i++)
		close(source[i]);
}

/* Descriptors come to the set, have events, and go or are closed, while another thread waits on it. */
static void *waiter_on_set(void *arg)
{
	struct epoll_event e[4];
	uintptr_t nr = 0;

	go_to(1);
	while (!stop) {
		int n = epoll_wait(set_fd, e, 4, 1);

		for (int i = 0; i < n; i++) {
			nr++;
			if (e[i].data.u32 != 7 || !(e[i].events & (EPOLLIN | EPOLLHUP)))
				torn++;
		}
	}
	return (void *)(nr + (uintptr_t)arg);
}

static void test_epoll_changes(void)
{
	pthread_t t;

	torn = stop = 0;
	set_fd = epoll_create1(0);
	go_to(0);
	pthread_create(&t, NULL, waiter_on_set, NULL);
	for (int i = 0; i < 1500; i++) {
		int fd[2];

		if (pipe(fd) != 0)
			exit(1);
		watch(EPOLL_CTL_ADD, fd[0], EPOLLIN, 7);
		if (write(fd[1], "x", 1) != 1)
			torn++;
		if (i % 3 == 0)
			watch(EPOLL_CTL_DEL, fd[0], 0, 0);
		close(fd[i % 2]);
		close(fd[1 - i % 2]);
	}
	stop = 1;
	pthread_join(t, NULL);
	report(torn == 0, "a set changes while a thread waits on it");
	close(set_fd);
}

/* A set that is ready all the time is never seen empty, whoever looks at it meanwhile. */
static void *looker(void *arg)
{
	struct epoll_event e;

	go_to(1);
	while (!stop)
		if (epoll_wait(set_fd, &e, 1, 0) != 1)
			torn++;
	return arg;
}

static void test_epoll_lookers(void)
{
	int fd = eventfd(1, 0);
	struct epoll_event e;
	pthread_t t;

	torn = stop = 0;
	set_fd = epoll_create1(0);
	watch(EPOLL_CTL_ADD, fd, EPOLLIN, 0);
	go_to(0);
	pthread_create(&t, NULL, looker, NULL);
	for (int i = 0; i < 3000; i++) {
		struct pollfd p = {.fd = set_fd, .events = POLLIN};

		if (poll(&p, 1, 0) != 1 || epoll_wait(set_fd, &e, 1, 0) != 1)
			torn++;
	}
	stop = 1;
	pthread_join(t, NULL);
	report(torn == 0, "a set that is ready is seen so by all");
	close(set_fd);
	close(fd);
}

/* --- files in memory --- */

#define FILE_ROUNDS 60
#define FILE_BYTES  (96u << 10)
static int shared_file;

/* Thread n owns every second block of 1000 bytes of the shared file, and a file of its own, which it cuts now and then.
 */
static void *file_user(void *arg)
{
	unsigned n = (unsigned)(uintptr_t)arg;
	char name[32], block[1000], back[1000];
	int own;

	snprintf(name, sizeof(name), "parallel.%u", n);
	own = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	unlink(name);
	go_to(n);
	for (unsigned round = 0; round < FILE_ROUNDS; round++) {
		if (round % 8 == 7 && ftruncate(own, 0) != 0)
			torn++;
		for (unsigned at = n * 1000; at + 1000 <= FILE_BYTES; at += 2000) {
			memset(block, (int)(at / 1000 + round + 1), sizeof(block));
			torn += pwrite(shared_file, block, 1000, at) != 1000 || pwrite(own, block, 1000, at) != 1000;
			torn += pread(shared_file, back, 1000, at) != 1000 || memcmp(back, block, 1000) != 0;
			torn += pread(own, back, 1000, at) != 1000 || memcmp(back, block, 1000) != 0;
		}
	}
	close(own);
	return NULL;
}

static void *file_cutter(void *arg)
{
	char c;

	go_to(1);
	for (int i = 0; i < 2000; i++) {
		torn += ftruncate(shared_file, 0) != 0;
		torn += pwrite(shared_file, "yz", 2, 8191) != 2;
		if (pread(shared_file, &c, 1, 8190) == 1)
			torn += c != 0; /* a hole: nothing of what was there before */
	}
	return arg;
}

static void test_files(void)
{
	static char buf[16384];
	pthread_t t[2];

	torn = 0;
	shared_file = open("parallel.tmp", O_RDWR | O_CREAT | O_TRUNC, 0600);
	unlink("parallel.tmp");
	for (uintptr_t i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, file_user, (void *)i);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	report(torn == 0, "two threads write to a file and to their own");
	torn = 0;
	go_to(0);
	pthread_create(&t[0], NULL, file_cutter, NULL);
	for (int i = 0; i < 2000; i++) {
		ssize_t n = pread(shared_file, buf, sizeof(buf), 0);

		torn += n < 0;
	}
	pthread_join(t[0], NULL);
	report(torn == 0, "a file is cut while it is read");
	close(shared_file);
}

/* --- descriptors are looked up while they are closed and exchanged --- */

#define LOW_FD  40
#define HIGH_FD 600 /* makes the table grow */
static int stop_looking, marks[2];

/* Whatever is there, or nothing: a read gives the mark of one of the two, or says that there is no file. */
static void *descriptor_user(void *arg)
{
	go_to(1);
	while (!__atomic_load_n(&stop_looking, __ATOMIC_ACQUIRE)) {
		for (int fd = LOW_FD; fd < LOW_FD + 8; fd++) {
			char c = 0;

			if (pread(fd, &c, 1, 0) == 1)
				torn += c != 1 && c != 2;
			else
				torn += errno != EBADF;
		}
	}
	return arg;
}

static void test_descriptors(void)
{
	pthread_t t;

	torn = 0;
	for (int i = 0; i < 2; i++) {
		char c = (char)(i + 1);

		marks[i] = open("parallel.mark", O_RDWR | O_CREAT | O_TRUNC, 0600);
		unlink("parallel.mark");
		torn += pwrite(marks[i], &c, 1, 0) != 1;
	}
	go_to(0);
	pthread_create(&t, NULL, descriptor_user, NULL);
	for (int i = 0; i < 3000; i++) {
		int fd = LOW_FD + i % 8, own = open("parallel.mark", O_RDWR | O_CREAT | O_TRUNC, 0600);
		char c = (char)(1 + i % 2);

		unlink("parallel.mark"); /* the next one is another file */
		torn += pwrite(own, &c, 1, 0) != 1 || dup2(own, fd) != fd || close(own) != 0;
		if (i % 3 == 0)
			torn += dup2(marks[i % 2], fd) != fd;
		if (i % 2 == 0)
			torn += close(fd) != 0;
		if (i == 1000)
			torn += dup2(marks[0], HIGH_FD) != HIGH_FD || close(HIGH_FD) != 0;
	}
	__atomic_store_n(&stop_looking, 1, __ATOMIC_RELEASE);
	pthread_join(t, NULL);
	for (int fd = LOW_FD; fd < LOW_FD + 8; fd++)
		close(fd);
	report(torn == 0, "descriptors are used while they are closed and exchanged");
	close(marks[0]);
	close(marks[1]);
}

int main(void)
{
	count_cpus();
	test_stream(false);
	test_stream(true);
	test_records();
	test_last_words();
	test_eventfd(false);
	test_eventfd(true);
	test_epoll(0, "level");
	test_epoll(EPOLLET, "edge");
	test_epoll(EPOLLONESHOT, "one-shot");
	test_epoll_changes();
	test_epoll_lookers();
	test_files();
	test_descriptors();
	return report_summary();
}
