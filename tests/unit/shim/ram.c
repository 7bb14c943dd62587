/* SPDX-License-Identifier: MIT */
/* ram.c - zeroed memory at the place of the direct map, for tests that run the real page allocator. */
#include <stdlib.h>
#include <sys/mman.h>

#include "abi/boot_info.h"
#include "abi/layout.h"
#include "kernel/sched/klock.h"
#include "shim.h"

/* A VM under KVM: no functions of a stub. */
static const struct cay_boot_info kvm_boot_info;
__attribute__((weak)) const struct cay_boot_info *const boot_info = &kvm_boot_info;

/* kernel/mm/percpu.h, kernel/sched/klock.h: one CPU, so no kernel lock */
bool smp_active;
__thread unsigned shim_cpu;

void klock_take(void)
{
}

void klock_release(void)
{
}

void shim_ram(size_t bytes)
{
	static size_t mapped;
	void *want = (void *)CAY_DIRECT_GVA;

	if (mapped != 0)
		munmap(want, mapped);
	if (mmap(want, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
		 -1, 0) != want)
		abort();
	mapped = bytes;
}
