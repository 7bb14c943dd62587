/* SPDX-License-Identifier: MIT */
/* report.c - which report goes where. */
#include "vmm/cli/report.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "vmm/cli/run_options.h"
#include "vmm/core/log.h"
#include "vmm/core/vm.h"

static bool ends_in_json(const char *name)
{
	size_t len = strlen(name);

	return len >= 5 && strcmp(name + len - 5, ".json") == 0;
}

static int stats_to_file(const struct vm *vm)
{
	FILE *to = fdopen(vm->opt->stats_fd, "w");
	static char buffer[BUFSIZ];
	bool failed;

	if (to == NULL)
		return -errno;
	/* Else the library asks whether it is a terminal, which the sandbox forbids. */
	setvbuf(to, buffer, _IOFBF, sizeof(buffer));
	report_stats(to, vm, ends_in_json(vm->opt->stats_file));
	failed = ferror(to) != 0;
	return fclose(to) != 0 || failed ? -errno : 0;
}

void report_print(const struct vm *vm)
{
	const struct run_options *opt = vm->opt;

	if (opt->timing)
		report_timing(stderr, vm);
	if (opt->stats && opt->stats_fd < 0)
		report_stats(stderr, vm, false);
	if (opt->stats && opt->stats_fd >= 0) {
		int err = stats_to_file(vm);

		if (err != 0)
			log_error("--stats=%s: cannot write: %s", opt->stats_file, strerror(-err));
	}
}
