/* SPDX-License-Identifier: MIT */
/*
 * clock.c - the rate comes from the backend: KVM knows it, else it is measured since the start. The host's
 * CLOCK_MONOTONIC is slewed by NTP, so now and then the guest's rate is bent a little to meet it: the guest's clock
 * never jumps and never goes back.
 */
#include "vmm/core/clock.h"

#include <x86intrin.h>

#include "vmm/core/timing.h"

static uint64_t real_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

#define CLOCK_REFRESH_NS   1000000000ULL
#define CLOCK_BEND_MAX_PPM 1000

struct clock_sample clock_sample_take(void)
{
	struct clock_sample best = {0};
	uint64_t best_cost = UINT64_MAX;

	for (int i = 0; i < 4; i++) {
		struct clock_sample s;
		uint64_t before = __rdtsc(), after;

		s.mono_ns = timing_now_ns();
		after = __rdtsc();
		s.real_ns = real_ns();
		s.tsc = before + (after - before) / 2;
		if (after - before < best_cost) {
			best_cost = after - before;
			best = s;
		}
	}
	return best;
}

uint64_t clock_estimate_khz(const struct vm *vm)
{
	struct clock_sample now = clock_sample_take();
	uint64_t ns = now.mono_ns - vm->first_sample.mono_ns, ticks = now.tsc - vm->first_sample.tsc;

	return (uint64_t)((unsigned __int128)ticks * 1000000 / MAX(ns, 1ull));
}

static void publish(struct vm *vm, const struct clock_sample *s, uint32_t mult)
{
	struct cay_vcpu_page *page = vm->vcpu[0].page;
	uint32_t seq = vm->clock_seq;

	WRITE_ONCE(page->clock_seq, seq + 1);
	atomic_thread_fence(memory_order_release);
	page->clock_mult = mult;
	page->clock_base_tsc = s->tsc;
	page->clock_mono_ns = s->mono_ns;
	page->clock_real_ns = s->real_ns;
	page->tsc_khz = mult != 0 ? (1000000ULL << 32) / mult : 0;
	atomic_thread_fence(memory_order_release);
	WRITE_ONCE(page->clock_seq, seq + 2);
	vm->clock_seq = seq + 2;
}

static uint32_t nominal_mult(const struct vm *vm)
{
	return (uint32_t)((1000000ULL << 32) / vm->tsc_khz);
}

void clock_publish(struct vm *vm)
{
	struct clock_sample s = clock_sample_take();

	publish(vm, &s, nominal_mult(vm));
	vm->clock_base = (struct vm_clock_base){.tsc = s.tsc, .mono_ns = s.mono_ns, .mult = nominal_mult(vm)};
}

void clock_refresh(struct vm *vm)
{
	struct vm_clock_base *base = &vm->clock_base;
	struct clock_sample s;
	uint64_t guest_ns;
	int64_t error_ns, bend_ppm;

	if (timing_now_ns() - base->mono_ns < CLOCK_REFRESH_NS)
		return;
	if (vm->tsc_is_estimated) /* the longer ago the first sample, the better */
		vm->tsc_khz = clock_estimate_khz(vm);
	s = clock_sample_take();
	guest_ns = base->mono_ns + (uint64_t)(((unsigned __int128)(s.tsc - base->tsc) * base->mult) >> 32);
	error_ns = (int64_t)(s.mono_ns - guest_ns);
	/* Made good within about two periods; a host that slept may be far ahead and then takes long, without a jump.
	 */
	bend_ppm = error_ns * 1000000 / (2 * (int64_t)CLOCK_REFRESH_NS);
	bend_ppm = MAX(-CLOCK_BEND_MAX_PPM, MIN(CLOCK_BEND_MAX_PPM, bend_ppm));
	base->tsc = s.tsc;
	base->mono_ns = guest_ns;
	base->mult = (uint32_t)((int64_t)nominal_mult(vm) * (1000000 + bend_ppm) / 1000000);
	s.real_ns = guest_ns + (s.real_ns - s.mono_ns);
	s.mono_ns = guest_ns;
	publish(vm, &s, base->mult);
}
