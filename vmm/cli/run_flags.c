/* SPDX-License-Identifier: MIT */
/*
 * run_flags.c - the table of flags and its reading by getopt_long.
 * getopt_long rather than argp: errors must be one line in our form, and argp prints two of its own.
 * Abbreviated long flags are refused, because a flag added later would change what a script's abbreviation means.
 */
#include "vmm/cli/run_flags.h"

#include <getopt.h>
#include <stdbool.h>
#include <string.h>

#include "vmm/cli/distance.h"

const struct flag run_flags[] = {
	{FLAG_ROOT, 0, "root", FLAG_VALUE, "DIR",
	 "root file system from a host folder; the program's writes go to memory and vanish at exit"},
	{FLAG_VOLUME, 'v', "volume", FLAG_VALUE, "HOST:GUEST[:ro]",
	 "show a host folder or file in the guest; without :ro the program can write to it"},
	{FLAG_ENV, 'e', "env", FLAG_VALUE, "K[=V]",
	 "set an environment variable; without =V the host's value is passed on"},
	{FLAG_ENV_FILE, 0, "env-file", FLAG_VALUE, "FILE", "read K=V lines from a file; # starts a comment line"},
	{FLAG_WORKDIR, 'w', "workdir", FLAG_VALUE, "DIR",
	 "current folder of the program (default: yours; with --root: /)"},
	{FLAG_USER, 'u', "user", FLAG_VALUE, "UID[:GID]", "numeric user and group the program sees (default: yours)"},
	{FLAG_HOSTNAME, 0, "hostname", FLAG_VALUE, "H", "host name the program sees (default: the name, or cay)"},
	{FLAG_MEMORY, 'm', "memory", FLAG_VALUE, "SIZE", "memory of the VM, with K, M or G (default 512M, least 4M)"},
	{FLAG_CPUS, 'c', "cpus", FLAG_VALUE, "N", "virtual CPUs (default 1)"},
	{FLAG_PUBLISH, 'p', "publish", FLAG_VALUE, "[IP:]HOST:GUEST[/udp]",
	 "lead a port of the host to one of the guest (default IP: 127.0.0.1)"},
	{FLAG_NET, 0, "net", FLAG_VALUE, "KIND[,KEY=V...]",
	 "network: user (default: through this user's own sockets), tap=INTERFACE, link=NAME, none"},
	{FLAG_PCAP, 0, "pcap", FLAG_VALUE, "FILE", "record the network's frames for tcpdump or Wireshark"},
	{FLAG_DISK, 0, "disk", FLAG_VALUE, "FILE", "attach a disk image (not available yet)"},
	{FLAG_NAME, 0, "name", FLAG_VALUE, "N",
	 "name of the VM, for ps, stop and others; its default host name (default: made up)"},
	{FLAG_DETACH, 'd', "detach", FLAG_ALONE, NULL,
	 "run in the background: print the name, keep the output for cay logs"},
	{FLAG_RM, 0, "rm", FLAG_ALONE, NULL,
	 "with -d: remove the output when the VM ends (without -d nothing is ever left)"},
	{FLAG_INTERACTIVE, 'i', "interactive", FLAG_ALONE, NULL, "connect stdin: always so, accepted for habit's sake"},
	{FLAG_TTY, 't', "tty", FLAG_ALONE, NULL, "insist that stdin is a terminal"},
	{FLAG_INIT, 0, "init", FLAG_OPTIONAL_VALUE, "BOOL",
	 "orphaned processes end unseen (default: true); false: the program waits for them, as process 1"},
	{FLAG_IO_CORE, 0, "io-core", FLAG_VALUE, "N", "host CPU that the I/O thread keeps to"},
	{FLAG_BACKEND, 0, "backend", FLAG_VALUE, "KIND",
	 "auto (kvm where it works), kvm, or process (no /dev/kvm needed)"},
	{FLAG_STRACE, 0, "strace", FLAG_OPTIONAL_VALUE, "SET", "log system calls, all or a comma-separated set"},
	{FLAG_STATS, 0, "stats", FLAG_OPTIONAL_VALUE, "FILE",
	 "at exit print what happened; to FILE as JSON if it ends in .json"},
	{FLAG_TIMING, 0, "timing", FLAG_ALONE, NULL, "at exit print a timeline in microseconds"},
	{FLAG_MISSING_FILES, 0, "missing-files", FLAG_ALONE, NULL,
	 "at exit list the files that the program looked for in vain"},
	{FLAG_GDB, 0, "gdb", FLAG_VALUE, "PORT", "stop at the program's entry and wait for gdb on 127.0.0.1:PORT"},
	{FLAG_QUIET, 'q', "quiet", FLAG_ALONE, NULL, "no notes from cay, only errors"},
	{FLAG_VERBOSE, 0, "verbose", FLAG_ALONE, NULL,
	 "more notes from cay; may be repeated (-v is the short name of --volume)"},
	{FLAG_HELP, 'h', "help", FLAG_ALONE, NULL, "this text"},
	{FLAG_END, 0, NULL, FLAG_ALONE, NULL, NULL},
};

