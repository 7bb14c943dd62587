/* SPDX-License-Identifier: MIT */
/*
 * ends_meanwhile.c - a system call reads an argument whose page is not there yet: it sleeps, because another thread
 * maps memory, and meanwhile what the call is about ends. It then finds nothing, or what has the number now. A kernel
 * that uses what was freed shows it when it checks itself (make DEBUG=1).
 */
#include "report.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS      6
#define MAP_BYTES   (16u << 20)
#define FRESH_BYTES (1ul << 30)

static _Atomic int victim; /* what the helper is to end; 0: nothing */
static _Atomic int stop;
static void (*end_it)(int id);
static char *fresh; /* never touched from here on */

static void *mapper(void *arg)
{
	while (!stop) {
		struct timespec pause = {.tv_nsec = 1000000};
		void *m = mmap(NULL, MAP_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
			       0);

		munmap(m, MAP_BYTES);
		nanosleep(&pause, NULL);
	}
	return arg;
}

static void *helper(void *arg)
{
	while (!stop) {
		int id = victim;

		if (id == 0) {
			sched_yield();
			continue;
		}
		end_it(id);
		victim = 0;
	}
	return arg;
}

static void end_process(int pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void end_timer(int id)
{
	syscall(SYS_timer_delete, id - 1);
}

static int new_process(void)
{
	int pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static int new_timer(void)
{
	struct sigevent ev = {.sigev_notify = SIGEV_NONE};
	int id = 0;

	return syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id) == 0 ? id + 1 : 0;
}

static void set_timer(int id, void *arg)
{
	syscall(SYS_timer_settime, id - 1, 0, arg, NULL);
}

static void queue_signal(int pid, void *arg)
{
	syscall(SYS_rt_sigqueueinfo, pid, SIGUSR1, arg);
}

static void set_limit(int pid, void *arg)
{
	syscall(SYS_prlimit64, pid, RLIMIT_CORE, arg, NULL);
}

static void set_scheduler(int pid, void *arg)
{
	syscall(SYS_sched_setscheduler, pid, SCHED_OTHER, arg);
}

static void set_affinity(int pid, void *arg)
{
	syscall(SYS_sched_setaffinity, pid, sizeof(long), arg);
}

static const struct {
	const char *name;
	int (*begin)(void);
	void (*end)(int id);
	void (*call)(int id, void *arg);
} calls[] = {
	{"timer_settime", new_timer, end_timer, set_timer},
	{"rt_sigqueueinfo", new_process, end_process, queue_signal},
	{"prlimit", new_process, end_process, set_limit},
	{"sched_setscheduler", new_process, end_process, set_scheduler},
	{"sched_setaffinity", new_process, end_process, set_affinity},
};

int main(void)
{
	pthread_t m, h;

	fresh = mmap(NULL, FRESH_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	pthread_create(&m, NULL, mapper, NULL);
	pthread_create(&h, NULL, helper, NULL);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		end_it = calls[i].end;
		for (int n = 0; n < ROUNDS; n++, fresh += 2u << 20) {
			int id = calls[i].begin();

			victim = id;
			calls[i].call(id, fresh);
			while (victim != 0)
				sched_yield();
		}
		report(true, "%s while its object ends", calls[i].name);
	}
	stop = 1;
	pthread_join(m, NULL);
	pthread_join(h, NULL);
	return report_summary();
}
