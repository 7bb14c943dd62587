/* SPDX-License-Identifier: MIT */
/*
 * clock.c - the clocks, from the TSC and the scale that the VMM keeps in the vCPU page (abi/vcpu_page.h).
 * The VMM may change the scale at any time (a resumed VM): the sequence number says when to read again.
 */
#include "abi/layout.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/time/clock.h"
#include "lib/compiler.h"

/* One for all CPUs, so that they agree. */
#define CLOCK_PAGE ((const struct cay_vcpu_page *)(CAY_DIRECT_GVA + CAY_VCPU_GPA))

static uint64_t boot_ns; /* CLOCK_MONOTONIC at the first question */

static uint64_t scaled_ns(const struct cay_vcpu_page *p, const uint64_t *base_ns)
{
	uint32_t seq;
	uint64_t ns;

	for (;;) {
		seq = READ_ONCE(p->clock_seq);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		/* A TSC slightly behind the base (another CPU's) counts as no time, not as centuries. */
		int64_t ticks = (int64_t)(rdtsc() - READ_ONCE(p->clock_base_tsc));

		if (ticks < 0)
			ticks = 0;
		ns = READ_ONCE(*base_ns) +
		     (uint64_t)(((unsigned __int128)(uint64_t)ticks * READ_ONCE(p->clock_mult)) >> 32);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if ((seq & 1) == 0 && READ_ONCE(p->clock_seq) == seq)
			return ns;
		cpu_relax();
	}
}

uint64_t clock_monotonic_ns(void)
{
	const struct cay_vcpu_page *p = CLOCK_PAGE;

	return scaled_ns(p, &p->clock_mono_ns);
}

uint64_t clock_realtime_ns(void)
{
	const struct cay_vcpu_page *p = CLOCK_PAGE;

	return scaled_ns(p, &p->clock_real_ns);
}

uint64_t clock_boot_ns(void)
{
	uint64_t now = clock_monotonic_ns();

	if (boot_ns == 0)
		boot_ns = now;
	return now - boot_ns;
}
