/* SPDX-License-Identifier: MIT */
/*
 * wake.c - how long a sleeper takes to run again after a futex wake from another CPU, in ns: median of many. "thread":
 * a thread of the same process, the ordinary case. "vcpu": a process that waits as the stub of the process backend does
 * in the gate call WAIT (vmm/backend/process/stub/gate.c), woken as the VMM does it (process_vcpu_wake).
 */
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS    300
#define ASLEEP_NS 100000

struct shared {
	_Alignas(64) _Atomic uint32_t word;
	_Alignas(64) _Atomic uint64_t pending;
	_Alignas(64) _Atomic uint64_t woken_ns;
};

static struct shared *s;
static int futex_flag; /* of a thread's futex: FUTEX_PRIVATE_FLAG */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void on_cpu(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	(void)!sched_setaffinity(0, sizeof(set), &set);
}

static void *sleeper(void *arg)
{
	on_cpu(1);
	for (unsigned i = 0; i < ROUNDS; i++) {
		for (;;) {
			uint32_t seq = atomic_load(&s->word);

			if (atomic_load(&s->pending) != 0)
				break;
			syscall(SYS_futex, &s->word, FUTEX_WAIT_BITSET | futex_flag, seq, NULL, NULL,
				FUTEX_BITSET_MATCH_ANY);
		}
		atomic_store(&s->pending, 0);
		atomic_store(&s->woken_ns, now_ns());
	}
	return arg;
}

static uint64_t wake_once(void)
{
	uint64_t begin = now_ns();

	while (now_ns() - begin < ASLEEP_NS)
		;
	atomic_store(&s->woken_ns, 0);
	begin = now_ns();
	atomic_fetch_or(&s->pending, 1);
	atomic_fetch_add(&s->word, 1);
	syscall(SYS_futex, &s->word, FUTEX_WAKE | futex_flag, 1, NULL, NULL, 0);
	while (atomic_load(&s->woken_ns) == 0)
		;
	return atomic_load(&s->woken_ns) - begin;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	static uint64_t took[ROUNDS];
	int fd = memfd_create("wake", 0);
	pthread_t thread;
	pid_t child = -1;

	if (argc != 2 || ftruncate(fd, 4096) != 0)
		return 2;
	s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (s == MAP_FAILED)
		return 1;
	if (strcmp(argv[1], "vcpu") == 0) {
		child = fork();
		if (child == 0) {
			sleeper(NULL);
			_exit(0);
		}
	} else {
		/* A private futex is what threads use; its page may be a shared one. */
		futex_flag = FUTEX_PRIVATE_FLAG;
		if (pthread_create(&thread, NULL, sleeper, NULL) != 0)
			return 1;
	}
	on_cpu(0); /* after the other is made, which would inherit it */
	for (unsigned i = 0; i < ROUNDS; i++)
		took[i] = wake_once();
	if (child > 0)
		waitpid(child, NULL, 0);
	else
		pthread_join(thread, NULL);
	qsort(took, ROUNDS, sizeof(took[0]), compare);
	printf("%llu\n", (unsigned long long)took[ROUNDS / 2]);
	return 0;
}
