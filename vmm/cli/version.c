/* SPDX-License-Identifier: MIT */
/* version.c - `cay version [--json]`. */
#include "vmm/cli/version.h"

#include <stdio.h>
#include <string.h>

#include "abi/boot_info.h"
#include "vmm/cli/run_options.h"
#include "vmm/cli/say.h"

int wants_json(int argc, char **argv)
{
	if (argc < 2)
		return 0;
	if (argc == 2 && strcmp(argv[1], "--json") == 0)
		return 1;
	say_error("cay %s takes no argument but --json", argv[0]);
	return -1;
}

int version(int argc, char **argv)
{
	int json = wants_json(argc, argv);

	if (json < 0)
		return RUN_EXIT_OURS;
	printf(json ? "{\"version\": \"%s\", \"abi\": %u}\n" : "cay %s (guest ABI %u)\n", CAY_VERSION, CAY_ABI_VERSION);
	return 0;
}
