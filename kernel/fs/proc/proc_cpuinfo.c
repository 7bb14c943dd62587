/* SPDX-License-Identifier: MIT */
/* proc_cpuinfo.c - /proc/cpuinfo, from cpuid. Each cpuid is an exit (8 us), so it is asked only when somebody reads. */
#include <cpuid.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/plat/cay/boot.h"
#include "lib/string.h"

struct leaf {
	unsigned a, b, c, d;
};

static struct leaf cpuid(unsigned leaf)
{
	struct leaf l = {0};

	__cpuid_count(leaf, 0, l.a, l.b, l.c, l.d);
	return l;
}

/* Names by bit, 0 to 31, of the registers that programs look at; NULL: not shown. */
static const char *const flags_1d[32] = {
	"fpu", "vme",  "de",   "pse", "tsc",  "msr", "pae",   "mce", "cx8",     "apic", NULL,
	"sep", "mtrr", "pge",  "mca", "cmov", "pat", "pse36", NULL,  "clflush", NULL,   NULL,
	NULL,  "mmx",  "fxsr", "sse", "sse2", NULL,  "ht",    NULL,  NULL,      NULL,
};
static const char *const flags_1c[32] = {
	"pni",    "pclmulqdq",  NULL,    NULL,     NULL,
	NULL,     NULL,         NULL,    NULL,     "ssse3",
	NULL,     NULL,         "fma",   "cx16",   NULL,
	NULL,     NULL,         "pcid",  NULL,     "sse4_1",
	"sse4_2", "x2apic",     "movbe", "popcnt", "tsc_deadline_timer",
	"aes",    "xsave",      NULL,    "avx",    "f16c",
	"rdrand", "hypervisor",
};
static const char *const flags_7b[32] = {
	"fsgsbase", NULL,       NULL,      "bmi1", NULL,       "avx2",       NULL,       "smep",
	"bmi2",     "erms",     "invpcid", NULL,   NULL,       NULL,         NULL,       NULL,
	"avx512f",  "avx512dq", "rdseed",  "adx",  "smap",     "avx512ifma", NULL,       "clflushopt",
	"clwb",     NULL,       NULL,      NULL,   "avx512cd", "sha_ni",     "avx512bw", "avx512vl",
};
static const char *const flags_81c[32] = {[0] = "lahf_lm", [5] = "abm", [6] = "sse4a", [8] = "3dnowprefetch"};
static const char *const flags_81d[32] = {
	[11] = "syscall", [20] = "nx", [26] = "pdpe1gb", [27] = "rdtscp", [29] = "lm"};

static void show_flags(struct text *t, unsigned bits, const char *const names[32])
{
	for (unsigned i = 0; i < 32; i++)
		if ((bits & 1u << i) && names[i] != NULL)
			text_printf(t, " %s", names[i]);
}

/* What is the same for every CPU: from "flags" to the end. */
static void show_features(struct text *t, const struct leaf *one)
{
	struct leaf seven = cpuid(7), ext = cpuid(0x80000001);

	text_puts(t, "flags\t\t:");
	show_flags(t, one->d, flags_1d);
	show_flags(t, ext.d, flags_81d);
	text_puts(t, " constant_tsc rep_good nopl nonstop_tsc");
	show_flags(t, one->c, flags_1c);
	show_flags(t, ext.c, flags_81c);
	show_flags(t, seven.b, flags_7b);
	text_puts(t, "\nbugs\t\t:\n");
}

static void read_brand(char brand[49])
{
	for (unsigned i = 0; i < 3; i++) {
		struct leaf l = cpuid(0x80000002 + i);
		memcpy(brand + 16 * i, &l, 16);
	}
	brand[48] = '\0';
}

int proc_show_cpuinfo(uint64_t id, struct text *t)
{
	struct leaf zero = cpuid(0), one = cpuid(1);
	unsigned family = one.a >> 8 & 15, model = one.a >> 4 & 15;
	char brand[49], vendor[13] = {0};
	struct text features = {0};
	unsigned long long khz = cpu_by_id(0)->vcpu->tsc_khz;

	(void)id;
	if (family == 15)
		family += one.a >> 20 & 0xff;
	if (family >= 6)
		model |= one.a >> 12 & 0xf0;
	memcpy(vendor, &zero.b, 4);
	memcpy(vendor + 4, &zero.d, 4);
	memcpy(vendor + 8, &zero.c, 4);
	read_brand(brand);
	const char *name = brand;
	while (*name == ' ')
		name++;
	show_features(&features, &one);
	for (uint32_t i = 0; i < boot_info->nr_cpus; i++) {
		text_printf(t,
			    "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: "
			    "%s\nstepping\t: %u\n",
			    i, vendor, family, model, name, one.a & 15);
		text_printf(t,
			    "cpu MHz\t\t: %llu.%03llu\nphysical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: "
			    "%u\napicid\t\t: %u\n",
			    khz / 1000, khz % 1000, boot_info->nr_cpus, i, boot_info->nr_cpus, i);
		text_printf(t, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\n", zero.a);
		if (features.buf != NULL)
			text_add(t, features.buf, features.len);
		text_printf(t,
			    "bogomips\t: %llu.%02llu\nclflush size\t: %u\ncache_alignment\t: 64\naddress sizes\t: 39 "
			    "bits physical, 48 bits virtual\n\n",
			    khz / 500, khz % 500 / 5, (one.b >> 8 & 0xff) * 8);
	}
	if (features.failed)
		t->failed = true;
	text_free(&features);
	return 0;
}
