/* SPDX-License-Identifier: MIT */
#include "vmm/cli/command_flags.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cli/run_options.h"
#include "vmm/cli/say.h"

#define FLAGS_MAX 16
#define LONG_BASE 256 /* above every short flag */

static void print_help(const struct command_usage *u)
{
	printf("usage: cay %s\n%s\n", u->synopsis, u->text);
	for (const struct command_flag *f = u->flags; f->name != NULL; f++) {
		char left[48];

		snprintf(left, sizeof(left), f->short_name ? "  -%c, --%s%s%s" : "  %c   --%s%s%s",
			 f->short_name ? f->short_name : ' ', f->name, f->metavar ? " " : "",
			 f->metavar ? f->metavar : "");
		printf("%-28s %s\n", left, f->help);
	}
	printf("%-28s %s\n", "  -h, --help", "this text");
}

static int refuse(const struct command_usage *u, const char *token, const char *why)
{
	say_error("%s: %s; usage: cay %s", token, why, u->synopsis);
	return RUN_EXIT_OURS;
}

struct tables {
	struct option longs[FLAGS_MAX + 2];
	char shorts[2 * FLAGS_MAX + 4];
};

static void fill(struct tables *t, const struct command_flag *flags)
{
	struct option *o = t->longs;
	char *s = t->shorts;

	*s++ = ':';
	*s++ = 'h';
	*o++ = (struct option){.name = "help", .val = 'h'};
	for (unsigned i = 0; i < FLAGS_MAX && flags[i].name != NULL; i++) {
		*o++ = (struct option){.name = flags[i].name,
				       .has_arg = flags[i].value ? required_argument : no_argument,
				       .val = LONG_BASE + (int)i};
		if (!flags[i].short_name)
			continue;
		*s++ = flags[i].short_name;
		if (flags[i].value)
			*s++ = ':';
	}
	*s = '\0';
	*o = (struct option){0};
}

static const struct command_flag *flag_of(const struct command_flag *flags, int id)
{
	if (id >= LONG_BASE)
		return &flags[id - LONG_BASE];
	while (flags->name != NULL && flags->short_name != id)
		flags++;
	return flags;
}

int command_flags_parse(const struct command_usage *u, int argc, char **argv, int *status)
{
	struct tables t;
	int id, names;

	fill(&t, u->flags);
	optind = 0;
	opterr = 0;
	while ((id = getopt_long(argc, argv, t.shorts, t.longs, NULL)) != -1) {
		const char *token = optind > 0 && optind <= argc ? argv[optind - 1] : "";

		*status = 0;
		if (id == 'h') {
			print_help(u);
			return -1;
		}
		if (id == '?' || id == ':') {
			*status = refuse(u, token, id == ':' ? "needs a value" : "unknown flag");
			return -1;
		}
		const struct command_flag *f = flag_of(u->flags, id);

		if (f->value)
			*f->value = optarg;
		else
			*f->set = true;
	}
	names = argc - optind;
	if (names >= (int)u->min_names && names <= (int)u->max_names)
		return optind;
	*status = refuse(u, argv[0], names < (int)u->min_names ? "give the name of a VM" : "too many arguments");
	return -1;
}

bool command_flags_seconds(const char *flag, const char *value, long long *ns)
{
	if (isdigit((unsigned char)value[0])) {
		char *end;
		double s = strtod(value, &end);

		if (s <= 86400 && *end == '\0') {
			*ns = (long long)(s * 1e9);
			return true;
		}
	}
	say_error("%s '%s' is not a number of seconds", flag, value);
	return false;
}
