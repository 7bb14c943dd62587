/* SPDX-License-Identifier: MIT */
/*
 * netload.c - load for network benchmarks: the same static program on Linux and in Cay.
 *   netload serve PORT                 echoes UDP datagrams, serves TCP connections (see below), for ever
 *   netload rr udp|tcp HOST PORT N     N round trips of one byte: prints median, p99 and mean in ns
 *   netload stream HOST PORT SECONDS   sends as much TCP data as it can, with Cubic: prints bytes per second
 *   netload crr HOST PORT N            N connections, each with one byte there and back: prints connections per second
 *   netload idle HOST PORT N           N connections without traffic: prints bytes of memory for each, here and there
 *   goodput HOST PORT SECONDS FLOWS    so many connections with Cubic: prints what was acknowledged, bytes per second
 * A TCP connection begins with one byte that says what it wants: 'e' = echo what comes, 'd' = discard it, 'm' = tell
 * how many bytes of memory are free.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#define FDS_MAX 20000

static char buf[1 << 18];
static char wants[FDS_MAX]; /* by descriptor: 0 = not said yet */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static struct sockaddr_in address(const char *host, const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};

	inet_pton(AF_INET, host, &a.sin_addr);
	return a;
}

static void allow_many_files(void)
{
	struct rlimit lim;

	getrlimit(RLIMIT_NOFILE, &lim);
	lim.rlim_cur = lim.rlim_max < FDS_MAX ? lim.rlim_max : FDS_MAX;
	setrlimit(RLIMIT_NOFILE, &lim);
}

static unsigned long free_bytes(void)
{
	struct sysinfo info;

	if (sysinfo(&info) != 0)
		die("sysinfo");
	return info.freeram * info.mem_unit;
}

static void watch(int ep, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) != 0)
		die("epoll_ctl");
}

static void serve_connection(int fd)
{
	ssize_t n = read(fd, buf, wants[fd] == 'd' ? sizeof(buf) : 65536), at = 0;

	if (n <= 0) {
		close(fd); /* or it was reset, which is an end as well */
		return;
	}
	if (wants[fd] == 0)
		wants[fd] = buf[at++];
	if (wants[fd] == 'm') {
		unsigned long v = free_bytes();
		if (write(fd, &v, sizeof(v)) < 0)
			close(fd);
		return;
	}
	if (wants[fd] == 'e' && n > at && write(fd, buf + at, (size_t)(n - at)) < 0)
		close(fd);
}

static int listen_tcp(const struct sockaddr_in *a)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (fd < 0)
		return -1; /* a system without TCP serves UDP */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)a, sizeof(*a)) != 0 || listen(fd, 128) != 0)
		die("listen");
	return fd;
}

__attribute__((noreturn)) static void serve(const char *port)
{
	struct sockaddr_in a = address("0.0.0.0", port);
	int ep = epoll_create1(0), udp = socket(AF_INET, SOCK_DGRAM, 0), tcp = listen_tcp(&a), one = 1;

	allow_many_files();
	if (bind(udp, (struct sockaddr *)&a, sizeof(a)) != 0)
		die("bind");
	watch(ep, udp);
	if (tcp >= 0)
		watch(ep, tcp);
	for (;;) {
		struct epoll_event ev[64];
		int n = epoll_wait(ep, ev, 64, -1);

		for (int i = 0; i < n; i++) {
			int fd = ev[i].data.fd;

			if (fd == udp) {
				struct sockaddr_in from;
				socklen_t len = sizeof(from);
				ssize_t bytes = recvfrom(udp, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);

				if (bytes >= 0)
					sendto(udp, buf, (size_t)bytes, 0, (struct sockaddr *)&from, len);
			} else if (fd == tcp) {
				int c = accept(tcp, NULL, NULL);

				if (c < 0 || c >= FDS_MAX)
					continue;
				wants[c] = 0;
				setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
				watch(ep, c);
			} else {
				serve_connection(fd);
			}
		}
	}
}

