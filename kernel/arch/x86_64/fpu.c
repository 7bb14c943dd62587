/* SPDX-License-Identifier: MIT */
/*
 * fpu.c - x87, SSE and AVX registers of programs, to memory and back, in the layout of SDM vol 1, 13.4, which is also
 * what a signal frame holds.
 * xsave and xrstor cost 45 and 130 ns on an AMD EPYC; moving sixteen registers costs a tenth. So where the CPU says
 * that x87 is in its initial state (XINUSE, which programs leave that way: compilers use SSE) the registers are moved
 * one by one, and the upper halves of AVX registers only if they are in use, too (compilers clear them by vzeroupper).
 * Invariant: an area is always good for xrstor, whichever way it was filled.
 */
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/mm/uaccess.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/thread.h"
#include "lib/compiler.h"
#include "lib/string.h"

#define XSTATE_X87 1u
#define XSTATE_SSE 2u
#define XSTATE_AVX 4u

#define FPU_ALIGN  64
#define FCW_INIT   0x37f
#define MXCSR_INIT 0x1f80

struct xsave_area {
	uint16_t fcw;
	uint8_t x87_a[22];
	uint32_t mxcsr, mxcsr_mask;
	uint8_t x87_b[128];
	uint8_t xmm[16][16];
	uint8_t rsvd[96];
	uint64_t xstate_bv; /* components that are not in their initial state */
	uint64_t xcomp_bv;  /* 0: standard layout */
	uint8_t header_rest[48];
	uint8_t ymm_high[16][16];
};
_Static_assert(offsetof(struct xsave_area, mxcsr) == 24 && offsetof(struct xsave_area, xmm) == 160 &&
		       offsetof(struct xsave_area, xstate_bv) == 512 && offsetof(struct xsave_area, ymm_high) == 576,
	       "SDM vol 1, 13.4");

size_t fpu_area_bytes(void)
{
	return ALIGN_UP((size_t)boot_info->xsave_bytes, 64);
}

/* Which bits of MXCSR this CPU has (SDM vol 1, 11.6.6): xsave writes it, the quick way does not. */
static uint32_t mxcsr_mask(void)
{
	static uint32_t mask;

	if (mask == 0) {
		struct {
			uint8_t bytes[512];
		} legacy ALIGNED(16);

		memset(&legacy, 0, sizeof(legacy));
		__asm__ volatile("fxsave64 %0" : "+m"(legacy));
		memcpy(&mask, legacy.bytes + offsetof(struct xsave_area, mxcsr_mask), sizeof(mask));
		if (mask == 0)
			mask = 0xffbf;
	}
	return mask;
}

void fpu_init_state(void *area)
{
	struct xsave_area *x = area;

	memset(area, 0, fpu_area_bytes());
	x->fcw = FCW_INIT;
	x->mxcsr = MXCSR_INIT;
	x->mxcsr_mask = mxcsr_mask();
}

bool fpu_tells_use; /* there is x87, SSE and AVX and nothing else, and the CPU says what is in use */

void fpu_init(void)
{
	fpu_tells_use =
		(boot_info->cpu_features & CAY_CPU_XINUSE) && boot_info->xcr0 == (XSTATE_X87 | XSTATE_SSE | XSTATE_AVX);
}

#define ALL_16(m)     m(0) m(1) m(2) m(3) m(4) m(5) m(6) m(7) m(8) m(9) m(10) m(11) m(12) m(13) m(14) m(15)
#define STORE_LOW(n)  "vmovaps %%xmm" #n ", 16*" #n "(%0)\n\t"
#define LOAD_LOW(n)   "vmovaps 16*" #n "(%0), %%xmm" #n "\n\t" /* and clears the upper half */
#define STORE_HIGH(n) "vextractf128 $1, %%ymm" #n ", 16*" #n "(%0)\n\t"
#define LOAD_HIGH(n)  "vinsertf128 $1, 16*" #n "(%0), %%ymm" #n ", %%ymm" #n "\n\t"

static inline void quick_save(struct xsave_area *x, uint32_t used)
{
	__asm__ volatile(ALL_16(STORE_LOW)::"r"(x->xmm) : "memory");
	__asm__ volatile("stmxcsr %0" : "=m"(x->mxcsr));
	if (used & XSTATE_AVX)
		__asm__ volatile(ALL_16(STORE_HIGH)::"r"(x->ymm_high) : "memory");
	x->xstate_bv = XSTATE_SSE | (used & XSTATE_AVX);
	x->xcomp_bv = 0;
}

static inline bool may_quick_restore(const struct xsave_area *x)
{
	return (x->xstate_bv & (XSTATE_X87 | XSTATE_SSE)) == XSTATE_SSE;
}

static inline void quick_restore(const struct xsave_area *x)
{
	__asm__ volatile("ldmxcsr %0" ::"m"(x->mxcsr));
	__asm__ volatile(ALL_16(LOAD_LOW)::"r"(x->xmm) : "memory");
	if (x->xstate_bv & XSTATE_AVX)
		__asm__ volatile(ALL_16(LOAD_HIGH)::"r"(x->ymm_high) : "memory");
}

/* --- straight to a signal frame and back --- */

