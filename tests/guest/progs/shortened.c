/* SPDX-License-Identifier: MIT */
/*
 * shortened.c FOLDER - maps FOLDER/file, says so by making FOLDER/ready, waits until FOLDER/cut is there, and touches
 * what is not there any more in several ways. Each line of output is what Linux does, too.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES 65536

static char *map;
static char inside[100];
static __thread sigjmp_buf back;
static __thread siginfo_t last;
static __thread int put_page; /* instead of jumping back */

static void on_bus(int signo, siginfo_t *si, void *context)
{
	(void)context;
	last = *si;
	if (!put_page)
		siglongjmp(back, signo);
	mmap((void *)((unsigned long)si->si_addr & ~4095ul), 4096, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

#define TOUCH(what, statement)                                                                                         \
	do {                                                                                                           \
		if (sigsetjmp(back, 1) == 0) {                                                                         \
			statement;                                                                                     \
			printf("%s: no signal\n", what);                                                               \
		} else {                                                                                               \
			printf("%s: at %ld, code %d\n", what, (long)((char *)last.si_addr - map), last.si_code);       \
		}                                                                                                      \
	} while (0)

static void copy(char *to, const char *from, long bytes)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes)::"memory");
}

static void touch_all(const char *who)
{
	volatile char *m = map;

	printf("%s\n", who);
	TOUCH("the page that is left", (void)m[4095]);
	TOUCH("load", (void)m[40000]);
	TOUCH("load again", (void)m[40000]);
	TOUCH("store", m[50001] = 1);
	TOUCH("vector", __asm__ volatile("movdqu (%0), %%xmm0" : : "r"(map + 20000) : "xmm0"));
	TOUCH("copy from", copy(inside, map + 8192, sizeof(inside)));
	TOUCH("copy to", copy(map + 12288, inside, sizeof(inside)));
}

static void *thread(void *arg)
{
	touch_all(arg);
	return NULL;
}

static int make(const char *name)
{
	return close(open(name, O_CREAT | O_WRONLY, 0666));
}

int main(int argc, char **argv)
{
	struct sigaction sa = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
	struct stat st;
	pthread_t t;
	int pipes[2];

	if (argc != 2 || chdir(argv[1]) != 0)
		return 2;
	map = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, open("file", O_RDWR), 0);
	if (map == MAP_FAILED || map[40000] != 'x' || make("ready") != 0)
		return 2;
	while (stat("cut", &st) != 0)
		usleep(10000);
	sigaction(SIGBUS, &sa, NULL);
	touch_all("the first thread");
	pthread_create(&t, NULL, thread, "another thread");
	pthread_join(t, NULL);
	put_page = 1;
	map[60001] = 5;
	printf("a handler that returns: at %ld, %d\n", (long)((char *)last.si_addr - map), map[60001] + map[60000]);
	if (pipe(pipes) == 0)
		printf("the kernel: %zd, %m\n", write(pipes[1], map + 30000, 10));
	fflush(stdout);
	signal(SIGBUS, SIG_DFL);
	return map[35000];
}
