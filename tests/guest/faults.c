/* SPDX-License-Identifier: MIT */
/* Page faults of several threads at once, while others take memory away, change its rights and fork. */
#include "report.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE   4096ul
#define NR     4
#define ROUNDS 24
#define BYTES  (4ul << 20)

static char *map(size_t bytes, int prot)
{
	char *p = mmap(NULL, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static bool is_zero(const char *p)
{
	const long *word = (const long *)p;

	for (unsigned i = 0; i < PAGE / sizeof(long); i++)
		if (word[i] != 0)
			return false;
	return true;
}

/* Fresh memory is zero and keeps what is written, whoever else takes and gives back memory meanwhile. */
static void *touch_own(void *arg)
{
	long id = (long)arg;
	unsigned long wrong = 0;

	for (long round = 0; round < ROUNDS; round++) {
		size_t bytes = round % 3 ? 300 * PAGE : BYTES;
		char *p = map(bytes, PROT_READ | PROT_WRITE);

		for (size_t at = 0; at < bytes; at += PAGE) {
			wrong += !is_zero(p + at);
			*(long *)(p + at) = id * 1000003 + (long)at;
		}
		if (round % 4 == 0)
			wrong += mprotect(p, bytes, PROT_READ) != 0;
		for (size_t at = 0; at < bytes; at += PAGE)
			wrong += *(long *)(p + at) != id * 1000003 + (long)at;
		if (round % 4 == 1) {
			wrong += madvise(p, bytes, MADV_DONTNEED) != 0;
			wrong += !is_zero(p) || !is_zero(p + bytes - PAGE);
		}
		munmap(p, bytes);
	}
	return (void *)wrong;
}

static bool all_well(void *(*fn)(void *))
{
	pthread_t t[NR];
	bool well = true;

	for (long i = 0; i < NR; i++)
		pthread_create(&t[i], NULL, fn, (void *)i);
	for (int i = 0; i < NR; i++) {
		void *wrong;

		pthread_join(t[i], &wrong);
		well &= wrong == NULL;
	}
	return well;
}

/* All threads touch the same pages at once: each page comes once, and no store is lost. */
static char *shared_area;
static pthread_barrier_t barrier;

static void *touch_same(void *arg)
{
	long id = (long)arg;
	unsigned long wrong = 0;

	for (int round = 0; round < ROUNDS / 2; round++) {
		if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
			wrong += madvise(shared_area, BYTES, MADV_DONTNEED) != 0;
		pthread_barrier_wait(&barrier);
		for (size_t at = 0; at < BYTES; at += PAGE)
			((long *)(shared_area + at))[id] = round + 1;
		pthread_barrier_wait(&barrier);
		for (size_t at = 0; at < BYTES; at += PAGE)
			for (int i = 0; i < NR; i++)
				wrong += ((long *)(shared_area + at))[i] != round + 1;
	}
	return (void *)wrong;
}

/* A thread reads while another drops the pages: old value or zero, never another's data. */
static _Atomic bool stop;

static void *read_dropped(void *arg)
{
	unsigned long wrong = 0;

	(void)arg;
	while (!stop)
		for (size_t at = 0; at < BYTES; at += PAGE) {
			long v = *(volatile long *)(shared_area + at);

			wrong += v != 0 && v != 77;
		}
	return (void *)wrong;
}

static void *churn(void *arg)
{
	(void)arg;
	while (!stop) {
		char *p = map(BYTES / 4, PROT_READ | PROT_WRITE);

		for (size_t at = 0; at < BYTES / 4; at += PAGE)
			memset(p + at, 0x11, 64);
		munmap(p, BYTES / 4);
	}
	return NULL;
}

static void drop_while_read(void)
{
	pthread_t reader, other;
	void *wrong;

	madvise(shared_area, BYTES, MADV_DONTNEED);
	pthread_create(&reader, NULL, read_dropped, NULL);
	pthread_create(&other, NULL, churn, NULL);
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t at = 0; at < BYTES; at += 3 * PAGE)
			*(long *)(shared_area + at) = 77;
		madvise(shared_area, BYTES, MADV_DONTNEED);
	}
	stop = true;
	pthread_join(reader, &wrong);
	pthread_join(other, NULL);
	report(wrong == NULL, "memory that is dropped while it is read shows its own contents or zero");
}

/* After a fork both sides write at once: each sees its own. */
static void *write_after_fork(void *arg)
{
	long id = (long)arg;
	unsigned long wrong = 0;

	for (size_t at = (size_t)id * BYTES / NR; at < (size_t)(id + 1) * BYTES / NR; at += PAGE) {
		wrong += *(long *)(shared_area + at) != 5;
		*(long *)(shared_area + at) = getpid();
	}
	for (size_t at = (size_t)id * BYTES / NR; at < (size_t)(id + 1) * BYTES / NR; at += PAGE)
		wrong += *(long *)(shared_area + at) != getpid();
	return (void *)wrong;
}

static void copy_on_write(void)
{
	bool well = true;

	for (int round = 0; round < 4; round++) {
		int status;
		pid_t pid;

		for (size_t at = 0; at < BYTES; at += PAGE)
			*(long *)(shared_area + at) = 5;
		pid = fork();
		if (pid == 0)
			_exit(!all_well(write_after_fork));
		well &= all_well(write_after_fork);
		well &= waitpid(pid, &status, 0) == pid && status == 0;
	}
	report(well, "threads of both sides of a fork write, and each side sees its own");
}

int main(void)
{
	pthread_barrier_init(&barrier, NULL, NR);
	shared_area = map(BYTES, PROT_READ | PROT_WRITE);
	report(all_well(touch_own), "each thread's fresh memory is zero and keeps what is written");
	report(all_well(touch_same), "threads that touch the same page at once share it");
	drop_while_read();
	copy_on_write();
	madvise(shared_area, BYTES, MADV_NOHUGEPAGE);
	report(all_well(touch_same), "the same with small pages");
	copy_on_write();
	return report_summary();
}
