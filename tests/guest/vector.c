/* SPDX-License-Identifier: MIT */
/*
 * Vector registers while other threads use them: kept across page faults, preemption and blocking. A register that is
 * whole after vzeroupper and one that is in use go different ways through xsave, so both are looked at. And x87, vector
 * and control registers across signals: kept for the program, initial for the handler, changed by changing the frame.
 */
#include "report.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

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

/* --- signals --- */

#define MXCSR_INIT 0x1f80u
#define FCW_INIT   0x37f
#define ROUND_ZERO 0x6000u /* of MXCSR */
#define FCW_ZERO   0xc00   /* the same of x87 */

static uint32_t handler_mxcsr;
static uint16_t handler_fcw, handler_ftw;
static bool handler_uses_x87, handler_edits;

static uint32_t get_mxcsr(void)
{
	uint32_t v;

	__asm__ volatile("stmxcsr %0" : "=m"(v));
	return v;
}

static void set_mxcsr(uint32_t v)
{
	__asm__ volatile("ldmxcsr %0" ::"m"(v));
}

static uint16_t get_fcw(void)
{
	uint16_t v;

	__asm__ volatile("fnstcw %0" : "=m"(v));
	return v;
}

static void set_fcw(uint16_t v)
{
	__asm__ volatile("fldcw %0" ::"m"(v));
}

/* Leaves nothing as it was. */
__attribute__((target("avx"))) static void on_usr1(int sig, siginfo_t *info, void *context)
{
	static const uint64_t junk[4] = {~0ull, ~0ull, ~0ull, ~0ull};
	ucontext_t *uc = context;

	(void)sig, (void)info;
	handler_mxcsr = get_mxcsr();
	handler_fcw = get_fcw();
	handler_ftw = uc->uc_mcontext.fpregs->ftw;
	__asm__ volatile("vmovdqu (%0), %%ymm0\n\tvmovdqu (%0), %%ymm5\n\tvmovdqu (%0), %%ymm15" ::"r"(junk)
			 : "xmm0", "xmm5", "xmm15");
	set_mxcsr(MXCSR_INIT | ROUND_ZERO);
	if (handler_uses_x87) {
		set_fcw(FCW_INIT | FCW_ZERO);
		__asm__ volatile("fldpi");
	}
	if (handler_edits)
		uc->uc_mcontext.fpregs->_xmm[5].element[0] = 0x12345678;
}

/* What ymm5 and, if asked for, two x87 registers are after a signal. */
__attribute__((target("avx"))) static void raise_with(const uint64_t in[4], uint64_t out[4], bool whole)
{
	long nr = SYS_tgkill, pid = getpid(), tid = syscall(SYS_gettid);

	if (!whole)
		__asm__ volatile("vzeroall" ::
					 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
					   "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
	if (whole)
		__asm__ volatile("vmovdqu (%0), %%ymm5" ::"r"(in) : "xmm5");
	else
		__asm__ volatile("vmovdqu (%0), %%xmm5" ::"r"(in) : "xmm5");
	__asm__ volatile("syscall\n\t"
			 "vmovdqu %%ymm5, (%1)\n\t"
			 "vzeroupper"
			 : "+a"(nr)
			 : "r"(out), "D"(pid), "S"(tid), "d"(SIGUSR1)
			 : "rcx", "r11", "memory", "xmm0", "xmm5");
}

static bool x87_survives(void)
{
	long double one, pi, pi_before;
	long nr = SYS_tgkill, pid = getpid(), tid = syscall(SYS_gettid);

	__asm__ volatile("fldpi" : "=t"(pi_before));
	__asm__ volatile("fldpi\n\tfld1\n\tsyscall\n\tfstpt %1\n\tfstpt %2"
			 : "+a"(nr), "=m"(one), "=m"(pi)
			 : "D"(pid), "S"(tid), "d"(SIGUSR1)
			 : "rcx", "r11", "memory", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)");
	return one == 1.0L && pi == pi_before && handler_ftw != 0;
}

static void test_signals(void)
{
	static const uint64_t in[4] = {1, 2, 3, 4}, low[4] = {1, 2, 0, 0};
	struct sigaction sa = {.sa_sigaction = on_usr1, .sa_flags = SA_SIGINFO};
	uint64_t out[4];

	sigaction(SIGUSR1, &sa, NULL);
	for (int x87 = 0; x87 < 2; x87++) {
		handler_uses_x87 = x87 != 0;
		raise_with(in, out, true);
		report(memcmp(in, out, sizeof(in)) == 0, "a whole register survives a handler, x87 in it: %d", x87);
		raise_with(in, out, false);
		report(memcmp(low, out, sizeof(low)) == 0, "half of one survives a handler, x87 in it: %d", x87);
		report(get_mxcsr() == MXCSR_INIT && get_fcw() == FCW_INIT, "and so do the control words");
		set_mxcsr(MXCSR_INIT | ROUND_ZERO);
		raise(SIGUSR1);
		report(handler_mxcsr == MXCSR_INIT && get_mxcsr() == (MXCSR_INIT | ROUND_ZERO),
		       "a handler begins with the initial MXCSR, the program has its own again");
		set_mxcsr(MXCSR_INIT);
		set_fcw(FCW_INIT | FCW_ZERO);
		raise(SIGUSR1);
		report(handler_fcw == FCW_INIT && get_fcw() == (FCW_INIT | FCW_ZERO),
		       "the same with x87's control word");
		set_fcw(FCW_INIT);
		report(x87_survives(), "x87 registers survive a handler, x87 in it: %d", x87);
	}
	handler_uses_x87 = false;
	handler_edits = true;
	raise_with(in, out, true);
	report(out[0] == (0x12345678 | in[0] >> 32 << 32) && out[1] == in[1] && out[3] == in[3],
	       "a handler changes a register in the frame");
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
	test_signals();
	return report_summary();
}
