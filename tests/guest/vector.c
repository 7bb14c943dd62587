/* SPDX-License-Identifier: MIT */
/*
 * Vector registers while other threads use them: kept across page faults, preemption and blocking. A register that is
 * whole after vzeroupper and one that is in use go different ways through xsave, so both are looked at.
 */
#include "report.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#define THREADS 4
#define ROUNDS  40
#define BYTES   (1u << 20)

static volatile bool lost;

/* ymm0 holds `in` while 256 new pages are touched; out receives it. Others are all zero (clean) or full. */
__attribute__((target("avx"))) static void hold(const uint64_t in[4], uint64_t out[4], char *pages, bool clean)
{
	if (clean)
		__asm__ volatile("vzeroall" ::
					 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
					   "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
	__asm__ volatile("vmovdqu (%2), %%ymm0\n"
			 "mov $256, %%ecx\n"
			 "1: movb $1, (%0)\n"
			 "add $4096, %0\n"
			 "mov $20000, %%eax\n"
			 "2: dec %%eax\n"
			 "jnz 2b\n"
			 "dec %%ecx\n"
			 "jnz 1b\n"
			 "vmovdqu %%ymm0, (%1)\n"
			 "vzeroupper\n"
			 : "+r"(pages)
			 : "r"(out), "r"(in)
			 : "rax", "rcx", "memory", "xmm0");
}

static void *worker(void *arg)
{
	uint64_t id = (uint64_t)(uintptr_t)arg;

	for (uint64_t round = 0; round < ROUNDS && !lost; round++) {
		uint64_t in[4], out[4] = {0};
		char *pages = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		for (unsigned i = 0; i < 4; i++)
			in[i] = id << 48 | round << 8 | i | 0x80;
		hold(in, out, pages, round & 1);
		if (memcmp(in, out, sizeof(in)) != 0) {
			fprintf(stderr, "thread %lu round %lu: %lx %lx %lx %lx\n", id, round, out[0], out[1], out[2],
				out[3]);
			lost = true;
		}
		munmap(pages, BYTES);
		sched_yield();
	}
	return NULL;
}

int main(void)
{
	pthread_t t[THREADS];

	if (!__builtin_cpu_supports("avx")) {
		printf("SKIP vector registers of threads: no AVX\n");
		return 0;
	}
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, worker, (void *)(i + 1));
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	report(!lost, "each of %d threads keeps its own vector registers", THREADS);
	return report_summary();
}
