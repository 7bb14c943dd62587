/* SPDX-License-Identifier: MIT */
/*
 * proc_ends.c - /proc/PID/status and stat are read while the process that they show ends: its address space is locked
 * by a long mmap, so that the reader sleeps, and its parent has reaped it before the reader goes on. What the reader
 * then gets is a process or none. A kernel that uses what was freed shows it when it checks itself (make DEBUG=1).
 */
#include "report.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS    12
#define MAP_BYTES (32u << 20)

static volatile int shown, stop;

static void go_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* Keeps the reader from going on as soon as it could. */
static void *spinner(void *arg)
{
	go_to(0);
	while (!stop)
		;
	return arg;
}

static void *reader(void *arg)
{
	const char *name[] = {"status", "stat"};
	char path[64], buf[8192];
	uintptr_t nr = 0;

	go_to(0);
	setpriority(PRIO_PROCESS, (id_t)gettid(), 5);
	while (!stop) {
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/%s", shown, name[nr % 2]);
		fd = open(path, O_RDONLY);
		if (fd >= 0 && read(fd, buf, sizeof(buf)) > 0)
			nr++;
		close(fd);
	}
	return arg != NULL ? NULL : (void *)nr;
}

static void map_for_ever(void)
{
	struct sched_param none = {0};

	sched_setscheduler(0, SCHED_OTHER, &none);
	go_to(1);
	for (;;) {
		void *m = mmap(NULL, MAP_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
			       0);

		munmap(m, MAP_BYTES);
	}
}

int main(void)
{
	struct sched_param first = {.sched_priority = 10};
	pthread_t r, s;
	void *nr;

	shown = getpid();
	pthread_create(&r, NULL, reader, NULL);
	pthread_create(&s, NULL, spinner, NULL);
	go_to(0);
	sched_setscheduler(0, SCHED_FIFO, &first); /* reaps at once; root only */
	for (long i = 0; i < ROUNDS; i++) {
		struct timespec a_while = {.tv_nsec = 20000000 + i * 1300000};
		pid_t p = fork();

		if (p == 0)
			map_for_ever();
		shown = p;
		nanosleep(&a_while, NULL);
		kill(p, SIGKILL);
		waitpid(p, NULL, 0);
	}
	stop = 1;
	pthread_join(r, &nr);
	pthread_join(s, NULL);
	report((uintptr_t)nr > 0, "processes are shown while they end");
	return report_summary();
}
