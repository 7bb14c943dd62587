/* SPDX-License-Identifier: MIT */
/* signal_frame.c - see signal_frame.h. Layout: Linux arch/x86 UAPI (sigcontext, ucontext), System V ABI red zone. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/rewrite.h"
#include "kernel/arch/x86_64/signal_frame.h"
#include "kernel/linux/signal.h"
#include "kernel/mm/uaccess.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/thread.h"
#include "kernel/time/vdso.h"

struct sigcontext_regs {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2;
	uint64_t fpstate; /* user address of the FPU state */
	/* Linux leaves these zero; ours say "sigreturn makes this call again". Meaningless unless rip and rax still
	 * agree. */
	uint64_t restart_mark, restart_rip, reserved[6];
};

struct signal_ucontext {
	uint64_t flags, link;
	struct {
		uint64_t sp;
		int32_t flags, pad;
		uint64_t size;
	} stack;
	struct sigcontext_regs regs;
	uint64_t sigmask;
};

struct rt_sigframe {
	uint64_t return_address;
	struct signal_ucontext uc;
	siginfo_t info;
};

_Static_assert(sizeof(struct sigcontext_regs) == 256, "Linux ABI");
_Static_assert(offsetof(struct rt_sigframe, uc.regs) == 8 + 40, "Linux ABI");
_Static_assert(offsetof(struct rt_sigframe, info) == 8 + 304, "Linux ABI");
_Static_assert(sizeof(siginfo_t) == 128, "Linux ABI");

#define UC_FP_XSTATE         1u
#define UC_SIGCONTEXT_SS     2u
#define UC_STRICT_RESTORE_SS 4u
#define RESTART_MARK         0x74726174736552ull
#define SYSCALL_INSN_BYTES   2

/* What Linux shows for the program's selectors; programs compare, nobody loads them. */
#define LINUX_CS 0x33
#define LINUX_SS 0x2b

#define RED_ZONE_BYTES 128
#define FLAG_TF        0x100ull
#define FLAG_IF        0x200ull
#define FLAG_DF        0x400ull
#define FLAG_RF        0x10000ull
/* What a program may set: arithmetic flags, TF, DF, NT, RF, AC, ID. */
#define FLAGS_RESTORED (0xcd5ull | FLAG_TF | FLAG_DF | FLAG_RF | 0x40000ull)

/* FPU state: the legacy area has 48 bytes for software at 464; then come the xsave header and, at the end, a second
 * magic. */
#define LEGACY_BYTES      512
#define HEADER_BYTES      64
#define MXCSR_OFFSET      24
#define MXCSR_MASK_OFFSET 28
#define SW_OFFSET         464
#define FP_MAGIC1         0x46505853u
#define FP_MAGIC2         0x46505845u
#define FP_MAGIC2_BYTES   4
struct fpx_sw_bytes {
	uint32_t magic1, extended_size;
	uint64_t xfeatures;
	uint32_t xstate_size, padding[7];
};
_Static_assert(sizeof(struct fpx_sw_bytes) == LEGACY_BYTES - SW_OFFSET, "Linux ABI");

static bool has_xsave(void)
{
	return (boot_info->cpu_features & CAY_CPU_XSAVE) != 0;
}

static size_t fp_frame_bytes(void)
{
	return has_xsave() ? fpu_area_bytes() + FP_MAGIC2_BYTES : LEGACY_BYTES;
}

static int push_fpu(struct thread *t, uint64_t to, bool *x87_unused)
{
	struct fpx_sw_bytes sw = {
		.magic1 = FP_MAGIC1,
		.extended_size = (uint32_t)fp_frame_bytes(),
		.xfeatures = boot_info->xcr0,
		.xstate_size = (uint32_t)fpu_area_bytes(),
	};
	enum fpu_frame quick = fpu_save_user(to);

	if (quick == FPU_FRAME_FAULT)
		return -EFAULT;
	*x87_unused = quick == FPU_FRAME_DONE;
	if (quick == FPU_FRAME_SLOW) {
		fpu_save(t);
		if (copy_to_user((void *)to, t->fpu, has_xsave() ? fpu_area_bytes() : LEGACY_BYTES) != 0)
			return -EFAULT;
	}
	if (!has_xsave())
		return 0;
	if (copy_to_user((void *)(to + SW_OFFSET), &sw, sizeof(sw)) != 0)
		return -EFAULT;
	return put_user_u32((void *)(to + fpu_area_bytes()), FP_MAGIC2);
}

