/* SPDX-License-Identifier: MIT */
/*
 * signals.c - what happens to the CPU under the guest arrives as a signal, and what the guest is to do next is written
 * into the interrupted context: an exception record and the entry of the kernel's exception handler (what the CPL 0
 * stub does under KVM), or an upcall (abi/vcpu_page.h), or the kernel's door for system calls that were not rewritten.
 * The handler runs with all signals blocked, on a stack of its own; what it touches is always mapped.
 */
#include <asm/sigcontext.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/ucontext.h>
#include <errno.h>
#include <linux/audit.h>

#include "lib/compiler.h"
#include "lib/x86_length.h"
#include "vmm/backend/process/stub/host.h"
#include "vmm/backend/process/stub/stub.h"
#include "x86/desc.h"

/* The host kernel's layout, which the headers of the C library hide: a mask of 8 bytes, and sa_restorer on x86-64. */
struct host_sigaction {
	void (*handler)(int signo, siginfo_t *si, void *context);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

#define SYSCALL_BYTES 2
#define ALL_SIGNALS   (~0ull)
#define RFLAGS_CLEAR  2

extern char signal_restorer[], signal_stack[], signal_stack_end[];

static bool in_stub(uint64_t rip)
{
	return rip - CAY_STUB_GVA < CAY_STUB_BYTES;
}

static void save_registers(const struct sigcontext *r)
{
	stub.control->regs = (struct stub_registers){
		.rip = r->rip,
		.rsp = r->rsp,
		.rflags = r->eflags,
		.rax = r->rax,
		.rbx = r->rbx,
		.rcx = r->rcx,
		.rdx = r->rdx,
		.rsi = r->rsi,
		.rdi = r->rdi,
		.rbp = r->rbp,
		.r8 = r->r8,
		.r9 = r->r9,
		.r10 = r->r10,
		.r11 = r->r11,
		.r12 = r->r12,
		.r13 = r->r13,
		.r14 = r->r14,
		.r15 = r->r15,
		.cr2 = r->cr2,
		.cr3 = stub.root_gpa,
	};
}

/* The kernel's code is 64-bit, also when a far jump has brought the program to another segment. */
static void enter_kernel(struct sigcontext *r, uint64_t rip)
{
	r->rip = rip;
	r->cs = SEL_CPL3_CS;
	r->ss = SEL_CPL3_SS;
}

/* To upcall_entry, if that is allowed now. */
static void upcall(struct sigcontext *r)
{
	struct cay_vcpu_page *page = stub.page;

	if (__atomic_load_n(&page->pending, __ATOMIC_SEQ_CST) == 0 || READ_ONCE(page->masked) != 0 ||
	    READ_ONCE(page->state) != CAY_VCPU_RUNNING || in_stub(r->rip) || r->rip == READ_ONCE(page->iret.rip))
		return;
	page->up_rip = r->rip;
	page->up_rsp = r->rsp;
	page->up_rflags = r->eflags;
	WRITE_ONCE(page->masked, 1);
	enter_kernel(r, READ_ONCE(page->upcall_entry));
	r->rsp = READ_ONCE(page->upcall_stack);
	r->eflags = RFLAGS_CLEAR;
}

/* To the kernel's exception handler, with the record. */
static void exception(struct sigcontext *r, uint64_t vector, uint64_t error, uint64_t cr2)
{
	struct cay_vcpu_page *page = stub.page;
	uint64_t entry = READ_ONCE(page->iret.rip);

	/* What is a triple fault to a CPU. The selectors have no meaning here but must be such as iretq takes. */
	if (r->rip == entry || READ_ONCE(page->iret.cs) != SEL_CPL3_CS || READ_ONCE(page->iret.ss) != SEL_CPL3_SS ||
	    !mmu_allows(entry, false, true) || !mmu_allows(READ_ONCE(page->iret.rsp) - 8, true, false))
		gate_crash(STUB_CRASH_EXCEPTION, vector);
	page->exc = (struct cay_exc_record){
		.cr2 = cr2,
		.vector = vector,
		.error = error,
		.rip = r->rip,
		.cs = SEL_CPL3_CS,
		.rflags = r->eflags,
		.rsp = r->rsp,
		.ss = SEL_CPL3_SS,
	};
	WRITE_ONCE(page->masked, 1);
	enter_kernel(r, entry);
	r->rsp = READ_ONCE(page->iret.rsp);
	r->eflags = RFLAGS_CLEAR;
}

/* A kernel that does not call the stub stores to the gate page; the instruction is skipped when the store is done. */
static void gate_store(struct sigcontext *r, bool write)
{
	uint64_t offset = r->cr2 & (CAY_PAGE_BYTES - 1);
	struct x86_insn insn;

	if (!write || offset % 4 != 0 || !x86_decode((const uint8_t *)r->rip, X86_INSN_MAX, &insn))
		gate_crash(STUB_CRASH_GATE_WIDTH, offset);
	r->rip += insn.length;
	gate_call(offset);
}

static void page_fault(struct sigcontext *r)
{
	bool write = (r->err & PF_WRITE) != 0, exec = (r->err & PF_INSTR) != 0, present;

	switch (mmu_fault(r->cr2, write, exec, &present)) {
	case MMU_MAPPED:
		break;
	case MMU_GATE:
		gate_store(r, write);
		break;
	case MMU_EXCEPTION:
		exception(r, VEC_PF, (r->err & (PF_WRITE | PF_INSTR)) | PF_USER | (present ? PF_PRESENT : 0), r->cr2);
		break;
	}
}

/* A `syscall` outside the stub (rax, rcx, r11, rip are as the instruction leaves them), or an `int $0x80`. */
static void system_call(struct sigcontext *r, const siginfo_t *si)
{
	if (si->si_arch != AUDIT_ARCH_X86_64) {
		r->rip -= SYSCALL_BYTES;
		exception(r, VEC_GP, 0x80 * 8 + 2, 0);
		return;
	}
	r->rcx = r->rip;
	r->r11 = r->eflags;
	WRITE_ONCE(stub.page->masked, 1);
	enter_kernel(r, stub.lstar);
}

static void on_signal(int signo, siginfo_t *si, void *context)
{
	struct ucontext *uc = context;
	struct sigcontext *r = &uc->uc_mcontext;

	save_registers(r);
	switch (signo) {
	case STUB_SIGNAL_KICK:
		break;
	case STUB_SIGNAL_HERE:
		if (!in_stub(r->rip)) /* it may be in a request; there will be another second */
			gate_request(STUB_REQ_HERE, 0);
		break;
	case SIGALRM:
		__atomic_fetch_or(&stub.page->pending, 1ull << CAY_EVENT_TIMER, __ATOMIC_SEQ_CST);
		break;
	case SIGSYS:
		system_call(r, si);
		return;
	case SIGBUS:
		/* A file became shorter than its mapping. Of the program's addresses the kernel makes what Linux does;
		 * where it reads the file by an address of its own it must go on, with zeros. */
		if (r->trapno == VEC_PF && !in_stub(r->rip) && mmu_is_files(r->cr2)) {
			exception(r, VEC_MC, r->err & PF_WRITE, r->cr2);
			return;
		}
		if (r->trapno == VEC_PF) {
			stub.control->detail = r->cr2;
			gate_request(STUB_REQ_NO_PAGE, 0);
			window_update();
			break;
		}
		exception(r, r->trapno, r->err, 0);
		return;
	default:
		if (si->si_code <= 0)
			gate_crash(STUB_CRASH_SIGNAL, (uint64_t)signo);
		if (r->trapno == VEC_PF)
			page_fault(r);
		else
			exception(r, r->trapno, r->err, 0);
		return;
	}
	upcall(r);
}

static const uint8_t handled[] = {SIGSEGV, SIGBUS,  SIGILL,           SIGFPE,          SIGTRAP,
				  SIGSYS,  SIGALRM, STUB_SIGNAL_KICK, STUB_SIGNAL_HERE};

int signals_init(void)
{
	struct host_sigaction sa = {
		.handler = on_signal,
		.flags = SA_SIGINFO | SA_ONSTACK | SA_RESTORER,
		.restorer = (void (*)(void))signal_restorer,
		.mask = ALL_SIGNALS,
	};
	stack_t stack = {.ss_sp = signal_stack, .ss_size = (size_t)(signal_stack_end - signal_stack)};
	long err = HOST_CALL2(sigaltstack, &stack, NULL);

	for (unsigned i = 0; err == 0 && i < ARRAY_SIZE(handled); i++)
		err = HOST_CALL4(rt_sigaction, handled[i], &sa, NULL, sizeof(sa.mask));
	return (int)err;
}

int signals_unblock(void)
{
	uint64_t mask = ALL_SIGNALS;

	for (unsigned i = 0; i < ARRAY_SIZE(handled); i++)
		mask &= ~(1ull << (handled[i] - 1));
	return (int)HOST_CALL4(rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
}
