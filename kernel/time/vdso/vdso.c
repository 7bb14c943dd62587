/* SPDX-License-Identifier: MIT */
/*
 * vdso.c - code that the kernel maps into each program: clocks without a system call. Built as a shared object of its
 * own (vdso.lds) and runs as part of the program. Its data is the vCPU page, mapped read-only in the page before it.
 * For clocks that only the kernel knows (CPU time) it makes the system call itself: C libraries rely on that.
 */
#include <asm/unistd.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "abi/vcpu_page.h"
#include "kernel/arch/x86_64/offsets.h"
#include "lib/compiler.h"

#define EXPORT       __attribute__((visibility("default")))
#define NSEC_PER_SEC 1000000000ull
#define PAGE_BYTES   4096

struct vdso_timeval {
	int64_t sec, usec;
};
struct vdso_timezone {
	int32_t minutes_west, dst;
};

EXPORT long __vdso_clock_gettime(int clockid, struct timespec *ts);
EXPORT long __vdso_clock_getres(int clockid, struct timespec *ts);
EXPORT long __vdso_gettimeofday(struct vdso_timeval *tv, struct vdso_timezone *tz);
EXPORT long __vdso_time(int64_t *t);
EXPORT long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused);

static const struct cay_vcpu_page *vcpu_page(void)
{
	const char *image;

	/* The linker's name for the first byte of this image; by assembly, because C sees an array that starts there.
	 */
	__asm__(".hidden __ehdr_start; lea __ehdr_start(%%rip), %0" : "=r"(image));
	return (const struct cay_vcpu_page *)(const void *)(image - PAGE_BYTES);
}

static long kernel_call(long nr, long a, long b)
{
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(a), "S"(b) : "rcx", "r11", "memory");
	return result;
}

/* rdtsc that does not overtake the loads before it (SDM vol 2, RDTSC). */
static uint64_t ordered_tsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi)::"memory");
	return lo | (uint64_t)hi << 32;
}

static uint64_t now_ns(const uint64_t *base_ns)
{
	const struct cay_vcpu_page *p = vcpu_page();

	for (;;) {
		uint32_t seq = READ_ONCE(p->clock_seq);
		int64_t ticks;
		uint64_t ns;

		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		ticks = (int64_t)(ordered_tsc() - READ_ONCE(p->clock_base_tsc));
		if (ticks < 0)
			ticks = 0;
		ns = READ_ONCE(*base_ns) +
		     (uint64_t)(((unsigned __int128)(uint64_t)ticks * READ_ONCE(p->clock_mult)) >> 32);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if ((seq & 1) == 0 && READ_ONCE(p->clock_seq) == seq)
			return ns;
	}
}

/* Where the clock's base lies, or NULL: not one of ours. */
static const uint64_t *base_of(int clockid)
{
	const struct cay_vcpu_page *p = vcpu_page();

	switch (clockid) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_TAI:
		return &p->clock_real_ns;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		return &p->clock_mono_ns;
	default:
		return NULL;
	}
}

long __vdso_clock_gettime(int clockid, struct timespec *ts)
{
	const uint64_t *base_ns = base_of(clockid);
	uint64_t ns;

	if (base_ns == NULL)
		return kernel_call(__NR_clock_gettime, clockid, (long)ts);
	ns = now_ns(base_ns);
	ts->tv_sec = (time_t)(ns / NSEC_PER_SEC);
	ts->tv_nsec = (long)(ns % NSEC_PER_SEC);
	return 0;
}

long __vdso_clock_getres(int clockid, struct timespec *ts)
{
	if (base_of(clockid) == NULL)
		return kernel_call(__NR_clock_getres, clockid, (long)ts);
	if (ts != NULL)
		*ts = (struct timespec){0, 1};
	return 0;
}

long __vdso_gettimeofday(struct vdso_timeval *tv, struct vdso_timezone *tz)
{
	uint64_t ns = now_ns(base_of(CLOCK_REALTIME));

	if (tv != NULL)
		*tv = (struct vdso_timeval){(int64_t)(ns / NSEC_PER_SEC), (int64_t)(ns % NSEC_PER_SEC / 1000)};
	if (tz != NULL)
		*tz = (struct vdso_timezone){0, 0};
	return 0;
}

long __vdso_time(int64_t *t)
{
	int64_t sec = (int64_t)(now_ns(base_of(CLOCK_REALTIME)) / NSEC_PER_SEC);

	if (t != NULL)
		*t = sec;
	return sec;
}

/* The GS base is the CPU's own page, in programs, too. */
long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused)
{
	(void)unused;
	if (cpu != NULL)
		__asm__ volatile("movl %%gs:%c1, %0" : "=r"(*cpu) : "i"(CPU_ID));
	if (node != NULL)
		*node = 0;
	return 0;
}
