/* SPDX-License-Identifier: MIT */
/* What a system call keeps: registers, flags, red zone, vector registers, MXCSR; negative numbers; every way to issue
 * one. */
#include "report.h"

#include <immintrin.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Issues getppid with known values in all registers; stores them afterwards. Order: rbx rcx rdx rsi rdi rbp r8-r15,
 * rflags. */
uint64_t after[16];

__attribute__((naked, noinline)) static void call_with_known_registers(void)
{
	__asm__("push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
		"mov $0x1111, %rbx; mov $0x2222, %rcx; mov $0x3333, %rdx; mov $0x4444, %rsi; mov $0x5555, %rdi; mov "
		"$0x6666, %rbp\n"
		"mov $0x8888, %r8; mov $0x9999, %r9; mov $0xaaaa, %r10; mov $0xbbbb, %r11; mov $0xcccc, %r12; mov "
		"$0xdddd, %r13\n"
		"mov $0xeeee, %r14; mov $0xffff, %r15\n"
		"mov $110, %eax\n" /* getppid */
		"syscall\n"
		"mov %rbx, after(%rip); mov %rcx, after+8(%rip); mov %rdx, after+16(%rip); mov %rsi, after+24(%rip)\n"
		"mov %rdi, after+32(%rip); mov %rbp, after+40(%rip); mov %r8, after+48(%rip); mov %r9, after+56(%rip)\n"
		"mov %r10, after+64(%rip); mov %r11, after+72(%rip); mov %r12, after+80(%rip); mov %r13, "
		"after+88(%rip)\n"
		"mov %r14, after+96(%rip); mov %r15, after+104(%rip); mov %rax, after+112(%rip)\n"
		"pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret");
}

static void registers(void)
{
	static const uint64_t want[] = {0x1111, 0,      0x3333, 0x4444, 0x5555, 0x6666, 0x8888,
					0x9999, 0xaaaa, 0,      0xcccc, 0xdddd, 0xeeee, 0xffff};
	static const char *const name[] = {"rbx", "",    "rdx", "rsi", "rdi", "rbp", "r8",
					   "r9",  "r10", "",    "r12", "r13", "r14", "r15"};

	for (int round = 0; round < 3; round++) {
		bool all = true;

		call_with_known_registers();
		for (int i = 0; i < 14; i++)
			if (name[i][0] != '\0' && after[i] != want[i]) {
				fprintf(stderr, "round %d: %s is %#lx\n", round, name[i], after[i]);
				all = false;
			}
		report(all, "round %d: a call keeps all registers but rax, rcx, r11", round);
	}
}

static void red_zone(void)
{
	bool ok = true;

	for (int round = 0; round < 100 && ok; round++) {
		uint64_t bad;

		__asm__ volatile("mov $0x0123456789abcdef, %%rdx\n"
				 "lea -8(%%rsp), %%rdi\n"
				 "mov $16, %%ecx\n"
				 "1: mov %%rdx, (%%rdi); sub $8, %%rdi; dec %%ecx; jnz 1b\n"
				 "mov $110, %%eax\n"
				 "syscall\n"
				 "xor %%eax, %%eax\n"
				 "lea -8(%%rsp), %%rdi\n"
				 "mov $16, %%ecx\n"
				 "2: cmp %%rdx, (%%rdi); je 3f; inc %%eax; 3: sub $8, %%rdi; dec %%ecx; jnz 2b\n"
				 : "=a"(bad)
				 :
				 : "rcx", "rdx", "rdi", "r11", "memory", "cc");
		ok = bad == 0;
	}
	report(ok, "128 bytes below the stack pointer survive a call");
}

static void flags(void)
{
	uint64_t set, clear;

	__asm__ volatile("sub $256, %%rsp; mov $110, %%eax; std; stc; syscall; pushfq; pop %0; cld; add $256, %%rsp"
			 : "=r"(set)
			 :
			 : "rax", "rcx", "r11", "memory", "cc");
	__asm__ volatile("sub $256, %%rsp; mov $110, %%eax; cld; clc; test %%eax, %%eax; syscall; pushfq; pop %0; add "
			 "$256, %%rsp"
			 : "=r"(clear)
			 :
			 : "rax", "rcx", "r11", "memory", "cc");
	report((set & 0x401) == 0x401, "direction and carry flag stay set across a call");
	report((clear & 0x441) == 0, "direction, carry and zero flag stay clear across a call");
}

