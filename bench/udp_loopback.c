/* SPDX-License-Identifier: MIT */
/* One byte there and back between two threads over UDP on loopback. Prints nanoseconds a round trip. Argument: rounds.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int bound(struct sockaddr_in *a)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	socklen_t len = sizeof(*a);

	*a = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (s < 0 || bind(s, (struct sockaddr *)a, len) != 0 || getsockname(s, (struct sockaddr *)a, &len) != 0)
		exit(1);
	return s;
}

static void *echo(void *arg)
{
	int s = *(int *)arg;
	char c;

	while (recv(s, &c, 1, 0) == 1)
		if (send(s, &c, 1, 0) != 1)
			break;
	return NULL;
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 100000;
	struct sockaddr_in a, b;
	int s = bound(&a), t = bound(&b);
	struct timespec begin, end;
	pthread_t thread;
	char c = 'x';

	if (connect(s, (struct sockaddr *)&b, sizeof(b)) != 0 || connect(t, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    pthread_create(&thread, NULL, echo, &t) != 0)
		return 1;
	for (long i = -1000; i < rounds; i++) {
		if (i == 0)
			clock_gettime(CLOCK_MONOTONIC, &begin);
		if (send(s, &c, 1, 0) != 1 || recv(s, &c, 1, 0) != 1)
			return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%.0f\n",
	       ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) / (double)rounds);
	send(s, "", 0, 0); /* ends the other thread */
	pthread_join(thread, NULL);
	return 0;
}
