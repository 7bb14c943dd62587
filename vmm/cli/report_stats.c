/* SPDX-License-Identifier: MIT */
/* report_stats.c - the counters of --stats, as a table or as JSON. */
#include <inttypes.h>

#include "vmm/cli/report.h"
#include "vmm/core/counters.h"
#include "vmm/core/vm.h"

/* All that is printed. */
struct shown {
	struct counter host[COUNTERS_MAX], net[COUNTERS_MAX], guest[COUNTERS_MAX];
	unsigned nr_host, nr_net, nr_guest;
	struct cay_stats stats;
	struct counted_call calls[COUNTED_CALLS];
	unsigned nr_calls;
};

static void print_rows(FILE *to, const struct counter *rows, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		fprintf(to, "cay: %-40s %12" PRIu64 "\n", rows[i].text, rows[i].value);
}

static void print_table(FILE *to, const struct vm *vm, const struct shown *s)
{
	const struct vm_counters *c = &vm->counters;
	const uint64_t *guest = s->stats.counter;
	uint64_t syscalls = guest[CAY_C_SYSCALLS], exits = c->exits_gate + c->exits_kick + c->exits_other;
	uint64_t frames = guest[CAY_C_NET_SENT] + guest[CAY_C_NET_RECEIVED];
	char buf[16];

	print_rows(to, s->host, s->nr_host);
	print_rows(to, s->net, s->nr_net);
	print_rows(to, s->guest, s->nr_guest);
	if (syscalls) {
		fprintf(to, "cay: %-40s %12.3f\n", "system calls made as function calls, %",
			100.0 - 100.0 * (double)guest[CAY_C_SYSCALL_TRAPS] / (double)syscalls);
		fprintf(to, "cay: %-40s %12.3f\n", "exits per system call", (double)exits / (double)syscalls);
	}
	if (frames)
		fprintf(to, "cay: %-40s %12.3f\n", "exits per frame", (double)exits / (double)frames);
	for (unsigned i = 0; i < s->nr_calls; i++)
		fprintf(to, "cay:   %-38s %12" PRIu32 "%s\n", counters_call_name(s->calls[i].nr, buf),
			s->calls[i].count,
			counters_call_is_absent(&s->stats, s->calls[i].nr) ? "  not available in cay" : "");
}

static void print_json_rows(FILE *to, const struct counter *rows, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		fprintf(to, "%s\"%s\": %" PRIu64, i ? ", " : "", rows[i].key, rows[i].value);
}

static void print_json(FILE *to, const struct vm *vm, const struct shown *s)
{
	const char *comma = "";
	char buf[16];

	fprintf(to, "{\"host\": {");
	print_json_rows(to, s->host, s->nr_host);
	fprintf(to, "},\n \"net\": {");
	print_json_rows(to, s->net, s->nr_net);
	fprintf(to, "},\n \"guest\": {");
	print_json_rows(to, s->guest, s->nr_guest);
	fprintf(to, "},\n \"calls\": {");
	for (unsigned i = 0; i < s->nr_calls; i++)
		fprintf(to, "%s\"%s\": %" PRIu32, i ? ", " : "", counters_call_name(s->calls[i].nr, buf),
			s->calls[i].count);
	fprintf(to, "},\n \"absent_calls\": [");
	for (unsigned i = 0; i < COUNTED_CALLS; i++)
		if (counters_call_is_absent(&s->stats, i)) {
			fprintf(to, "%s\"%s\"", comma, counters_call_name(i, buf));
			comma = ", ";
		}
	fprintf(to, "],\n \"timing_us\": {");
	report_timing_json(to, vm);
	fprintf(to, "}}\n");
}

void report_stats(FILE *to, const struct vm *vm, bool json)
{
	struct shown s;

	counters_copy_guest(vm, &s.stats);
	s.nr_host = counters_host(vm, s.host);
	s.nr_net = counters_net(vm, s.net);
	s.nr_guest = counters_guest(&s.stats, s.guest);
	s.nr_calls = counters_calls(&s.stats, s.calls);
	if (json)
		print_json(to, vm, &s);
	else
		print_table(to, vm, &s);
}