static void vectors(void)
{
	float in[32], out[32];
	uint32_t mxcsr = 0x7f80, got = 0;
	bool ok;

	for (int i = 0; i < 32; i++)
		in[i] = (float)i * 1.5f;
	__asm__ volatile("movups (%1), %%xmm0; movups 16(%1), %%xmm7; movups 32(%1), %%xmm8; movups 48(%1), %%xmm15; "
			 "ldmxcsr %3\n"
			 "mov $24, %%eax; syscall; mov $110, %%eax; syscall\n" /* sched_yield, getppid */
			 "movups %%xmm0, (%2); movups %%xmm7, 16(%2); movups %%xmm8, 32(%2); movups %%xmm15, 48(%2); "
			 "stmxcsr %0\n"
			 : "=m"(got)
			 : "r"(in), "r"(out), "m"(mxcsr)
			 : "rax", "rcx", "r11", "xmm0", "xmm7", "xmm8", "xmm15", "memory");
	mxcsr = 0x1f80;
	__asm__ volatile("ldmxcsr %0" ::"m"(mxcsr));
	ok = memcmp(in, out, 64) == 0;
	report(ok, "xmm registers survive calls");
	report(got == 0x7f80, "MXCSR survives calls");
}

/* The same instruction in a page of its own: executed before and after it was seen often, and beside data that looks
 * like it. */
static void odd_sites(void)
{
	static const unsigned char plain[] = {0xb8, 110, 0, 0, 0, 0x0f, 0x05, 0xc3}; /* mov $110, %eax; syscall; ret */
	static const unsigned char in_rcx[] = {0x48, 0x89, 0xf8, 0x0f, 0x05, 0xc3};  /* mov %rdi, %rax; syscall; ret */
	static const unsigned char alone[] = {0x0f, 0x05, 0xc3};                     /* number already in rax */
	static const unsigned char data[] = {0x48, 0xb8, 0x0f, 0x05, 0x0f, 0x05,
					     0x0f, 0x05, 0,    0,    0xc3}; /* movabs with 0f 05 in its constant */
	unsigned char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long ppid = getppid(), r;
	bool ok = true;

	memcpy(p, plain, sizeof(plain));
	memcpy(p + 64, in_rcx, sizeof(in_rcx));
	memcpy(p + 128, alone, sizeof(alone));
	memcpy(p + 192, data, sizeof(data));
	memcpy(p + 4094, alone, sizeof(alone)); /* across no page: 0f 05 at the very end, ret in the next */
	mprotect(p, 8192, PROT_READ | PROT_EXEC);
	for (int i = 0; i < 100; i++)
		ok = ok && ((long (*)(void))p)() == ppid && ((long (*)(long))(p + 64))(110) == ppid;
	report(ok, "calls from a page made executable at run time");
	for (int i = 0; i < 10; i++) {
		__asm__ volatile("call *%1" : "=a"(r) : "r"(p + 128), "a"(110l) : "rcx", "r11", "memory");
		ok = ok && r == ppid;
		__asm__ volatile("call *%1" : "=a"(r) : "r"(p + 4094), "a"(110l) : "rcx", "r11", "memory");
		ok = ok && r == ppid;
	}
	report(ok, "a bare syscall instruction, also as the last of a page");
	report(((long (*)(void))(p + 192))() == 0x050f050f050fl, "a constant that looks like a call is left alone");
	/* Written anew while executable elsewhere: the new bytes count. */
	mprotect(p, 8192, PROT_READ | PROT_WRITE);
	p[1] = 39; /* getpid */
	mprotect(p, 8192, PROT_READ | PROT_EXEC);
	report(((long (*)(void))p)() == getpid(), "code changed by the program takes effect");
	munmap(p, 8192);
}

static void numbers(void)
{
	report_errno(syscall(-1), ENOSYS);
	report_errno(syscall(511), ENOSYS);
	report_errno(syscall(100000), ENOSYS);
	report_true(syscall((1ul << 40) | 110) == getppid()); /* the upper half does not count */
	report_errno(syscall(400), ENOSYS);
}

/* Recursion from a tiny stack: the kernel must not need more of it than Linux does. */
static void tiny_stack(void)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long r;

	munmap(p, 4096);
	__asm__ volatile("mov %%rsp, %%r12; lea 256(%1), %%rsp; mov $110, %%eax; syscall; mov %%r12, %%rsp"
			 : "=a"(r)
			 : "r"(p + 4096)
			 : "rcx", "r11", "r12", "memory");
	report(r == getppid(), "a call with 256 bytes of stack left");
	munmap(p + 4096, 4096);
	__asm__ volatile("mov %%rsp, %%r12; mov $8, %%esp; mov $110, %%eax; syscall; mov %%r12, %%rsp"
			 : "=a"(r)
			 :
			 : "rcx", "r11", "r12", "memory");
	report(r == getppid(), "a call with no stack at all");
}

int main(void)
{
	registers();
	red_zone();
	flags();
	vectors();
	odd_sites();
	numbers();
	tiny_stack();
	return report_summary();
}