#define FLAGS_MAX (FLAG_END - FLAG_ROOT)

static const struct flag *flag_by_id(int id)
{
	for (const struct flag *f = run_flags; f->id != FLAG_END; f++)
		if ((int)f->id == id || (f->short_name && f->short_name == id))
			return f;
	return NULL;
}

/* getopt_long's form of the table. */
struct getopt_tables {
	struct option longs[FLAGS_MAX + 1];
	char shorts[2 * FLAGS_MAX + 3];
};

static void fill_tables(struct getopt_tables *t)
{
	static const int has_arg[] = {[FLAG_ALONE] = no_argument,
				      [FLAG_VALUE] = required_argument,
				      [FLAG_OPTIONAL_VALUE] = optional_argument};
	char *s = t->shorts;
	struct option *o = t->longs;

	*s++ = '+'; /* flags stop at the first positional */
	*s++ = ':'; /* tell a missing value from an unknown flag */
	for (const struct flag *f = run_flags; f->id != FLAG_END; f++) {
		*o++ = (struct option){.name = f->name, .has_arg = has_arg[f->arg], .val = (int)f->id};
		if (!f->short_name)
			continue;
		*s++ = f->short_name;
		if (f->arg == FLAG_VALUE)
			*s++ = ':';
	}
	*s = '\0';
	*o = (struct option){0};
}

void flags_start(void)
{
	optind = 0; /* glibc: start again from nothing */
	opterr = 0;
}

static bool abbreviated(const char *token, const struct flag *f)
{
	return strncmp(token, "--", 2) == 0 && strcspn(token + 2, "=") != strlen(f->name);
}

enum flag_error flags_next(int argc, char **argv, struct flag_match *match)
{
	struct getopt_tables t;
	int at = optind ? optind : 1;

	fill_tables(&t);
	*match = (struct flag_match){.token = at < argc ? argv[at] : ""};
	optopt = 0;
	int id = getopt_long(argc, argv, t.shorts, t.longs, NULL);

	if (id == -1)
		return FLAG_DONE;
	match->flag = flag_by_id(id == '?' || id == ':' ? optopt : id);
	if (!match->flag || abbreviated(match->token, match->flag))
		return FLAG_UNKNOWN;
	if (id == ':')
		return FLAG_NEEDS_VALUE;
	if (id == '?')
		return FLAG_TAKES_NO_VALUE;
	match->value = match->flag->arg == FLAG_ALONE ? NULL : optarg;
	return FLAG_OK;
}

int flags_rest(void)
{
	return optind;
}

const char *flags_suggest(const char *token)
{
	char typed[32];
	size_t len = strcspn(token, "=");
	const char *best = NULL;
	unsigned best_distance = 3;

	if (len < 4 || len - 2 >= sizeof(typed) || strncmp(token, "--", 2) != 0)
		return NULL;
	memcpy(typed, token + 2, len - 2);
	typed[len - 2] = '\0';
	for (const struct flag *f = run_flags; f->id != FLAG_END; f++) {
		unsigned d = edit_distance(typed, f->name);

		if (strncmp(typed, f->name, strlen(typed)) == 0)
			d = 1; /* an abbreviation */
		if (d < best_distance) {
			best_distance = d;
			best = f->name;
		}
	}
	return best;
}
