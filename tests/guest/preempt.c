/* SPDX-License-Identifier: MIT */
/*
 * Threads that share a CPU do not see one another: general, vector and flag registers, red zone, x87 and MXCSR survive
 * being preempted at any instruction, and so does what system calls in between return.
 */
#include "report.h"

#include <immintrin.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NR 6
static atomic_bool stop;
static _Atomic int bad[8];
enum { GENERAL, VECTOR, AVX, RED_ZONE, FLAGS, X87, CALLS, COPY };

static void general(uint64_t seed)
{
	uint64_t diff;

	__asm__ volatile(
		"mov %1, %%rax; lea 1(%1), %%rcx; lea 2(%1), %%rdx; lea 3(%1), %%rsi; lea 4(%1), %%rdi\n"
		"lea 5(%1), %%r8; lea 6(%1), %%r9; lea 7(%1), %%r10; lea 8(%1), %%r11; lea 9(%1), %%r12\n"
		"lea 10(%1), %%r13; lea 11(%1), %%r14\n"
		"mov $20000, %%r15d\n"
		"1: dec %%r15d; jnz 1b\n"
		"sub %1, %%rax; sub %1, %%rcx; dec %%rcx; or %%rcx, %%rax; sub %1, %%rdx; sub $2, %%rdx; or %%rdx, "
		"%%rax\n"
		"sub %1, %%rsi; sub $3, %%rsi; or %%rsi, %%rax; sub %1, %%rdi; sub $4, %%rdi; or %%rdi, %%rax\n"
		"sub %1, %%r8; sub $5, %%r8; or %%r8, %%rax; sub %1, %%r9; sub $6, %%r9; or %%r9, %%rax\n"
		"sub %1, %%r10; sub $7, %%r10; or %%r10, %%rax; sub %1, %%r11; sub $8, %%r11; or %%r11, %%rax\n"
		"sub %1, %%r12; sub $9, %%r12; or %%r12, %%rax; sub %1, %%r13; sub $10, %%r13; or %%r13, %%rax\n"
		"sub %1, %%r14; sub $11, %%r14; or %%r14, %%rax; mov %%rax, %0"
		: "=m"(diff)
		: "b"(seed)
		: "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc",
		  "memory");
	bad[GENERAL] += diff != 0;
}

static void vector(uint64_t seed)
{
	uint64_t in[16], out[16];

	for (int i = 0; i < 16; i++)
		in[i] = seed * 31 + (uint64_t)i;
	__asm__ volatile(
		"movups (%0), %%xmm0; movups 16(%0), %%xmm1; movups 32(%0), %%xmm5; movups 48(%0), %%xmm7\n"
		"movups 64(%0), %%xmm8; movups 80(%0), %%xmm11; movups 96(%0), %%xmm14; movups 112(%0), %%xmm15\n"
		"mov $20000, %%ecx; 1: dec %%ecx; jnz 1b\n"
		"movups %%xmm0, (%1); movups %%xmm1, 16(%1); movups %%xmm5, 32(%1); movups %%xmm7, 48(%1)\n"
		"movups %%xmm8, 64(%1); movups %%xmm11, 80(%1); movups %%xmm14, 96(%1); movups %%xmm15, 112(%1)"
		:
		: "r"(in), "r"(out)
		: "rcx", "xmm0", "xmm1", "xmm5", "xmm7", "xmm8", "xmm11", "xmm14", "xmm15", "cc", "memory");
	bad[VECTOR] += memcmp(in, out, sizeof(in)) != 0;
}

__attribute__((target("avx"))) static void avx(uint64_t seed)
{
	uint64_t in[16], out[16];

	for (int i = 0; i < 16; i++)
		in[i] = seed * 37 + (uint64_t)i;
	__asm__ volatile(
		"vmovups (%0), %%ymm0; vmovups 32(%0), %%ymm3; vmovups 64(%0), %%ymm9; vmovups 96(%0), %%ymm15\n"
		"mov $20000, %%ecx; 1: dec %%ecx; jnz 1b\n"
		"vmovups %%ymm0, (%1); vmovups %%ymm3, 32(%1); vmovups %%ymm9, 64(%1); vmovups %%ymm15, 96(%1); "
		"vzeroupper"
		:
		: "r"(in), "r"(out)
		: "rcx", "xmm0", "xmm3", "xmm9", "xmm15", "cc", "memory");
	bad[AVX] += memcmp(in, out, sizeof(in)) != 0;
}