/* True when the frame at `from` carries all of our xsave state, not just the legacy part. */
static bool has_extended_state(uint64_t from)
{
	const struct fpx_sw_bytes *sw = (const struct fpx_sw_bytes *)(from + SW_OFFSET);
	uint32_t magic1, size, magic2;

	return has_xsave() && get_user_u32(&magic1, &sw->magic1) == 0 && magic1 == FP_MAGIC1 &&
	       get_user_u32(&size, &sw->xstate_size) == 0 && size == fpu_area_bytes() &&
	       get_user_u32(&magic2, (const void *)(from + size)) == 0 && magic2 == FP_MAGIC2;
}

/* xrstor and fxrstor fault on reserved bits: take none from the program. */
static void sanitize_fpu(uint8_t *area, uint32_t mxcsr_mask)
{
	uint32_t mxcsr;

	memcpy(&mxcsr, area + MXCSR_OFFSET, sizeof(mxcsr));
	mxcsr &= mxcsr_mask;
	memcpy(area + MXCSR_OFFSET, &mxcsr, sizeof(mxcsr));
	memcpy(area + MXCSR_MASK_OFFSET, &mxcsr_mask, sizeof(mxcsr_mask));
	if (has_xsave()) {
		uint64_t xstate_bv;

		memcpy(&xstate_bv, area + LEGACY_BYTES, sizeof(xstate_bv));
		xstate_bv &= boot_info->xcr0;
		memset(area + LEGACY_BYTES, 0, HEADER_BYTES);
		memcpy(area + LEGACY_BYTES, &xstate_bv, sizeof(xstate_bv));
	}
}

static void reset_fpu(struct thread *t)
{
	fpu_init_state(t->fpu);
	fpu_restore(t);
}

/* On failure the FPU is reset: a half-copied area must never meet xrstor. */
static int pop_fpu(struct thread *t, uint64_t from)
{
	uint8_t *area = t->fpu;
	uint32_t mxcsr_mask;
	bool extended;

	if (from == 0) {
		reset_fpu(t);
		return 0;
	}
	extended = has_extended_state(from);
	if (extended) {
		enum fpu_frame quick = fpu_restore_user(from);

		if (quick == FPU_FRAME_DONE)
			return 0;
		if (quick == FPU_FRAME_FAULT)
			goto err_reset;
	}
	fpu_save(t); /* for the mask of this CPU, and for what a legacy frame does not carry */
	memcpy(&mxcsr_mask, area + MXCSR_MASK_OFFSET, sizeof(mxcsr_mask));
	if (mxcsr_mask == 0)
		mxcsr_mask = 0xffbf;
	if (extended) {
		if (copy_from_user(area, (const void *)from, fpu_area_bytes()) != 0)
			goto err_reset;
	} else {
		const uint64_t x87_and_sse = 3;

		if (copy_from_user(area, (const void *)from, LEGACY_BYTES) != 0)
			goto err_reset;
		if (has_xsave()) {
			memset(area + LEGACY_BYTES, 0, HEADER_BYTES);
			memcpy(area + LEGACY_BYTES, &x87_and_sse, sizeof(x87_and_sse));
		}
	}
	sanitize_fpu(area, mxcsr_mask);
	fpu_restore(t);
	return 0;

err_reset:
	reset_fpu(t);
	return -EFAULT;
}

static bool on_altstack(const struct thread *t, uint64_t sp)
{
	return t->altstack_size != 0 && sp > t->altstack_sp && sp - t->altstack_sp <= t->altstack_size;
}

/* Where the frame goes; *fp above it. 0 when it would run out of the alternate stack. */
static uint64_t place_frame(const struct thread *t, const struct trapframe *f, const struct ksigaction *act,
			    uint64_t *fp)
{
	uint64_t sp = f->rsp - RED_ZONE_BYTES, low = CAY_USER_MIN;

	if (on_altstack(t, f->rsp)) {
		low = t->altstack_sp;
	} else if ((act->flags & SA_ONSTACK) && t->altstack_size != 0) {
		sp = t->altstack_sp + t->altstack_size;
		low = t->altstack_sp;
	}
	*fp = ALIGN_DOWN(sp - fp_frame_bytes(), 64ull);
	/* A function entered by call finds rsp + 8 aligned to 16. */
	sp = ALIGN_DOWN(*fp - sizeof(struct rt_sigframe), 16ull) - 8;
	return sp >= low && sp < CAY_USER_END ? sp : 0; /* an underflow ends up far above */
}

