/* SPDX-License-Identifier: MIT */
/*
 * Call sites of every shape, called often enough to be rewritten: each must go on doing what Linux does. Code that only
 * looks like a system call must stay as it is.
 */
#include "report.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROUNDS 40 /* a site is rewritten after a few traps */

/* Each returns getppid() from a site of its own shape; what must survive is checked by call_site(). */
#define SITE(name, body)                                                                                               \
	__attribute__((naked, noinline)) static long name(__attribute__((unused)) long arg)                            \
	{                                                                                                              \
		__asm__(body);                                                                                         \
	}

SITE(number_before, "mov $110, %eax; syscall; ret")
SITE(number_64, "mov $110, %rax; syscall; ret")
SITE(moves_between, "mov $110, %eax; mov %rdi, %rsi; xor %edx, %edx; syscall; ret")
SITE(number_in_register, "mov %rdi, %rax; syscall; cmp $-4096, %rax; ja 1f; ret; 1: mov $-1, %rax; ret")
SITE(short_code, "push %rdi; pop %rax; syscall; mov %rax, %rdx; mov %rdx, %rax; ret")
SITE(padding_behind, "push %rdi; pop %rax; syscall; ret; .balign 16; nopw 0(%rax,%rax,1); .balign 16")
SITE(loop_to_site, "mov $3, %r8d; 1: mov %edi, %eax; syscall; dec %r8d; jnz 1b; ret")
/* jumps over the number to the syscall itself, half of the time */
SITE(jump_to_syscall, "mov %rdi, %rax; test $1, %sil; jnz 1f; mov $110, %eax; 1: syscall; ret")
/* the instruction behind the site is a branch target */
SITE(target_behind, "mov %rdi, %rax; test %rax, %rax; jz 1f; syscall; 1: mov %rax, %rdx; mov %rdx, %rax; ret")
/* eight words below the stack pointer belong to the function */
SITE(red_zone, "movq $0x1234567, -8(%rsp); movq $0x89abcd, -64(%rsp); mov $110, %eax; syscall;"
	       "cmpq $0x1234567, -8(%rsp); jne 1f; cmpq $0x89abcd, -64(%rsp); jne 1f; ret; 1: mov $-2, %rax; ret")
/* the carry flag is kept across the call, and so is overflow */
SITE(flags, "mov $0x7f, %al; add $1, %al; stc; mov $110, %eax; syscall; jno 1f; jnc 1f; ret; 1: mov $-3, %rax; ret")

static void call_site(const char *name, long (*fn)(long), long arg)
{
	long want = getppid();
	bool ok = true;

	for (int i = 0; i < ROUNDS; i++)
		ok &= fn(arg) == want;
	report(ok, "%s", name);
}

static void shapes(void)
{
	call_site("number before", number_before, 0);
	call_site("64-bit number before", number_64, 0);
	call_site("moves between number and call", moves_between, 0);
	call_site("number in a register", number_in_register, 110);
	call_site("short instructions around", short_code, 110);
	call_site("padding behind", padding_behind, 110);
	call_site("loop", loop_to_site, 110);
	call_site("jump to the instruction itself", jump_to_syscall, 110);
	call_site("branch target behind", target_behind, 110);
	call_site("red zone", red_zone, 0);
	call_site("flags", flags, 0);
	report(target_behind(0) == 0, "branch past the site after it was rewritten");
}

/* Both entries of jump_to_syscall, alternating. */
static void two_ways_in(void)
{
	long (*fn)(long, long) = (long (*)(long, long))(void *)jump_to_syscall;
	long want = getppid();
	bool ok = true;

	for (long i = 0; i < ROUNDS; i++)
		ok &= fn(110, i & 1) == want;
	report(ok, "two ways into one site");
}

/* 0f 05 as an immediate, as data in code, as a string. */
__attribute__((naked, noinline)) static long looks_like_one(void)
{
	__asm__("mov $0x050f050f, %eax; movl $0x6eb8, %edx; jmp 1f; .byte 0xb8, 0x6e, 0, 0, 0, 0x0f, 0x05; 1: ret");
}

static void data(void)
{
	unsigned char before[32];

	memcpy(before, (void *)looks_like_one, sizeof(before));
	for (int i = 0; i < ROUNDS; i++)
		number_before(0);
	report(looks_like_one() == 0x050f050f, "an immediate that looks like a system call");
	report(memcmp(before, (void *)looks_like_one, sizeof(before)) == 0,
	       "data in code that looks like a system call");
}

/* Code made at run time; then other code in its place. */
static void jit(void)
{
	static const unsigned char first[] = {0xb8, 110, 0, 0, 0, 0x0f, 0x05, 0xc3};
	static const unsigned char second[] = {0xb8, 7, 0, 0, 0, 0x90, 0x90, 0xc3};
	unsigned char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long (*fn)(void) = (long (*)(void))(void *)(p + 64);
	bool ok = true;

	memcpy(p + 64, first, sizeof(first));
	for (int i = 0; i < ROUNDS; i++)
		ok &= fn() == getppid();
	report(ok, "code made at run time");
	memcpy(p + 64, second, sizeof(second));
	report(fn() == 7, "replaced by other code");
	memcpy(p + 64, first, sizeof(first));
	ok = true;
	for (int i = 0; i < ROUNDS; i++)
		ok &= fn() == getppid();
	report(ok, "and back again");
	report(mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0 && fn() == getppid(), "read-only from now on");
	munmap(p, 4096);
	p = mmap(p, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	memcpy(p + 64, second, sizeof(second));
	report(fn() == 7, "new memory at the same place");
	munmap(p, 4096);
}

/* A call at the end of a page whose neighbour does not exist. */
static void at_the_edge(void)
{
	static const unsigned char code[] = {0xb8, 110, 0, 0, 0, 0x0f, 0x05, 0xc3};
	unsigned char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long (*fn)(void) = (long (*)(void))(void *)(p + 4096 - sizeof(code));
	bool ok = true;

	munmap(p + 4096, 4096);
	memcpy(p + 4096 - sizeof(code), code, sizeof(code));
	mprotect(p, 4096, PROT_READ | PROT_EXEC);
	for (int i = 0; i < ROUNDS; i++)
		ok &= fn() == getppid();
	report(ok, "at the end of the last page");
	munmap(p, 4096);
}

/* A signal arrives while a call waits; the call goes on or fails as Linux would have it, from a rewritten site. */
static volatile int got;
static void on_alarm(int signo)
{
	got = signo;
}

SITE(raw_pause, "mov $34, %eax; syscall; ret")
SITE(raw_getpid, "mov $39, %eax; syscall; ret")

static void interrupted(void)
{
	bool ok = true;

	signal(SIGALRM, on_alarm);
	for (int i = 0; i < 8; i++) {
		got = 0;
		ualarm(2000, 2000); /* again, should it come before the call */
		ok &= raw_pause(0) == -EINTR && got == SIGALRM;
		ualarm(0, 0);
	}
	report(ok, "a signal ends a call of a rewritten site");
	ok = true;
	for (int i = 0; i < ROUNDS; i++) {
		got = 0;
		ok &= kill((pid_t)raw_getpid(0), SIGALRM) == 0 && got == SIGALRM;
	}
	report(ok, "a handler between two calls of rewritten sites");
}

int main(void)
{
	shapes();
	two_ways_in();
	data();
	jit();
	at_the_edge();
	interrupted();
	return report_summary();
}