static int open_connection(const char *kind, const char *host, const char *port)
{
	struct sockaddr_in a = address(host, port);
	int tcp = strcmp(kind, "udp") != 0, fd = socket(AF_INET, tcp ? SOCK_STREAM : SOCK_DGRAM, 0), one = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		die("connect");
	if (tcp)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static int by_value(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return x < y ? -1 : x > y;
}

static int round_trips(const char *kind, const char *host, const char *port, int n)
{
	int fd = open_connection(kind, host, port);
	long *ns = malloc((size_t)n * sizeof(*ns)), sum = 0;
	struct timeval patience = {.tv_sec = 2};
	char c = 'x';

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (strcmp(kind, "tcp") == 0 && write(fd, "e", 1) != 1)
		die("write");
	for (int i = -n / 10; i < n; i++) { /* the first tenth warms up */
		long before = now_ns(), took;

		if (write(fd, &c, 1) != 1 || read(fd, &c, 1) != 1)
			die("round trip");
		took = now_ns() - before;
		if (i < 0)
			continue;
		ns[i] = took;
		sum += took;
	}
	qsort(ns, (size_t)n, sizeof(*ns), by_value);
	printf("%ld %ld %ld\n", ns[n / 2], ns[n - 1 - n / 100], sum / n);
	return 0;
}

static int stream(const char *host, const char *port, int seconds)
{
	int fd = open_connection("tcp", host, port);
	long start = now_ns(), end = start + seconds * 1000000000L, bytes = 0;

	/* Linux's default; BBR, which some hosts have instead, paces by timers, and they would be what is measured. */
	setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
	if (write(fd, "d", 1) != 1)
		die("write");
	while (now_ns() < end) {
		ssize_t n = write(fd, buf, 128 << 10);

		if (n < 0)
			die("write");
		bytes += n;
	}
	printf("%.0f\n", (double)bytes * 1e9 / (double)(now_ns() - start));
	return 0;
}

static double bytes_acked(const struct pollfd *fds, int flows)
{
	double sum = 0;

	for (int i = 0; i < flows; i++) {
		struct tcp_info info;
		socklen_t len = sizeof(info);

		if (getsockopt(fds[i].fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
			die("TCP_INFO");
		sum += (double)info.tcpi_bytes_acked;
	}
	return sum;
}

/* A flow that has a second's start counts from there: opening the window is not what is measured. */
static int goodput(const char *host, const char *port, int seconds, int flows)
{
	struct pollfd fds[64];
	long start = 0, end = 0, now = 0;
	double acked = 0;

	if (flows > 64)
		flows = 64;
	for (int i = 0; i < flows; i++) {
		fds[i] = (struct pollfd){.fd = open_connection("tcp", host, port), .events = POLLOUT};
		if (setsockopt(fds[i].fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5) != 0)
			die("TCP_CONGESTION");
		fcntl(fds[i].fd, F_SETFL, O_NONBLOCK);
		if (write(fds[i].fd, "d", 1) != 1)
			die("write");
	}
	for (long begin = now_ns(); end == 0 || now < end;) {
		now = now_ns();
		if (start == 0 && now - begin > 1000000000L) {
			start = now;
			end = now + seconds * 1000000000L;
			acked = -bytes_acked(fds, flows);
		}
		if (poll(fds, (nfds_t)flows, 100) < 0)
			die("poll");
		for (int i = 0; i < flows; i++)
			while (fds[i].revents & POLLOUT && write(fds[i].fd, buf, 16384) == 16384)
				;
	}
	acked += bytes_acked(fds, flows);
	printf("%.0f\n", acked * 1e9 / (double)(now_ns() - start));
	return 0;
}

static int connections(const char *host, const char *port, int n)
{
	struct linger at_once = {1, 0};
	long start = now_ns();
	char c;

	for (int i = 0; i < n; i++) {
		int fd = open_connection("tcp", host, port);

		if (write(fd, "ex", 2) != 2 || read(fd, &c, 1) != 1)
			die("connection");
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close(fd);
	}
	printf("%.0f\n", n * 1e9 / (double)(now_ns() - start));
	return 0;
}

static unsigned long free_there(int fd)
{
	unsigned long v;

	if (write(fd, "m", 1) != 1 || read(fd, &v, sizeof(v)) != sizeof(v))
		die("free memory of the other side");
	return v;
}

static int idle(const char *host, const char *port, int n)
{
	int control = open_connection("tcp", host, port);
	unsigned long here, there;

	allow_many_files();
	for (int i = 0; i < n / 10; i++) /* first: what all need together */
		open_connection("tcp", host, port);
	here = free_bytes();
	there = free_there(control);
	for (int i = 0; i < n; i++)
		open_connection("tcp", host, port);
	printf("%.0f ", ((double)here - (double)free_bytes()) / n);
	printf("%.0f\n", ((double)there - (double)free_there(control)) / n);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		serve(argv[2]);
	if (argc == 6 && strcmp(argv[1], "rr") == 0)
		return round_trips(argv[2], argv[3], argv[4], atoi(argv[5]));
	if (argc == 5 && strcmp(argv[1], "stream") == 0)
		return stream(argv[2], argv[3], atoi(argv[4]));
	if (argc == 5 && strcmp(argv[1], "crr") == 0)
		return connections(argv[2], argv[3], atoi(argv[4]));
	if (argc == 5 && strcmp(argv[1], "idle") == 0)
		return idle(argv[2], argv[3], atoi(argv[4]));
	if (argc == 6 && strcmp(argv[1], "goodput") == 0)
		return goodput(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]));
	fprintf(stderr, "netload: see the head of its source\n");
	return 2;
}
