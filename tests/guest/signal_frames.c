/* SPDX-License-Identifier: MIT */
/* Frames of signals: registers that survive a handler, alternate stacks, contexts that are edited or spoilt, faults. */
#include "handlers.h"
#include "report.h"

#include <fenv.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static volatile double fp_result;

static void clobber_fpu(int sig)
{
	volatile double a = 1.5, b = 2.25;

	__asm__ volatile("pxor %%xmm0, %%xmm0\n pxor %%xmm8, %%xmm8\n pxor %%xmm15, %%xmm15\n" ::
				 : "xmm0", "xmm8", "xmm15");
	fesetround(FE_TOWARDZERO);
	fp_result = a * b;
	count(sig);
}

/* Named from assembly. */
__attribute__((used)) static uint64_t regs_after[7], xmm_before[2] = {0x1122334455667788, 0x99aabbccddeeff00},
						     xmm_after[2];

static void test_registers_survive(void)
{
	const uint64_t *r = regs_after;

	reset();
	handle(SIGUSR1, clobber_fpu, 0);
	__asm__ volatile(
		"movdqu xmm_before(%%rip), %%xmm8\n"
		"mov $0x1111, %%rbx\n mov $0x1212, %%r12\n mov $0x1313, %%r13\n mov $0x1414, %%r14\n mov $0x1515, "
		"%%r15\n"
		"mov $0x1818, %%r8\n mov $0x1919, %%r9\n"
		"mov %[nr], %%eax\n syscall\n"
		"mov %%rbx, regs_after(%%rip)\n mov %%r12, regs_after+8(%%rip)\n mov %%r13, regs_after+16(%%rip)\n"
		"mov %%r14, regs_after+24(%%rip)\n mov %%r15, regs_after+32(%%rip)\n"
		"mov %%r8, regs_after+40(%%rip)\n mov %%r9, regs_after+48(%%rip)\n"
		"movdqu %%xmm8, xmm_after(%%rip)\n"
		:
		: [nr] "i"(SYS_kill), "D"(getpid()), "S"(SIGUSR1)
		: "rax", "rbx", "rcx", "r8", "r9", "r11", "r12", "r13", "r14", "r15", "xmm8", "memory", "cc");
	report_eq(hits, 1);
	report_true(r[0] == 0x1111 && r[1] == 0x1212 && r[2] == 0x1313 && r[3] == 0x1414 && r[4] == 0x1515);
	report_true(r[5] == 0x1818 && r[6] == 0x1919);
	report(xmm_after[0] == xmm_before[0] && xmm_after[1] == xmm_before[1],
	       "xmm8 survives a handler that clears it");
	report(fegetround() == FE_TONEAREST, "the rounding mode survives a handler that changes it");
	report_true(fp_result == 3.375);
}

static char *sp_seen;

static void see_sp(int sig)
{
	char here;

	sp_seen = &here;
	count(sig);
}

static void test_altstack(void)
{
	static char stack[65536];
	stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)}, old;

	report_errno(sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = 100}, NULL), ENOMEM);
	report_errno(sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof(stack), .ss_flags = 1 << 20}, NULL),
		     EINVAL);
	report_eq(sigaltstack(&ss, &old), 0);
	report_true(old.ss_flags == SS_DISABLE);
	handle(SIGUSR1, see_sp, SA_ONSTACK);
	raise(SIGUSR1);
	report_true(sp_seen > stack && sp_seen < stack + sizeof(stack));
	handle(SIGUSR1, see_sp, 0);
	raise(SIGUSR1);
	report_true(!(sp_seen > stack && sp_seen < stack + sizeof(stack)));
	ss.ss_flags = SS_DISABLE;
	report_eq(sigaltstack(&ss, &old), 0);
	report_true(old.ss_sp == stack && old.ss_size == sizeof(stack) && old.ss_flags == 0);
}

static void skip_fault(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	last_si = *si;
	last_value = (int)uc->uc_mcontext.gregs[REG_TRAPNO];
	uc->uc_mcontext.gregs[REG_RIP] = uc->uc_mcontext.gregs[REG_RBX];
	uc->uc_mcontext.gregs[REG_RAX] = 4711;
	count(sig);
}

static void test_context_can_be_edited(void)
{
	struct sigaction sa = {.sa_sigaction = skip_fault, .sa_flags = SA_SIGINFO};
	long got = 0;

	reset();
	sigaction(SIGSEGV, &sa, NULL);
	__asm__ volatile("lea 1f(%%rip), %%rbx\n mov $0x8560, %%eax\n movl $1, (%%rax)\n ud2\n 1: mov %%rax, %0"
			 : "=r"(got)::"rax", "rbx", "memory");
	report_eq(got, 4711);
	report_true(hits == 1 && last_si.si_code == SEGV_MAPERR && last_si.si_addr == (void *)0x8560);
	report_eq(last_value, 14);
}

static void divide_by_zero(void)
{
	int quotient = 1, rest = 0; /* in assembly: a compiler may compute 1 / x without dividing */

	__asm__ volatile("idivl %2" : "+a"(quotient), "+d"(rest) : "r"(0));
}

