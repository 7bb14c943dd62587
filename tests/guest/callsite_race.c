/* SPDX-License-Identifier: MIT */
/*
 * Threads that make the first calls of a call site at the same moment, while one of them has the site rewritten: each
 * call must do what it says, whatever of the site was replaced under it. And an instruction that is invalid stays so
 * while code is being rewritten.
 */
#include "report.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define THREADS    2
#define PAGES      2
#define SITE_BYTES 64
#define NR_SITES   (PAGES * 4096 / SITE_BYTES)
#define CALLS      3 /* of each thread at each site */

/* Each is long f(long number): getppid, when the number is 110. */
static const struct shape {
	uint8_t bytes, returns_parent, code[24];
} shapes[] = {
	/* mov $110, %eax; syscall; ret */
	{8, 1, {0xb8, 110, 0, 0, 0, 0x0f, 0x05, 0xc3}},
	/* mov %rdi, %rax; syscall; mov %rax, %rdx; mov %rdx, %rax; ret */
	{12, 1, {0x48, 0x89, 0xf8, 0x0f, 0x05, 0x48, 0x89, 0xc2, 0x48, 0x89, 0xd0, 0xc3}},
	/* push %rdi; pop %rax; syscall; ret, and padding */
	{14, 1, {0x57, 0x58, 0x0f, 0x05, 0xc3, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00, 0x90}},
	/* push %rbx; push %rdi; pop %rax; syscall; cpuid; nop; push $7; pop %rax; pop %rbx; ret. Its slow instruction
	   makes it likely that a thread stands behind it, inside of what is replaced, when another has it replaced. */
	{13, 0, {0x53, 0x57, 0x58, 0x0f, 0x05, 0x0f, 0xa2, 0x90, 0x6a, 0x07, 0x58, 0x5b, 0xc3}},
};
#define NR_SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static uint8_t *code;
static int arrived[NR_SITES]; /* threads that are at it */
static int wrong;
static long parent;

static void write_sites(void)
{
	for (unsigned i = 0; i < NR_SITES; i++) {
		const struct shape *s = &shapes[i % NR_SHAPES];

		memset(code + i * SITE_BYTES, 0xc3, SITE_BYTES); /* ret: no padding that a jump may take */
		/* at every place of a cache line and across its border */
		memcpy(code + i * SITE_BYTES + i / 7 % (SITE_BYTES - sizeof(s->code)), s->code, s->bytes);
	}
}

static long call_site(unsigned i)
{
	uintptr_t at = (uintptr_t)code + i * SITE_BYTES + i / 7 % (SITE_BYTES - sizeof(shapes[0].code));

	return ((long (*)(long))at)(SYS_getppid);
}

static void *call_all(void *arg)
{
	for (unsigned i = 0; i < NR_SITES; i++) {
		__atomic_add_fetch(&arrived[i], 1, __ATOMIC_SEQ_CST);
		for (unsigned spins = 1; __atomic_load_n(&arrived[i], __ATOMIC_SEQ_CST) < THREADS; spins++)
			if (spins % 2000 == 0)
				sched_yield(); /* the others may have no CPU */
		for (unsigned n = 0; n < CALLS; n++)
			if (call_site(i) != (shapes[i % NR_SHAPES].returns_parent ? parent : 7))
				__atomic_add_fetch(&wrong, 1, __ATOMIC_SEQ_CST);
	}
	return arg;
}

static sig_atomic_t invalid;

static void on_invalid(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	((ucontext_t *)uc)->uc_mcontext.gregs[REG_RIP] += 2; /* over ud2 */
	invalid++;
}

/* One signal for each, no more and no less. */
static void *invalid_instructions(void *stop)
{
	struct sigaction sa = {.sa_sigaction = on_invalid, .sa_flags = SA_SIGINFO};
	long made = 0;

	sigaction(SIGILL, &sa, NULL);
	while (!__atomic_load_n((int *)stop, __ATOMIC_SEQ_CST)) {
		__asm__ volatile("ud2");
		made++;
	}
	return (void *)(made - invalid);
}

int main(void)
{
	pthread_t th[THREADS], bad;
	int stop = 0;
	void *lost = NULL;

	parent = getppid();
	code = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	write_sites();
	for (int i = 0; i < THREADS; i++)
		pthread_create(&th[i], NULL, call_all, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(th[i], NULL);
	report(wrong == 0, "first calls of several threads at once");
	memset(arrived, 0, sizeof(arrived));
	write_sites();
	pthread_create(&bad, NULL, invalid_instructions, &stop);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&th[i], NULL, call_all, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(th[i], NULL);
	report(wrong == 0, "the same beside invalid instructions");
	__atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
	pthread_join(bad, &lost);
	report(lost == NULL, "each invalid instruction is one SIGILL");
	return report_summary();
}
