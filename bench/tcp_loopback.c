/* SPDX-License-Identifier: MIT */
/*
 * tcp_loopback.c - TCP between two threads of one program over 127.0.0.1: `tcp_loopback FIGURE` prints one number.
 *   rr      ns for a round trip of one byte        stream  MB/s with writes of 64 KiB
 *   connect ns for connect, one byte, close        idle    bytes of kernel memory for each of 10,000 idle connections
 *   leak    KiB of kernel memory that 1,000,000 connections leave behind
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

#define ROUND_TRIPS  20000
#define STREAM_BYTES (1L << 30)
#define CONNECTIONS  5000
#define IDLE         10000
#define LEAK         1000000
#define LEAK_WARMUP  20000 /* until TIME-WAIT is full */

static struct sockaddr_in addr;
static char buf[1 << 16];
static int listener;

static void start_listening(void)
{
	socklen_t len = sizeof(addr);

	addr = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&addr, len) != 0 || listen(listener, 1000) != 0)
		exit(1);
	getsockname(listener, (struct sockaddr *)&addr, &len);
}

static int connect_one(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
		perror("connect");
		exit(1);
	}
	return fd;
}

static void *echo(void *arg)
{
	int fd = accept(listener, NULL, NULL), one = 1;
	ssize_t n;
	char b[16];

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	while ((n = read(fd, b, sizeof(b))) > 0)
		if (write(fd, b, (size_t)n) != n)
			break;
	close(fd);
	return arg;
}

static void *discard(void *arg)
{
	static char in[1 << 16];
	int fd = accept(listener, NULL, NULL);
	long total = 0;
	ssize_t n;

	while ((n = read(fd, in, sizeof(in))) > 0)
		total += n;
	if (total != STREAM_BYTES)
		fprintf(stderr, "only %ld bytes came\n", total);
	close(fd);
	return arg;
}

static void *serve(void *arg)
{
	char b;

	for (int i = 0; i < *(const int *)arg; i++) {
		int fd = accept(listener, NULL, NULL);
		if (read(fd, &b, 1) == 1 && write(fd, &b, 1) != 1)
			exit(1);
		close(fd);
	}
	return arg;
}

static double rr(void)
{
	int fd = connect_one(), one = 1;
	char b = 0;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	for (int i = 0; i < 1000; i++)
		if (write(fd, &b, 1) != 1 || read(fd, &b, 1) != 1)
			exit(1);
	double start = now_ns();
	for (int i = 0; i < ROUND_TRIPS; i++)
		if (write(fd, &b, 1) != 1 || read(fd, &b, 1) != 1)
			exit(1);
	double ns = (now_ns() - start) / ROUND_TRIPS;
	close(fd);
	return ns;
}

static double stream(pthread_t *reader)
{
	int fd = connect_one();
	double start = now_ns();

	for (long sent = 0; sent < STREAM_BYTES;) {
		ssize_t n = write(fd, buf, sizeof(buf));
		if (n <= 0)
			exit(1);
		sent += n;
	}
	close(fd);
	pthread_join(*reader, NULL);
	*reader = 0;
	return (double)STREAM_BYTES * 1e3 / (now_ns() - start);
}

static double connections(int nr)
{
	double start = now_ns();

	for (int i = 0; i < nr; i++) {
		int fd = connect_one();
		char b = 0;
		if (write(fd, &b, 1) != 1 || read(fd, &b, 1) != 1)
			exit(1);
		close(fd);
	}
	return (now_ns() - start) / nr;
}

static double leak(void)
{
	struct sysinfo before, after;

	connections(LEAK_WARMUP);
	sysinfo(&before);
	connections(LEAK);
	sysinfo(&after);
	return ((double)before.freeram - (double)after.freeram) * before.mem_unit / 1024;
}

static double idle(void)
{
	struct rlimit lim = {2 * IDLE + 100, 2 * IDLE + 100};
	struct sysinfo before, after;

	if (setrlimit(RLIMIT_NOFILE, &lim) != 0) {
		perror("setrlimit");
		exit(1);
	}
	sysinfo(&before);
	for (int i = 0; i < IDLE; i++) {
		connect_one();
		if (accept(listener, NULL, NULL) < 0)
			exit(1);
	}
	sysinfo(&after);
	/* both ends are here */
	return (double)(before.freeram - after.freeram) * before.mem_unit / (2.0 * IDLE);
}

int main(int argc, char **argv)
{
	const char *figure = argc > 1 ? argv[1] : "";
	pthread_t t = 0;
	double v;

	start_listening();
	if (strcmp(figure, "rr") == 0) {
		pthread_create(&t, NULL, echo, NULL);
		v = rr();
	} else if (strcmp(figure, "stream") == 0) {
		pthread_create(&t, NULL, discard, NULL);
		v = stream(&t);
	} else if (strcmp(figure, "connect") == 0) {
		int nr = CONNECTIONS;
		pthread_create(&t, NULL, serve, &nr);
		v = connections(nr);
		pthread_join(t, NULL);
		t = 0;
	} else if (strcmp(figure, "leak") == 0) {
		int nr = LEAK_WARMUP + LEAK;
		pthread_create(&t, NULL, serve, &nr);
		v = leak();
		pthread_join(t, NULL);
		t = 0;
	} else if (strcmp(figure, "idle") == 0) {
		v = idle();
	} else {
		fprintf(stderr, "usage: tcp_loopback rr|stream|connect|idle|leak\n");
		return 2;
	}
	if (t != 0)
		pthread_join(t, NULL);
	printf("%.1f\n", v);
	return 0;
}
