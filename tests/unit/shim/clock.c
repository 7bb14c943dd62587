/* SPDX-License-Identifier: MIT */
/* clock.c - kernel/time/clock.h's clocks on the host: time stands still until the test moves it. */
#include "kernel/time/clock.h"
#include "shim.h"

static uint64_t mono_ns = NSEC_PER_SEC;

void shim_clock_set(uint64_t ns)
{
	mono_ns = ns;
}

uint64_t clock_monotonic_ns(void)
{
	return mono_ns;
}

uint64_t clock_realtime_ns(void)
{
	return mono_ns + 1700000000ull * NSEC_PER_SEC;
}

uint64_t clock_boot_ns(void)
{
	return mono_ns - NSEC_PER_SEC;
}
