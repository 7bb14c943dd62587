/* SPDX-License-Identifier: MIT */
/*
 * trap.c - exceptions and upcalls. A fault of the program becomes a page or a signal; a fault of the kernel while it
 * touches the program's memory becomes -EFAULT (the exception table); any other fault of the kernel is a panic.
 */
#include "kernel/arch/x86_64/trap.h"

/* The constants, with TRAP_* */
#define _XOPEN_SOURCE 700
#include <errno.h>
#include <signal.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/offsets.h"
#include "kernel/arch/x86_64/rewrite.h"
#include "kernel/linux/rseq.h"
#include "kernel/linux/signal.h"
#include "kernel/log.h"
#include "kernel/mm/uaccess.h"
#include "kernel/mm/vmspace.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/plat/cay/debug.h"
#include "kernel/plat/cay/events.h"
#include "kernel/sched/klock.h"
#include "kernel/sched/system_time.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/thread.h"
#include "kernel/time/clock.h"
#include "x86/desc.h"

struct ex_entry {
	uint64_t insn, fixup;
};
extern const char crit_full_start[], crit_full_end[], lstar_entry[];
extern const struct ex_entry __ex_table_start[], __ex_table_end[];

static bool is_kernel_address(uint64_t a)
{
	return a >> KERNEL_SHIFT == KERNEL_TOP_BITS;
}

/* Both, as in entry.S: the program may have put anything in rsp. */
static bool from_kernel(const struct trapframe *f)
{
	return is_kernel_address(f->rip) && is_kernel_address(f->rsp);
}

static bool fix_up(struct trapframe *f)
{
	for (const struct ex_entry *e = __ex_table_start; e < __ex_table_end; e++) {
		if (e->insn == f->rip) {
			f->rip = e->fixup;
			return true;
		}
	}
	return false;
}

static void do_locked_work(struct trapframe *f)
{
	struct thread *t = thread_current();

	if (t->work & THREAD_WORK_MOVED) {
		thread_work_clear(t, THREAD_WORK_MOVED);
		f->rip = callsite_moved(f->rip);
	}
	debug_poll(f);
	if (t->work & THREAD_WORK_EXIT) {
		thread_work_clear(t, THREAD_WORK_EXIT);
		thread_exit(t->exit_code);
	}
	if (t->work & THREAD_WORK_SIGNAL)
		signal_deliver(f);
	if (t->work & THREAD_WORK_RSEQ)
		rseq_migrated(t);
}

/* All that has to be done before the program goes on. Whatever comes up meanwhile leads here again. */
void exit_work(struct trapframe *f)
{
	struct thread *t = thread_current();

	events_poll();
	if ((t->work & ~(uint64_t)THREAD_WORK_RESCHED) != 0 || debug_wanted) {
		bool entered = kernel_enter();

		do_locked_work(f);
		if (entered)
			kernel_leave();
	}
	if (debug_stepping)
		thread_work_clear(t, THREAD_WORK_RESCHED);
	else if (t->work & THREAD_WORK_RESCHED)
		sched_yield_now();
	if (smp_active)
		smp_before_program();
}

/*
 * Between a trapping system call and the first instruction of its door, which masks upcalls, rip is the kernel's, the
 * rest the program's. Then the call was not made: the return address in rcx would not be found if its code is patched.
 */
static void leave_door(struct trapframe *f)
{
	if (f->rip != (uint64_t)lstar_entry)
		return;
	f->rip = f->rcx - 2;
	f->rflags = f->r11;
}

void upcall_handler(struct trapframe *f)
{
	stat_count(CAY_C_UPCALLS);
	leave_door(f);
	exit_work(f);
}

void upcall_in_kernel(uint64_t rip)
{
	panic("upcall while masked, at %#lx", rip);
}

/* Makes the page what the access needs. 0, or a signal's si_code, *signo set. The kernel lock may be held or not. */
static int resolve_fault(uint64_t error, uint64_t addr, int *signo)
{
	bool write = (error & PF_WRITE) != 0, exec = (error & PF_INSTR) != 0;
	struct vmspace *vs = process_current()->vs;

	*signo = SIGSEGV;
	if (addr >= CAY_USER_END || vs == NULL)
		return SEGV_MAPERR;
	if (vmspace_fault_quick(vs, addr, write, exec))
		return 0;
	return vmspace_fault(vs, addr, write, exec, (error & PF_PRESENT) != 0, signo);
}