/*
 * The return address. A restorer that is the usual `mov $15, %rax; syscall` is replaced by the vDSO's, which does the
 * same without a trap (sigreturn.S), if the program still has it mapped; any other is the program's choice.
 */
static uint64_t return_address(const struct thread *t, const struct ksigaction *act)
{
	/* 48 c7 c0 0f 00 00 00 0f 05 */
	const uint64_t usual = 0x0f0000000fc0c748, usual_end = 0x050f0000;
	uint64_t code;
	uint32_t end;

	if (get_user_u64(&code, (const void *)act->restorer) != 0 || code != usual ||
	    get_user_u32(&end, (const void *)(act->restorer + 5)) != 0 || end != usual_end ||
	    !vdso_is_mapped(t->proc->vdso))
		return act->restorer;
	return t->proc->vdso + VDSO_SIGRETURN_OFFSET;
}

/* Into the program's memory, word by word: building the frame here and copying it takes twice as long. */
#define STORE(field, value)                                                                                            \
	do {                                                                                                           \
		if (store_user_u64(&(field), (uint64_t)(value)) != 0)                                                  \
			return -EFAULT;                                                                                \
	} while (0)

static int store_registers(struct sigcontext_regs *r, const struct trapframe *f, const struct thread *t, uint64_t fp,
			   uint64_t old_mask, bool restart)
{
	uint64_t rip = restart ? f->rip - SYSCALL_INSN_BYTES : f->rip;

	STORE(r->r8, f->r8);
	STORE(r->r9, f->r9);
	STORE(r->r10, f->r10);
	STORE(r->r11, f->r11);
	STORE(r->r12, f->r12);
	STORE(r->r13, f->r13);
	STORE(r->r14, f->r14);
	STORE(r->r15, f->r15);
	STORE(r->rdi, f->rdi);
	STORE(r->rsi, f->rsi);
	STORE(r->rbp, f->rbp);
	STORE(r->rbx, f->rbx);
	STORE(r->rdx, f->rdx);
	STORE(r->rax, restart ? f->orig_rax : f->rax);
	STORE(r->rcx, f->rcx);
	STORE(r->rsp, f->rsp);
	STORE(r->rip, rip);
	STORE(r->rflags, f->rflags | FLAG_IF);
	STORE(r->cs, LINUX_CS | (uint64_t)LINUX_SS << 48); /* cs, gs, fs, ss */
	STORE(r->err, t->fault_error);
	STORE(r->trapno, t->fault_vector);
	STORE(r->oldmask, old_mask);
	STORE(r->cr2, t->fault_addr);
	STORE(r->fpstate, fp);
	STORE(r->restart_mark, restart ? RESTART_MARK : 0);
	STORE(r->restart_rip, restart ? rip : 0);
	for (unsigned i = 0; i < ARRAY_SIZE(r->reserved); i++)
		STORE(r->reserved[i], 0);
	return 0;
}

static int store_info(siginfo_t *to, const siginfo_t *info)
{
	typedef uint64_t __attribute__((may_alias)) word;
	const word *from = (const word *)info;

	for (unsigned i = 0; i < sizeof(*info) / sizeof(*from); i++)
		STORE(((word *)to)[i], from[i]);
	return 0;
}

/* All but the FPU's state. uf lies in a range of the program's. */
static int store_frame(struct rt_sigframe *uf, const struct trapframe *f, const siginfo_t *info,
		       const struct ksigaction *act, uint64_t fp, uint64_t old_mask, bool restart)
{
	const struct thread *t = thread_current();
	int32_t stack_flags =
		t->altstack_size == 0 ? SS_DISABLE : (t->altstack_flags | (on_altstack(t, f->rsp) ? SS_ONSTACK : 0));

	STORE(uf->return_address, return_address(t, act));
	STORE(uf->uc.flags, UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS | (has_xsave() ? UC_FP_XSTATE : 0));
	STORE(uf->uc.link, 0);
	STORE(uf->uc.stack.sp, t->altstack_sp);
	STORE(uf->uc.stack.flags, (uint32_t)stack_flags); /* and the padding */
	STORE(uf->uc.stack.size, t->altstack_size);
	STORE(uf->uc.sigmask, old_mask);
	if (store_registers(&uf->uc.regs, f, t, fp, old_mask, restart) != 0)
		return -EFAULT;
	return store_info(&uf->info, info);
}

