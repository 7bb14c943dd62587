/* SPDX-License-Identifier: MIT */
/* report.c - which report goes where. */
#include "vmm/cli/report.h"

#include <string.h>
#include <unistd.h>

#include "vmm/cli/run_options.h"
#include "vmm/core/vm.h"

static bool ends_in_json(const char *name)
{
	size_t len = strlen(name);

	return len >= 5 && strcmp(name + len - 5, ".json") == 0;
}

void report_print(const struct vm *vm)
{
	const struct run_options *opt = vm->opt;

	if (opt->timing)
		report_timing(stderr, vm);
	if (opt->stats && opt->stats_fd < 0)
		report_stats(stderr, vm, false);
	if (opt->stats && opt->stats_fd >= 0) {
		FILE *to = fdopen(opt->stats_fd, "w");

		if (!to)
			return;
		report_stats(to, vm, ends_in_json(opt->stats_file));
		fclose(to);
	}
}