/* An access that cannot be. */
static void refuse_access(struct trapframe *f, uint64_t error, uint64_t addr, int signo, int code)
{
	struct thread *t = thread_current();

	if (from_kernel(f)) {
		if (signo == SIGKILL)
			signal_fault(signo, code,
				     addr); /* no memory for the program's page: ends the program after this call */
		if (!fix_up(f))
			panic_frame(f, "page fault in the kernel at address %#lx, error %#lx", addr, error);
		return;
	}
	t->fault_vector = VEC_PF;
	t->fault_error = error | PF_USER;
	t->fault_addr = addr;
	if (debug_stop(f, signo) != 0)
		signal_fault(signo, code, addr);
}

static void page_fault(struct trapframe *f, uint64_t error, uint64_t addr)
{
	int signo, code = resolve_fault(error, addr, &signo);
	bool entered;

	stat_count(CAY_C_PAGE_FAULTS);
	thread_current()->events.faults++;
	if (code == 0) {
		tlb_fill(addr);
		return;
	}
	entered = kernel_enter();
	refuse_access(f, error, addr, signo, code);
	if (entered)
		kernel_leave();
}

/*
 * A CPU with VT-x or AMD-V gives #UD for `syscall` (EFER.SCE is 0); others go to LSTAR. Serve it here then.
 */
static bool emulate_syscall(struct trapframe *f)
{
	uint8_t insn[2];

	if (copy_from_user(insn, (const void *)f->rip, sizeof(insn)) != 0 || insn[0] != 0x0f || insn[1] != 0x05)
		return false;
	f->rip += 2;
	f->rcx = f->rip;
	f->r11 = f->rflags;
	f->orig_rax = f->rax;
	syscall_trapped(f);
	if ((uint32_t)f->orig_rax >= SYSCALL_MAX) {
		f->rax = (uint64_t)-ENOSYS;
		return true;
	}
	cpu_this()->vcpu->syscall_count[(uint32_t)f->orig_rax]++;
	/* The frame is full, so calls that need it whole take the plain way, too. */
	f->rax = (uint64_t)syscall_call_full(f);
	return true;
}

/* The iretq to the program found a frame that no program can have: an impossible address or selector from rt_sigreturn.
 */
static bool is_bad_return(const struct trapframe *f, uint64_t vector)
{
	return vector != VEC_PF && f->rip >= (uint64_t)crit_full_start && f->rip < (uint64_t)crit_full_end;
}

static void fault_signal(struct trapframe *f, uint64_t vector, uint64_t error, int signo, int code, uint64_t addr)
{
	struct thread *t = thread_current();

	if (is_bad_return(f, vector)) {
		t->fault_vector = vector;
		t->fault_error = error;
		t->fault_addr = 0;
		signal_fault(SIGSEGV, SI_KERNEL, 0);
		kernel_leave();
		frame_return(); /* the thread's frame is as it was before iretq */
	}
	if (from_kernel(f))
		panic_frame(f, "exception %lu in the kernel, error %#lx", vector, error);
	t->fault_vector = vector;
	t->fault_error = error;
	t->fault_addr = 0;
	if (debug_stop(f, signo) != 0)
		signal_fault(signo, code, addr);
}

/* Which floating-point exception: the unmasked flag that is set (SDM vol 1, 8.5 and 11.5). */
static int fpe_code(unsigned status, unsigned control)
{
	unsigned raised = status & ~control & 0x3f;

	if (raised & 0x01)
		return FPE_FLTINV;
	if (raised & 0x04)
		return FPE_FLTDIV;
	if (raised & 0x08)
		return FPE_FLTOVF;
	if (raised & 0x12)
		return FPE_FLTUND;
	return FPE_FLTRES;
}

static int simd_code(void)
{
	uint32_t mxcsr;

	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	return fpe_code(mxcsr, mxcsr >> 7);
}

static int x87_code(void)
{
	uint16_t sw, cw;

	__asm__ volatile("fnstsw %0" : "=m"(sw));
	__asm__ volatile("fnstcw %0" : "=m"(cw));
	return fpe_code(sw, cw);
}

/*
 * A program that single-steps itself (TF) goes on stepping through our entry code, which is no business of its: the
 * step that follows the system call is reported.
 */
