/* SPDX-License-Identifier: MIT */
/*
 * report_timing.c - the timeline of --timing. The VMM's points are clock readings; the guest's are TSC values, brought
 * to the same clock by the scale that the VMM published (its private copy).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cli/report.h"
#include "vmm/core/vm.h"

struct point {
	uint64_t ns;
	const char *key;  /* in JSON */
	const char *text; /* for people */
};

static const struct {
	const char *key, *text;
} host_points[VM_T_NR] = {
	[VM_T_EXEC] = {"exec", "cay started (from its CPU time; fork and exec included)"},
	[VM_T_MAIN] = {"main", "main() reached: kernel's exec and dynamic loader are done"},
	[VM_T_OPTIONS] = {"options", "options read, program found"},
	[VM_T_CREATED] = {"created", "VM and vCPU created"},
	[VM_T_MEMORY] = {"memory", "guest memory attached"},
	[VM_T_LOADED] = {"loaded", "kernel and page tables in guest memory"},
	[VM_T_DEVICES] = {"devices", "devices and shares set up"},
	[VM_T_SANDBOX] = {"sandbox", "sandbox closed"},
	[VM_T_FIRST_RUN] = {"first_run", "first guest instruction"},
	[VM_T_EXITED] = {"exited", "VMM told that the program ended"},
	[VM_T_TORN_DOWN] = {"torn_down", "everything taken down"},
};

static const struct {
	const char *key, *text;
} guest_points[CAY_T_NR] = {
	[CAY_T_KERNEL_ENTRY] = {"kernel_entry", "  kernel entry"},
	[CAY_T_MM_READY] = {"mm_ready", "  memory management ready"},
	[CAY_T_FS_READY] = {"fs_ready", "  file systems mounted"},
	[CAY_T_EXEC_START] = {"exec_start", "  loading the program"},
	[CAY_T_PROGRAM_ENTRY] = {"program_entry", "  program's first instruction"},
	[CAY_T_PROGRAM_EXIT] = {"program_exit", "  program ended"},
};

#define POINTS_MAX (VM_T_NR + CAY_T_NR)

static uint64_t tsc_to_ns(const struct vm *vm, uint64_t tsc)
{
	const struct vm_clock_base *c = &vm->clock_base;
	__int128 ticks = (__int128)tsc - c->tsc;

	return (uint64_t)((__int128)c->mono_ns + ((ticks * c->mult) >> 32));
}

static int by_time(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	return x->ns < y->ns ? -1 : x->ns > y->ns;
}

/* Points that happened, in order of time. */
static unsigned collect(const struct vm *vm, struct point *points)
{
	unsigned n = 0;

	for (unsigned i = 0; i < VM_T_NR; i++)
		if (vm->timing[i])
			points[n++] = (struct point){vm->timing[i], host_points[i].key, host_points[i].text};
	for (unsigned i = 0; vm->stats && vm->clock_base.mult && i < CAY_T_NR; i++) {
		uint64_t tsc = READ_ONCE(vm->stats->timing_tsc[i]);

		if (tsc)
			points[n++] = (struct point){tsc_to_ns(vm, tsc), guest_points[i].key, guest_points[i].text};
	}
	qsort(points, n, sizeof(*points), by_time);
	return n;
}

void report_timing(FILE *to, const struct vm *vm)
{
	struct point points[POINTS_MAX];
	unsigned n = collect(vm, points);

	fprintf(to, "cay: %9s %9s\n", "us", "step");
	for (unsigned i = 0; i < n; i++)
		fprintf(to, "cay: %9" PRIu64 " %9" PRIu64 "  %s\n", (points[i].ns - points[0].ns) / 1000,
			i ? (points[i].ns - points[i - 1].ns) / 1000 : 0, points[i].text);
}

void report_timing_json(FILE *to, const struct vm *vm)
{
	struct point points[POINTS_MAX];
	unsigned n = collect(vm, points);

	for (unsigned i = 0; i < n; i++)
		fprintf(to, "%s\"%s\": %" PRIu64 ".%03u", i ? ", " : "", points[i].key,
			(points[i].ns - points[0].ns) / 1000, (unsigned)((points[i].ns - points[0].ns) % 1000));
}
