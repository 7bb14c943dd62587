/* SPDX-License-Identifier: MIT */
/* command_flags.h - flags of the commands other than run: a few each, read by getopt_long. Flags may stand behind
 * names. */
#ifndef CAY_VMM_CLI_COMMAND_FLAGS_H
#define CAY_VMM_CLI_COMMAND_FLAGS_H

#include <stdbool.h>

#include "lib/compiler.h"

struct command_flag {
	char short_name; /* 0 = none */
	const char *name;
	bool *set;           /* a flag alone, or */
	const char **value;  /* one with a value, */
	const char *metavar; /* which the help calls so */
	const char *help;
};

struct command_usage {
	const char *synopsis;             /* "ps [--json]" */
	const char *text;                 /* what it does, one line or more, each with its newline */
	const struct command_flag *flags; /* ends with a name of NULL; --help is there always */
	unsigned min_names, max_names;
};

/*
 * Reads the flags; argv[0] is the command's name. Returns the index of the first name, argv being reordered so that
 * names come last; or -1 with *status to end with (help was printed, or the reason for refusing said).
 */
MUST_CHECK int command_flags_parse(const struct command_usage *u, int argc, char **argv, int *status);

/* A number of seconds, with an optional fraction, up to a day, in nanoseconds; false after a message naming `flag`. */
MUST_CHECK bool command_flags_seconds(const char *flag, const char *value, long long *ns);

#endif