static void load_registers(struct trapframe *f, const struct sigcontext_regs *r)
{
	f->r8 = r->r8;
	f->r9 = r->r9;
	f->r10 = r->r10;
	f->r11 = r->r11;
	f->r12 = r->r12;
	f->r13 = r->r13;
	f->r14 = r->r14;
	f->r15 = r->r15;
	f->rdi = r->rdi;
	f->rsi = r->rsi;
	f->rbp = r->rbp;
	f->rbx = r->rbx;
	f->rdx = r->rdx;
	f->rax = r->rax;
	f->rcx = r->rcx;
	f->rsp = r->rsp;
	f->rip = callsite_moved(r->rip);
	f->rflags = (r->rflags & FLAGS_RESTORED) | FLAG_IF | 2;
	f->cs = SEL_USER_CS;
	f->ss = SEL_USER_SS;
	f->kind = FRAME_INTERRUPT; /* every register counts */
	f->orig_rax = (uint64_t)-1;
}

int signal_frame_push(struct trapframe *f, const siginfo_t *info, const struct ksigaction *act, uint64_t old_mask,
		      bool restart)
{
	struct thread *t = thread_current();
	uint64_t fp, sp = place_frame(t, f, act, &fp);
	bool x87_unused;

	if (sp == 0 || (act->flags & SA_RESTORER) == 0)
		return -EFAULT;
	if (!user_range((void *)sp, sizeof(struct rt_sigframe)) || push_fpu(t, fp, &x87_unused) != 0 ||
	    store_frame((struct rt_sigframe *)sp, f, info, act, fp, old_mask, restart) != 0)
		return -EFAULT;
	fpu_begin_handler(t, x87_unused);
	if (t->altstack_flags & (int)(1u << 31)) { /* SS_AUTODISARM */
		t->altstack_sp = t->altstack_size = 0;
		t->altstack_flags = SS_DISABLE;
	}
	f->rdi = (uint64_t)info->si_signo;
	f->rsi = sp + offsetof(struct rt_sigframe, info);
	f->rdx = sp + offsetof(struct rt_sigframe, uc);
	f->rax = 0;
	f->rsp = sp;
	f->rip = f->rcx = act->handler; /* equal: the kernel can leave without iretq (entry.S) */
	f->rflags = ((f->rflags & FLAGS_RESTORED) & ~(FLAG_DF | FLAG_RF | FLAG_TF)) | FLAG_IF | 2;
	f->cs = SEL_USER_CS;
	f->ss = SEL_USER_SS;
	f->kind = FRAME_INTERRUPT;
	f->orig_rax = (uint64_t)-1;
	return 0;
}

int signal_frame_pop(struct trapframe *f, struct signal_frame_state *out)
{
	struct thread *t = thread_current();
	struct signal_ucontext uc;
	const struct sigcontext_regs *r = &uc.regs;

	/* The handler's `ret` took the return address off. */
	if (copy_from_user(&uc, (const void *)f->rsp, sizeof(uc)) != 0 || pop_fpu(t, r->fpstate) != 0)
		return -EFAULT;
	load_registers(f, r);
	out->mask = uc.sigmask;
	out->altstack_sp = uc.stack.sp;
	out->altstack_size = uc.stack.size;
	out->altstack_flags = uc.stack.flags & ~SS_ONSTACK;
	if (out->altstack_flags & SS_DISABLE)
		out->altstack_sp = out->altstack_size = 0;
	out->restart_nr = -1;
	if (r->restart_mark == RESTART_MARK && r->restart_rip == r->rip && r->rax < SYSCALL_MAX) {
		f->rip += SYSCALL_INSN_BYTES;
		out->restart_nr = (int)r->rax;
	}
	return 0;
}
