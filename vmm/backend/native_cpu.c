/* SPDX-License-Identifier: MIT */
#include "vmm/backend/native_cpu.h"

#include <cpuid.h>

#define CPUID7_ERMS     (1u << 9)
#define CPUID_D1_XINUSE (1u << 2) /* xgetbv with ecx = 1: SDM vol 1, 13.2 */

/*
 * What this CPU says about saving vector registers. A KVM without VT-x or AMD-V runs CPL 3 natively: programs there see
 * the CPU's own CPUID and use AVX even if KVM's list has no XSAVE, so the guest's kernel must save what the CPU has,
 * not what the list says.
 */
uint32_t native_xsave(uint64_t *xcr0, uint32_t *bytes)
{
	uint32_t eax, ebx, ecx, edx, low, high, features = CAY_CPU_XSAVE;

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE))
		return 0;
	__asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	if (!__get_cpuid_count(0xd, 0, &eax, &ebx, &ecx, &edx))
		return 0;
	*xcr0 = (uint64_t)high << 32 | low;
	*bytes = ebx; /* for what XCR0 has enabled */
	if (__get_cpuid_count(0xd, 1, &eax, &ebx, &ecx, &edx))
		features |= (eax & bit_XSAVEOPT ? CAY_CPU_XSAVEOPT : 0) | (eax & bit_XSAVEC ? CAY_CPU_XSAVEC : 0) |
			    (eax & CPUID_D1_XINUSE ? CAY_CPU_XINUSE : 0);
	return features;
}

void native_cpu_describe(struct cay_boot_info *bi)
{
	uint32_t eax, ebx, ecx, edx, features = 0;

	if (__get_cpuid(1, &eax, &ebx, &ecx, &edx)) {
		bi->hwcap = edx;
		features |= ecx & bit_RDRND ? CAY_CPU_RDRAND : 0;
	}
	if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
		features |= ebx & bit_FSGSBASE ? CAY_CPU_FSGSBASE : 0;
		features |= ebx & CPUID7_ERMS ? CAY_CPU_ERMS : 0;
	}
	bi->xcr0 = 3; /* x87, SSE */
	bi->xsave_bytes = 512 + 64;
	bi->cpu_features = features | native_xsave(&bi->xcr0, &bi->xsave_bytes);
}
