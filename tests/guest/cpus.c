/* SPDX-License-Identifier: MIT */
/*
 * cpus.c - threads that run at the same time: memory that changes under a thread on another CPU, signals to it, code
 * that it executes, processes that end around it. With one CPU the same must hold.
 */
#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cpu_places.h"
#include "report.h"

#define ROUNDS 50

/* --- a reader on another CPU --- */

static volatile int *volatile page;
static _Atomic int round_no, seen_round, quit;
static _Atomic int faults;
static volatile int value;
static __thread sigjmp_buf escape;

static void on_fault(int signo)
{
	(void)signo;
	faults++;
	siglongjmp(escape, 1);
}

/* Reads the page all the time, so that the translation is in this CPU's TLB; a new round means: read it once more. */
static void *reader(void *arg)
{
	(void)arg;
	go_to(1);
	while (!quit) {
		int r = round_no;

		if (sigsetjmp(escape, 1) == 0)
			value = *page;
		else
			value = -1;
		seen_round = r;
	}
	return NULL;
}

/* What the reader finds after everything that this thread did. */
static int other_sees(void)
{
	int r = ++round_no;

	while (seen_round != r)
		sched_yield();
	r = ++round_no; /* a read that began after the first answer */
	while (seen_round != r)
		sched_yield();
	return value;
}

static void test_memory_changes(void)
{
	struct sigaction sa = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
	int wrong_protect = 0, wrong_back = 0, wrong_zero = 0, wrong_remap = 0;
	pthread_t th;

	sigaction(SIGSEGV, &sa, NULL);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_create(&th, NULL, reader, NULL);
	for (int i = 1; i <= ROUNDS; i++) {
		*page = i;
		other_sees();
		mprotect((void *)page, 4096, PROT_NONE);
		wrong_protect += other_sees() != -1;
		mprotect((void *)page, 4096, PROT_READ | PROT_WRITE);
		wrong_back += other_sees() != i;
		madvise((void *)page, 4096, MADV_DONTNEED);
		wrong_zero += other_sees() != 0;
		*page = i;
		other_sees();
		mmap((void *)page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		wrong_remap += other_sees() != 0;
	}
	report_eq(wrong_protect, 0);
	report_eq(wrong_back, 0);
	report_eq(wrong_zero, 0);
	report_eq(wrong_remap, 0);
	report(faults >= ROUNDS, "each protection is noticed");
	quit = 1;
	pthread_join(th, NULL);
	quit = 0;
}

/* --- fork while another thread writes --- */

static volatile uint64_t pair[2] __attribute__((aligned(4096)));

static void *writer(void *arg)
{
	(void)arg;
	go_to(1);
	while (!quit) {
		pair[0]++;
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		pair[1] = pair[0];
	}
	return NULL;
}

static void test_fork_freezes_memory(void)
{
	pthread_t th;
	int bad = 0;

	pthread_create(&th, NULL, writer, NULL);
	for (int i = 0; i < 20; i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			uint64_t a = pair[0], b = pair[1];

			/* nobody writes here; and as it was at one moment */
			for (int k = 0; k < 100; k++)
				if (pair[0] != a || pair[1] != b)
					_exit(1);
			_exit(a - b <= 1 ? 0 : 2);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
			bad++;
	}
	report(bad == 0, "a fork copies one moment");
	quit = 1;
	pthread_join(th, NULL);
	quit = 0;
}

/* --- signals to a thread that never enters the kernel --- */

static _Atomic int hits;

static void on_hit(int signo)
{
	(void)signo;
	hits++;
}

static void *spinner(void *arg)
{
	go_to((unsigned)(uintptr_t)arg);
	while (!quit)
		;
	return NULL;
}

static void test_signals_reach_a_spinning_thread(void)
{
	pthread_t th;

	signal(SIGUSR1, on_hit);
	pthread_create(&th, NULL, spinner, (void *)1);
	for (int i = 1; i <= ROUNDS; i++) {
		pthread_kill(th, SIGUSR1);
		while (hits < i)
			sched_yield();
	}
	report_eq(hits, ROUNDS);
	quit = 1;
	pthread_join(th, NULL);
	quit = 0;
}

/* --- the end of a process whose threads spin --- */

static void test_process_ends_under_spinning_threads(void)
{
	int status;

	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			pthread_t th;

			for (intptr_t k = 1; k <= 3; k++)
				pthread_create(&th, NULL, spinner, (void *)k);
			if (i == 0)
				_exit(7);
			if (i == 1)
				kill(getpid(), SIGKILL);
			execl("/bin/true", "true", (char *)NULL);
			_exit(9);
		}
		report(waitpid(pid, &status, 0) == pid && status == (i == 0   ? 7 << 8
								     : i == 1 ? SIGKILL
									      : 0),
		       i == 0   ? "exit ends spinning threads"
		       : i == 1 ? "SIGKILL ends spinning threads"
				: "execve ends spinning threads");
	}
}