static void red_zone(uint64_t seed)
{
	uint64_t wrong;

	__asm__ volatile(
		"mov %1, -8(%%rsp); mov %1, -64(%%rsp); mov %1, -120(%%rsp); mov %1, -128(%%rsp)\n"
		"mov $20000, %%ecx; 1: dec %%ecx; jnz 1b\n"
		"xor %%eax, %%eax\n"
		"cmp %1, -8(%%rsp); setne %%cl; or %%cl, %%al; cmp %1, -64(%%rsp); setne %%cl; or %%cl, %%al\n"
		"cmp %1, -120(%%rsp); setne %%cl; or %%cl, %%al; cmp %1, -128(%%rsp); setne %%cl; or %%cl, %%al"
		: "=&a"(wrong)
		: "r"(seed)
		: "rcx", "cc", "memory");
	bad[RED_ZONE] += wrong != 0;
}

static void flags(void)
{
	uint64_t set;

	/* dec leaves the carry flag alone, so it must be set after the loop. */
	__asm__ volatile(
		"sub $256, %%rsp; stc; mov $20000, %%ecx; 1: dec %%ecx; jnz 1b; pushfq; pop %0; add $256, %%rsp"
		: "=r"(set)
		:
		: "rcx", "cc", "memory");
	bad[FLAGS] += (set & 0x441) != 0x41;
}

static void x87(int n)
{
	long double a = n + 0.5L, sum = 0;
	uint32_t mxcsr = n % 2 ? 0x5f80 : 0x7f80, got;

	__asm__ volatile("ldmxcsr %0" ::"m"(mxcsr));
	for (int i = 0; i < 5000; i++)
		sum += a;
	__asm__ volatile("stmxcsr %0" : "=m"(got));
	mxcsr = 0x1f80;
	__asm__ volatile("ldmxcsr %0" ::"m"(mxcsr));
	bad[X87] += sum != a * 5000 || (got & 0x7fc0) != (n % 2 ? 0x5f80u & 0x7fc0u : 0x7f80u & 0x7fc0u);
}

/* Copies with whatever string instructions the C library likes, checked. */
static void copy(uint64_t seed)
{
	static __thread unsigned char a[65536], b[65536];

	memset(a, (int)(seed & 0xff), sizeof(a));
	memcpy(b, a, sizeof(a) - (seed & 63));
	bad[COPY] += memchr(a, (int)(~seed & 0xff), sizeof(a)) != NULL || memcmp(a, b, sizeof(a) - (seed & 63)) != 0;
}

static void *worker(void *arg)
{
	uint64_t n = (uint64_t)arg * 1000003;
	bool has_avx = __builtin_cpu_supports("avx");
	pid_t tid = (pid_t)syscall(SYS_gettid);

	while (!stop) {
		n++;
		general(n);
		vector(n);
		if (has_avx)
			avx(n);
		red_zone(n);
		flags();
		x87((int)(n & 1023));
		copy(n);
		bad[CALLS] += (pid_t)syscall(SYS_gettid) != tid || write(-1, NULL, 0) != -1;
		if (n % 7 == 0)
			usleep(100);
	}
	return NULL;
}

int main(void)
{
	static const char *const name[] = {"general registers", "xmm registers", "ymm registers",
					   "the red zone",      "flags",         "x87 and MXCSR",
					   "system calls",      "copies"};
	pthread_t t[NR];
	struct timespec two = {2, 0};

	for (uintptr_t i = 0; i < NR; i++)
		pthread_create(&t[i], NULL, worker, (void *)(i + 1));
	nanosleep(&two, NULL);
	stop = true;
	for (int i = 0; i < NR; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < 8; i++) {
		if (bad[i] != 0)
			fprintf(stderr, "%s: %d times\n", name[i], bad[i]);
		report(bad[i] == 0, "%s survive preemption", name[i]);
	}
	return report_summary();
}