static bool is_step_in_kernel(struct trapframe *f, uint64_t vector)
{
	if (vector != VEC_DB || f->rip < CAY_USER_END)
		return false;
	f->rflags &= ~(uint64_t)RFLAGS_TF;
	return true;
}

/* A mapped file of the host became shorter, and the program touched what is gone. addr: 0 if not known. */
static void lost_page(struct trapframe *f, uint64_t addr)
{
	if (addr == 0)
		addr = trap_file_address(f);
	fault_signal(f, VEC_PF, PF_USER, SIGBUS, BUS_ADRERR, addr);
	thread_current()->fault_addr = addr;
}

/* Other than page faults. Kernel lock. */
static void handle_exception(struct trapframe *f, uint64_t vector, uint64_t error, uint64_t cr2)
{
	stat_count(CAY_C_EXCEPTIONS);
	switch (vector) {
	case VEC_UD:
		if (!from_kernel(f) &&
		    (emulate_syscall(f) || callsite_may_have_changed(&thread_current()->patches_seen)))
			break;
		if (!from_kernel(f) && trap_is_protection_fault(f))
			fault_signal(f, VEC_GP, 0, SIGSEGV, SI_KERNEL, 0);
		else
			fault_signal(f, vector, 0, SIGILL, ILL_ILLOPN, f->rip);
		break;
	case VEC_DE:
		fault_signal(f, vector, 0, SIGFPE, FPE_INTDIV, f->rip);
		break;
	case VEC_DB:
		if (debug_exception(f, false))
			break;
		fault_signal(f, vector, 0, SIGTRAP, TRAP_TRACE, f->rip);
		break;
	case VEC_BP:
		if (debug_exception(f, true))
			break;
		fault_signal(f, vector, 0, SIGTRAP, SI_KERNEL, 0);
		break;
	case VEC_MF:
		fault_signal(f, vector, 0, SIGFPE, x87_code(), f->rip);
		break;
	case VEC_XM:
		fault_signal(f, vector, 0, SIGFPE, simd_code(), f->rip);
		break;
	case VEC_MC:
		lost_page(f, cr2);
		break;
	case VEC_AC:
		fault_signal(f, vector, error, SIGBUS, BUS_ADRALN, 0);
		break;
	case VEC_GP:
	case VEC_SS:
	case VEC_NP:
		if (from_kernel(f) && fix_up(f)) /* non-canonical address handed to a system call */
			break;
		/* A stack address that cannot be (#SS) is a bus error to Linux. */
		fault_signal(f, vector, error, vector == VEC_GP ? SIGSEGV : SIGBUS, SI_KERNEL, 0);
		break;
	default:
		fault_signal(f, vector, error, SIGILL, ILL_ILLOPN, f->rip);
		break;
	}
}

/* The same for the kernel. Any lock may be held where it reads a file by an address of its own: no error is possible
 * there, so it asks for zeros and tries again. */
static void lost_page_in_kernel(struct trapframe *f)
{
	if (!fix_up(f))
		WRITE_ONCE(cpu_this()->vcpu->zeros_wanted, 1);
}

static void handle_anywhere(struct trapframe *f, uint64_t vector, uint64_t error, uint64_t cr2)
{
	bool entered;

	spin_assert_none("a fault");
	if (vector == VEC_PF) {
		page_fault(f, error, cr2);
		return;
	}
	entered = kernel_enter();
	handle_exception(f, vector, error, cr2);
	if (entered)
		kernel_leave();
}

void exception_handler(struct trapframe *f, uint64_t vector, uint64_t error, uint64_t cr2)
{
	uint64_t began_ns;

	if (vector == VEC_PF && f->rip == (uint64_t)arch_user_peek32) {
		f->rip = (uint64_t)arch_user_peek32_fault; /* it asked for what is there, and may hold any lock */
		return;
	}
	if (vector == VEC_MC && from_kernel(f)) {
		lost_page_in_kernel(f);
		return;
	}
	if (is_step_in_kernel(f, vector))
		return;
	if (vector != VEC_PF || from_kernel(f)) {
		handle_anywhere(f, vector, error, cr2);
		return;
	}
	began_ns = system_time_begin();
	handle_anywhere(f, vector, error, cr2);
	system_time_end(began_ns);
}