static void test_faults(void)
{
	static _Alignas(64) char vectors[128];
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	report_catch_faults();
	report_eq(fault_of(*(volatile char *)page = 1), SIGSEGV);
	report_true(report_si.si_code == SEGV_ACCERR && report_si.si_addr == page);
	report_eq(fault_of(__asm__ volatile("ud2")), SIGILL);
	report_eq(fault_of(divide_by_zero()), SIGFPE);
	report_true(report_si.si_code == FPE_INTDIV);
	report_eq(fault_of(__asm__ volatile("int3")), SIGTRAP);
	report_eq(fault_of(*(volatile char *)0x8000000000000000ull = 1), SIGSEGV);
	report_true(report_si.si_code == SI_KERNEL);
	/* Instructions of other kinds: a host that interprets some must not take the others for invalid. */
	report_eq(fault_of(__asm__ volatile("movq %%xmm0, (%0)" ::"r"(0x8000000000000000))), SIGSEGV);
	report_true(report_si.si_code == SI_KERNEL && report_si.si_addr == NULL);
	report_eq(fault_of(__asm__ volatile("paddb 16(%0), %%xmm0" ::"r"(0x8000000000000000))), SIGSEGV);
	report_eq(fault_of(__asm__ volatile("fldl (%0, %1, 8)" ::"r"(0ul), "r"(0x0100000000000000))), SIGSEGV);
	report_eq(fault_of(__asm__ volatile("popcnt (%0), %%rax" ::"r"(0x8000000000000000) : "rax")), SIGSEGV);
	report_eq(fault_of(__asm__ volatile("int $0x21")), SIGSEGV);
	/* Operands that are not aligned. */
	report_eq(fault_of(__asm__ volatile("movaps (%0), %%xmm0" ::"r"(vectors + 8))), SIGSEGV);
	report_eq(fault_of(__asm__ volatile("pxor 16(%0), %%xmm0" ::"r"(vectors + 8))), SIGSEGV);
	report_eq(fault_of(__asm__ volatile("pshufb (%0), %%xmm0" ::"r"(vectors + 8))), SIGSEGV);
	if (__builtin_cpu_supports("avx"))
		report_eq(fault_of(__asm__ volatile("vmovaps %%ymm0, (%0)" ::"r"(vectors + 16))), SIGSEGV);
	else
		report_skip("vmovaps", "no AVX");
	report_eq(fault_of(__asm__ volatile("movups (%0), %%xmm0" ::"r"(vectors + 8))), 0);
	report_eq(fault_of(__asm__ volatile("ud1 (%0), %%rax" ::"r"(0x8000000000000000))), SIGILL);
	report_eq(fault_of(raise(SIGSEGV)), SIGSEGV);
	munmap(page, 4096);
}

static int bad_field;

static void spoil_frame(int sig, siginfo_t *si, void *ctx)
{
	greg_t *r = ((ucontext_t *)ctx)->uc_mcontext.gregs;

	(void)sig;
	(void)si;
	switch (bad_field) {
	case 0:
		r[REG_RIP] = (greg_t)0x8000000000000000;
		break;
	case 1:
		r[REG_RIP] = 16;
		break;
	case 2:
		((ucontext_t *)ctx)->uc_mcontext.fpregs = (void *)16;
		break;
	case 3:
		((ucontext_t *)ctx)->uc_mcontext.fpregs = (void *)0x8000000000000000;
		break;
	}
}

/* Needs the alternate stack and handlers of report_catch_faults(). */
static void test_spoiled_frames(void)
{
	struct sigaction sa = {.sa_sigaction = spoil_frame, .sa_flags = SA_SIGINFO};

	sigaction(SIGUSR1, &sa, NULL);
	for (bad_field = 0; bad_field < 4; bad_field++)
		report(fault_of(raise(SIGUSR1)) == SIGSEGV, "a frame spoiled in way %d ends in SIGSEGV", bad_field);
	report_eq(fault_of(__asm__ volatile("movabs $0x8000000000000000, %%rsp\n push $0" ::: "memory")), SIGBUS);
	report_eq(fault_of(__asm__ volatile("mov $0x1000, %%rsp\n push $0" ::: "memory")), SIGSEGV);
	report_eq(fault_of(__asm__ volatile("mov $0x1000, %%rsp\n mov %0, %%eax\n syscall" ::"i"(SYS_rt_sigreturn)
					    : "memory")),
		  SIGSEGV);
}

/* As valgrind does: what C libraries bring to return from a handler must do without the vDSO. */
static void test_without_vdso(void)
{
	uint64_t vdso = getauxval(AT_SYSINFO_EHDR);
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		reset();
		handle(SIGUSR1, count, 0);
		if (vdso != 0)
			munmap((void *)vdso, (size_t)sysconf(_SC_PAGESIZE));
		raise(SIGUSR1);
		_exit(hits == 1 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	report(status == 0, "a handler returns where the vDSO is not mapped any more: status %d", status);
}

int main(void)
{
	test_registers_survive();
	test_altstack();
	test_context_can_be_edited();
	test_faults();
	test_spoiled_frames();
	test_without_vdso();
	return report_summary();
}
