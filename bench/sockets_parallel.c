/* SPDX-License-Identifier: MIT */
/*
 * sockets_parallel.c - do two sockets wait for each other? `sockets_parallel tcp|udp|unix BYTES THREADS` prints
 * messages a microsecond, of all threads together. Each thread has a pair of sockets of its own, sends on one and
 * receives from the other, so nobody sleeps and nothing is shared but what the kernel shares.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

#define WARM_UP     2000
#define MESSAGES    100000
#define BYTES_MAX   65536
#define THREADS_MAX 16

static const char *kind;
static size_t bytes;
static pthread_barrier_t ready;
static double took_ns[THREADS_MAX];

static void must(int ok)
{
	if (ok)
		return;
	perror(kind);
	exit(1);
}

static void make_pair(int fd[2])
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1, udp = strcmp(kind, "udp") == 0;
	socklen_t len = sizeof(a);

	if (strcmp(kind, "unix") == 0) {
		must(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
		return;
	}
	int first = socket(AF_INET, udp ? SOCK_DGRAM : SOCK_STREAM, 0);
	must(bind(first, (struct sockaddr *)&a, len) == 0 && getsockname(first, (struct sockaddr *)&a, &len) == 0);
	must(udp || listen(first, 1) == 0);
	fd[0] = socket(AF_INET, udp ? SOCK_DGRAM : SOCK_STREAM, 0);
	must(connect(fd[0], (struct sockaddr *)&a, len) == 0);
	fd[1] = udp ? first : accept(first, NULL, NULL);
	if (!udp)
		must(setsockopt(fd[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0);
}

static void move(const int fd[2], char *buf, int n)
{
	for (int i = 0; i < n; i++) {
		must(send(fd[0], buf, bytes, 0) == (ssize_t)bytes);
		for (size_t got = 0; got < bytes;) {
			ssize_t r = recv(fd[1], buf, bytes, 0);
			must(r > 0);
			got += (size_t)r;
		}
	}
}

static void *work(void *arg)
{
	char *buf = calloc(1, BYTES_MAX);
	int fd[2];

	make_pair(fd);
	move(fd, buf, WARM_UP);
	pthread_barrier_wait(&ready);
	double start = now_ns();
	move(fd, buf, MESSAGES);
	took_ns[(int)(long)arg] = now_ns() - start;
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t t[THREADS_MAX];
	double rate = 0;
	int nr;

	if (argc != 4 || (bytes = strtoul(argv[2], NULL, 10)) == 0 || bytes > BYTES_MAX || (nr = atoi(argv[3])) < 1 ||
	    nr > THREADS_MAX) {
		fprintf(stderr, "usage: sockets_parallel tcp|udp|unix BYTES THREADS\n");
		return 2;
	}
	kind = argv[1];
	pthread_barrier_init(&ready, NULL, (unsigned)nr);
	for (long i = 0; i < nr; i++)
		pthread_create(&t[i], NULL, work, (void *)i);
	for (int i = 0; i < nr; i++) {
		pthread_join(t[i], NULL);
		rate += MESSAGES / took_ns[i] * 1e3;
	}
	printf("%.3f\n", rate);
	return 0;
}