/* --- code that changes --- */

/* mov $imm32,%eax; ret */
static void *caller(void *arg)
{
	int (*fn)(void) = (int (*)(void))(uintptr_t)arg;
	long bad = 0;

	go_to(1);
	while (!quit) {
		int v = fn();

		bad += v != 1 && v != 2;
	}
	return (void *)bad;
}

static void test_membarrier(void)
{
	uint8_t *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t th;
	void *bad;
	int failed = 0;

	memcpy(code, "\xb8\1\0\0\0\xc3", 6);
	report_eq(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0), 0);
	report_eq(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0), 0);
	pthread_create(&th, NULL, caller, code);
	for (int i = 0; i < ROUNDS; i++) {
		code[1] = (uint8_t)(1 + i % 2);
		failed += syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0) != 0;
		failed += syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0;
	}
	report_eq(failed, 0);
	quit = 1;
	pthread_join(th, &bad);
	quit = 0;
	report(bad == NULL, "code seen whole");
}

/* --- which CPU --- */

static void test_affinity(void)
{
	unsigned wrong = 0;
	cpu_set_t set;

	for (unsigned i = 0; i < 4 * nr_cpus; i++) {
		unsigned cpu = 99;

		go_to(i);
		wrong += syscall(SYS_getcpu, &cpu, NULL, NULL) != 0 || cpu != i % nr_cpus;
		wrong += (unsigned)sched_getcpu() != i % nr_cpus;
	}
	report_eq(wrong, 0u);
	CPU_ZERO(&set);
	report_errno(sched_setaffinity(0, sizeof(set), &set), EINVAL);
	CPU_SET(1000, &set);
	report_errno(sched_setaffinity(0, sizeof(set), &set), EINVAL);
	report_errno(sched_setaffinity(4194303, sizeof(set), &set), ESRCH);
}

/* --- registers stay a thread's own wherever it goes --- */

/* A system call that moves the thread, made where xmm9 is live, as an inline system call may be. */
static uint64_t move_with_xmm(unsigned cpu, uint64_t v)
{
	cpu_set_t set;
	long nr = SYS_sched_setaffinity;

	CPU_ZERO(&set);
	CPU_SET(cpu % nr_cpus, &set);
	__asm__ volatile("movq %1, %%xmm9\n\tsyscall\n\tmovq %%xmm9, %1"
			 : "+a"(nr), "+r"(v)
			 : "D"(0L), "S"(sizeof(set)), "d"(&set)
			 : "rcx", "r11", "xmm9", "memory");
	return v;
}

static void *wanderer(void *arg)
{
	uint64_t mine = (uintptr_t)arg * 0x0101010101010101ull;
	intptr_t bad = 0;

	for (unsigned i = 0; i < 300; i++)
		bad += move_with_xmm(i, mine) != mine;
	return (void *)bad;
}

static void test_registers_travel(void)
{
	pthread_t th[4];
	intptr_t bad = 0;

	for (intptr_t i = 0; i < 4; i++)
		pthread_create(&th[i], NULL, wanderer, (void *)(i + 1));
	for (int i = 0; i < 4; i++) {
		void *b;

		pthread_join(th[i], &b);
		bad += (intptr_t)b;
	}
	report(bad == 0, "registers stay with their thread");
}

int main(void)
{
	count_cpus();
	test_memory_changes();
	test_fork_freezes_memory();
	test_signals_reach_a_spinning_thread();
	test_process_ends_under_spinning_threads();
	test_membarrier();
	test_affinity();
	test_registers_travel();
	return report_summary();
}
