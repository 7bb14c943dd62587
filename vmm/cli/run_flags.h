/* SPDX-License-Identifier: MIT */
/*
 * run_flags.h - the flags of `cay run`: one table, from which getopt_long's tables, the help text and the unit tests
 * come.
 */
#ifndef CAY_VMM_CLI_RUN_FLAGS_H
#define CAY_VMM_CLI_RUN_FLAGS_H

enum flag_arg { FLAG_ALONE, FLAG_VALUE, FLAG_OPTIONAL_VALUE };

enum flag_id {
	FLAG_ROOT = 256, /* above every short flag */
	FLAG_VOLUME,
	FLAG_ENV,
	FLAG_ENV_FILE,
	FLAG_WORKDIR,
	FLAG_USER,
	FLAG_HOSTNAME,
	FLAG_MEMORY,
	FLAG_CPUS,
	FLAG_PUBLISH,
	FLAG_NET,
	FLAG_PCAP,
	FLAG_DISK,
	FLAG_NAME,
	FLAG_DETACH,
	FLAG_RM,
	FLAG_INTERACTIVE,
	FLAG_TTY,
	FLAG_IO_CORE,
	FLAG_BACKEND,
	FLAG_STRACE,
	FLAG_STATS,
	FLAG_TIMING,
	FLAG_INIT,
	FLAG_MISSING_FILES,
	FLAG_GDB,
	FLAG_QUIET,
	FLAG_VERBOSE,
	FLAG_HELP,
	FLAG_END
};

struct flag {
	enum flag_id id;
	char short_name; /* 0 = none */
	const char *name;
	enum flag_arg arg;
	const char *value; /* what the value is called in the help */
	const char *help;
};

/* In the order of the help; ends with id FLAG_END. */
extern const struct flag run_flags[];

enum flag_error { FLAG_OK, FLAG_DONE, FLAG_UNKNOWN, FLAG_NEEDS_VALUE, FLAG_TAKES_NO_VALUE };

/* What the next flag on the command line is. token is it as typed, for messages; value is NULL when there is none. */
struct flag_match {
	const struct flag *flag;
	const char *token;
	const char *value;
};

/* Call flags_start once, then flags_next until FLAG_DONE; flags_rest is then the index of the first positional. */
void flags_start(void);
enum flag_error flags_next(int argc, char **argv, struct flag_match *match);
int flags_rest(void);

/* The known long name nearest to a mistyped token ("--memroy"), or NULL when none is near. */
const char *flags_suggest(const char *token);

#endif