/* One instruction that may fault on the program's memory: a row of the exception table (uaccess.S). */
#define USER(insn)         "1:\t" insn "\n\t.pushsection __ex_table, \"a\"\n\t.quad 1b, %l[fault]\n\t.popsection\n\t"
#define STORE_LOW_USER(n)  USER("vmovaps %%xmm" #n ", 16*" #n "(%0)")
#define LOAD_LOW_USER(n)   USER("vmovaps 16*" #n "(%0), %%xmm" #n)
#define STORE_HIGH_USER(n) USER("vextractf128 $1, %%ymm" #n ", 16*" #n "(%0)")
#define LOAD_HIGH_USER(n)  USER("vinsertf128 $1, 16*" #n "(%0), %%ymm" #n ", %%ymm" #n)
#define CLEAR_USER(n)      USER("movq $0, 8*" #n "(%0)")

enum fpu_frame fpu_save_user(uint64_t to)
{
	struct xsave_area *x = (struct xsave_area *)to;
	uint32_t used = fpu_in_use(), mxcsr;

	if (used & XSTATE_X87)
		return FPU_FRAME_SLOW;
	if (!user_range(x, sizeof(*x)))
		return FPU_FRAME_FAULT;
	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	__asm__ goto(ALL_16(STORE_LOW_USER)::"r"(x->xmm) : "memory" : fault);
	if (used & XSTATE_AVX)
		__asm__ goto(ALL_16(STORE_HIGH_USER)::"r"(x->ymm_high) : "memory" : fault);
	/* x87's registers, all but the header's first word */
	__asm__ goto(ALL_16(CLEAR_USER) CLEAR_USER(16) CLEAR_USER(17) CLEAR_USER(18) CLEAR_USER(19)::"r"(x)
		     : "memory"
		     : fault);
	__asm__ goto(CLEAR_USER(1) CLEAR_USER(2) CLEAR_USER(3) CLEAR_USER(4) CLEAR_USER(5) CLEAR_USER(6)
			     CLEAR_USER(7)::"r"(&x->xstate_bv)
		     : "memory"
		     : fault);
	if (store_user_u64(x, FCW_INIT) != 0 || store_user_u64(&x->mxcsr, mxcsr | (uint64_t)mxcsr_mask() << 32) != 0 ||
	    store_user_u64(&x->xstate_bv, XSTATE_SSE | (used & XSTATE_AVX)) != 0)
		return FPU_FRAME_FAULT;
	return FPU_FRAME_DONE;
fault:
	return FPU_FRAME_FAULT;
}

enum fpu_frame fpu_restore_user(uint64_t from)
{
	const struct xsave_area *x = (const struct xsave_area *)from;
	uint64_t xstate_bv;
	uint32_t mxcsr;

	if (from % FPU_ALIGN != 0 || !fpu_tells_use)
		return FPU_FRAME_SLOW;
	if (!user_range(x, sizeof(*x)))
		return FPU_FRAME_FAULT;
	if (load_user_u64(&xstate_bv, &x->xstate_bv) != 0 || load_user_u32(&mxcsr, &x->mxcsr) != 0)
		return FPU_FRAME_FAULT;
	if ((xstate_bv & ~(uint64_t)XSTATE_AVX) != XSTATE_SSE || (fpu_in_use() & XSTATE_X87))
		return FPU_FRAME_SLOW;
	mxcsr &= mxcsr_mask(); /* a reserved bit is an exception */
	__asm__ volatile("ldmxcsr %0" ::"m"(mxcsr));
	__asm__ goto(ALL_16(LOAD_LOW_USER)::"r"(x->xmm) : "memory" : fault);
	if (xstate_bv & XSTATE_AVX)
		__asm__ goto(ALL_16(LOAD_HIGH_USER)::"r"(x->ymm_high) : "memory" : fault);
	return FPU_FRAME_DONE;
fault:
	return FPU_FRAME_FAULT;
}

void fpu_begin_handler(struct thread *t, bool x87_unused)
{
	static const uint32_t mxcsr = MXCSR_INIT;

	if (x87_unused) {
		__asm__ volatile("ldmxcsr %0" ::"m"(mxcsr));
		__asm__ volatile("vzeroall");
	} else {
		fpu_init_state(t->fpu);
		fpu_restore(t);
	}
}

/* --- between threads --- */

static void full_save(void *area)
{
	if (boot_info->cpu_features & CAY_CPU_XSAVE) /* not xsaveopt: others have written to the area */
		__asm__ volatile("xsave64 (%0)" ::"r"(area), "a"(-1), "d"(-1) : "memory");
	else
		__asm__ volatile("fxsave64 (%0)" ::"r"(area) : "memory");
}

static void full_restore(const void *area)
{
	if (boot_info->cpu_features & CAY_CPU_XSAVE)
		__asm__ volatile("xrstor64 (%0)" ::"r"(area), "a"(-1), "d"(-1) : "memory");
	else
		__asm__ volatile("fxrstor64 (%0)" ::"r"(area) : "memory");
}

void fpu_save(struct thread *t)
{
	uint32_t used = fpu_in_use();

	if (!(used & XSTATE_X87))
		quick_save(t->fpu, used);
	else
		full_save(t->fpu);
}

void fpu_restore(struct thread *t)
{
	if (may_quick_restore(t->fpu) && !(fpu_in_use() & XSTATE_X87))
		quick_restore(t->fpu);
	else
		full_restore(t->fpu);
}

void fpu_switch(struct thread *from, struct thread *to, uint32_t used)
{
	if (may_quick_restore(to->fpu) && !(used & XSTATE_X87)) {
		quick_save(from->fpu, used);
		quick_restore(to->fpu);
	} else {
		full_save(from->fpu);
		full_restore(to->fpu);
	}
}
