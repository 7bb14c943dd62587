/* SPDX-License-Identifier: MIT */
/*
 * memory_parallel.c - threads that change and touch one address space at the same time: nothing is lost, nobody sees
 * another's page, and what was taken away is gone for all CPUs. With one CPU the same must hold.
 */
#include "cpu_places.h"
#include "report.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE    4096ul
#define THREADS 4

static volatile int wrong, stop;

/* Runs fn in THREADS threads, given their numbers. */
static void in_threads(void *(*fn)(void *arg))
{
	pthread_t t[THREADS];

	wrong = stop = 0;
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, fn, (void *)i);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

/* --- mappings come, change, move and go --- */

static void fill(char *p, unsigned long pages, unsigned char mark)
{
	for (unsigned long i = 0; i < pages; i++)
		p[i * PAGE] = (char)(mark + i);
}

static int differs(const char *p, unsigned long pages, unsigned char mark)
{
	for (unsigned long i = 0; i < pages; i++)
		if (p[i * PAGE] != (char)(mark + i))
			return 1;
	return 0;
}

static void *mapper(void *arg)
{
	unsigned n = (unsigned)(uintptr_t)arg;
	uint32_t seed = n + 1;

	go_to(n);
	for (unsigned round = 0; round < 30; round++) {
		unsigned long pages = 1 + next_random(&seed) % 40, more = pages + next_random(&seed) % 40;
		unsigned char mark = (unsigned char)(n * 64 + round);
		char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		fill(p, pages, mark);
		wrong += mprotect(p, pages * PAGE, PROT_READ) != 0 || differs(p, pages, mark);
		wrong += mprotect(p, pages * PAGE, PROT_READ | PROT_WRITE) != 0;
		p = mremap(p, pages * PAGE, more * PAGE, MREMAP_MAYMOVE);
		if (p == MAP_FAILED) {
			wrong++;
			return NULL;
		}
		wrong += differs(p, pages, mark) ||
			 p[(more - 1) * PAGE] != (more == pages ? (char)(mark + pages - 1) : 0);
		wrong += madvise(p, PAGE, MADV_DONTNEED) != 0 || p[0] != 0;
		wrong += munmap(p + PAGE * (more / 2), (more - more / 2) * PAGE) != 0;
		wrong += more > 1 && munmap(p, more / 2 * PAGE) != 0;
	}
	return NULL;
}

/* --- a heap of everybody's, and a child now and then --- */

static void *heap_user(void *arg)
{
	unsigned n = (unsigned)(uintptr_t)arg;
	uint32_t seed = n + 77;
	char *kept[16] = {0};
	unsigned long size[16] = {0};

	go_to(n);
	for (unsigned round = 0; round < 120; round++) {
		unsigned i = next_random(&seed) % 16;

		if (kept[i] != NULL)
			wrong += kept[i][0] != (char)n || kept[i][size[i] - 1] != (char)(n + i);
		free(kept[i]);
		size[i] = 1 + next_random(&seed) % 200000;
		kept[i] = malloc(size[i]);
		kept[i][0] = (char)n;
		kept[i][size[i] - 1] = (char)(n + i);
		if (n == 0 && round % 40 == 20) {
			pid_t child = fork();
			int status;

			if (child == 0)
				_exit(kept[i][0] == (char)n && kept[i][size[i] - 1] == (char)(n + i) ? 0 : 1);
			wrong += waitpid(child, &status, 0) != child || status != 0;
		}
	}
	for (unsigned i = 0; i < 16; i++)
		free(kept[i]);
	return NULL;
}

/* --- what was taken away is gone --- */

static volatile uint32_t turn; /* odd: the page may not be read; changed before and after mprotect */
static char *volatile page;
static __thread sigjmp_buf here;
static __thread volatile bool reading;

static void on_fault(int sig)
{
	if (reading)
		siglongjmp(here, sig);
	_exit(99);
}

/* What is at p; false: it faults. */
__attribute__((noinline)) static bool can_read(const volatile char *p, char *c)
{
	if (sigsetjmp(here, 1) != 0) {
		reading = false;
		return false;
	}
	reading = true;
	*c = *p;
	reading = false;
	return true;
}

/* A read that begins and ends while the page is hidden must fault. */
static void *reader(void *arg)
{
	go_to(1);
	while (!stop) {
		uint32_t before = turn;
		char c;
		bool can = can_read(page, &c);

		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (turn == before && before % 2 == 0)
			wrong += can != (before % 4 == 0);
	}
	return arg;
}

/* turn % 4: 0 it may be read, 1 and 3 neither is sure, 2 it may not. */
static void next_turn(void)
{
	__atomic_fetch_add(&turn, 1, __ATOMIC_SEQ_CST);
}

static void test_hiding(void)
{
	struct sigaction sa = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
	pthread_t t;

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	wrong = stop = 0;
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	page[0] = 1;
	go_to(0);
	pthread_create(&t, NULL, reader, NULL);
	for (unsigned i = 0; i < 120; i++) {
		next_turn();
		wrong += mprotect(page, PAGE, PROT_NONE) != 0;
		next_turn();
		for (volatile unsigned spin = 0; spin < 2000; spin++)
			;
		next_turn();
		wrong += mprotect(page, PAGE, PROT_READ | PROT_WRITE) != 0;
		next_turn();
		for (volatile unsigned spin = 0; spin < 2000; spin++)
			;
	}
	stop = 1;
	pthread_join(t, NULL);
	report(wrong == 0, "a page that is hidden is hidden on all CPUs");
	munmap(page, PAGE);
}

/* --- a mapped file is cut and grown, and mapped again elsewhere --- */

#define FILE_PAGES 16
static int shared_fd;

static void *file_toucher(void *arg)
{
	unsigned n = (unsigned)(uintptr_t)arg;
	uint32_t seed = n + 5;

	go_to(n);
	for (unsigned round = 0; round < 50; round++) {
		char *p = mmap(NULL, FILE_PAGES * PAGE, PROT_READ | PROT_WRITE, n & 1 ? MAP_SHARED : MAP_PRIVATE,
			       shared_fd, 0);
		unsigned long i = next_random(&seed) % FILE_PAGES;
		char c;

		if (p == MAP_FAILED) {
			wrong++;
			return NULL;
		}
		if (can_read(p + i * PAGE, &c))
			wrong += c != 0 && c != (char)(i + 1);
		if (round % 10 == 0)
			wrong += msync(p, FILE_PAGES * PAGE, MS_SYNC) != 0;
		munmap(p, FILE_PAGES * PAGE);
		if (n == 0 && round % 4 == 0) {
			c = (char)(i + 1);
			wrong += ftruncate(shared_fd, 0) != 0;
			wrong += pwrite(shared_fd, &c, 1, (off_t)(i * PAGE)) != 1;
		}
	}
	return NULL;
}

static void test_files(void)
{
	shared_fd = open("memory_parallel.tmp", O_RDWR | O_CREAT | O_TRUNC, 0600);
	unlink("memory_parallel.tmp");
	in_threads(file_toucher);
	report(wrong == 0, "a file is mapped, touched and cut at the same time");
	close(shared_fd);
}

int main(void)
{
	count_cpus();
	in_threads(mapper);
	report(wrong == 0, "four threads map, protect, move and unmap");
	in_threads(heap_user);
	report(wrong == 0, "four threads use the heap, and one forks");
	test_hiding();
	test_files();
	return report_summary();
}
