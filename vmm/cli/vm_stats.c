/* SPDX-License-Identifier: MIT */
/*
 * vm_stats.c - `cay stats`: counters of running VMs, in total or over a time. All counters only grow, so what happened
 * in between is the difference of two answers.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vmm/cli/command_flags.h"
#include "vmm/cli/run_options.h"
#include "vmm/cli/vm_commands.h"
#include "vmm/control/client.h"
#include "vmm/control/registry.h"

#define NAMES_MAX 256

struct names {
	const char *name[NAMES_MAX];
	char made[NAMES_MAX][REGISTRY_NAME_MAX + 1]; /* those that were listed, not given */
	unsigned nr;
};

static void add_name(void *ctx, const char *name)
{
	struct names *n = ctx;

	if (n->nr == NAMES_MAX)
		return;
	snprintf(n->made[n->nr], sizeof(n->made[0]), "%s", name);
	n->name[n->nr] = n->made[n->nr];
	n->nr++;
}

/* Numbers of `now` less those of `before`, in all objects inside. */
static void subtract(json_t *now, const json_t *before)
{
	const char *key;
	json_t *value;

	json_object_foreach(now, key, value)
	{
		const json_t *old = json_object_get(before, key);

		if (json_is_object(value))
			subtract(value, old);
		else if (json_is_integer(value))
			json_integer_set(value, json_integer_value(value) - json_integer_value(old));
	}
}

static void set_ratio(json_t *o, const char *key, double part, double whole)
{
	if (whole > 0)
		json_object_set_new(o, key, json_real(part / whole));
}

/* What the counters are for. */
static void add_ratios(json_t *stats, long long ns)
{
	const json_t *host = json_object_get(stats, "host"), *guest = json_object_get(stats, "guest");
	const json_t *net = json_object_get(stats, "net");
	double exits = (double)(client_number(host, "exits_gate") + client_number(host, "exits_kick") +
				client_number(host, "exits_other"));
	double frames = (double)(client_number(guest, "net_sent") + client_number(guest, "net_received"));
	double hits = (double)(client_number(net, "polls_hit") + client_number(guest, "net_polls_hit"));
	double polls = hits + (double)(client_number(net, "polls_missed") + client_number(guest, "net_polls_missed"));
	json_t *o = json_object();

	set_ratio(o, "exits_per_second", exits * 1e9, (double)ns);
	set_ratio(o, "frames_per_second", frames * 1e9, (double)ns);
	set_ratio(o, "syscalls_per_second", (double)client_number(guest, "syscalls") * 1e9, (double)ns);
	set_ratio(o, "exits_per_syscall", exits, (double)client_number(guest, "syscalls"));
	set_ratio(o, "exits_per_frame", exits, frames);
	set_ratio(o, "net_polls_hit_share", hits, polls);
	json_object_set_new(stats, "ratios", o);
}

static void print_group(const json_t *stats, const char *group, long long ns)
{
	json_t *o = json_object_get(stats, group), *value;
	const char *key;

	json_object_foreach(o, key, value)
	{
		long long n = json_integer_value(value);

		if (n != 0)
			printf("  %-6s %-28.60s %14lld %14.1f\n", group, key, n, (double)n * 1e9 / (double)ns);
	}
}

static void print_table(const json_t *stats, long long ns)
{
	json_t *ratios = json_object_get(stats, "ratios"), *value;
	const char *key;

	printf("%s: %.1f s\n  %-35s %14s %14s\n", client_text(stats, "name"), (double)ns / 1e9, "COUNTER", "NUMBER",
	       "PER SECOND");
	print_group(stats, "host", ns);
	print_group(stats, "net", ns);
	print_group(stats, "guest", ns);
	print_group(stats, "calls", ns);
	json_object_foreach(ratios, key, value) printf("  %-35s %14.3f\n", key, json_real_value(value));
}

static int ask_all(int folder, const struct names *n, json_t **answers)
{
	int status = 0;

	for (unsigned i = 0; i < n->nr; i++) {
		int err = client_ask(folder, n->name[i], CONTROL_STATS, &answers[i], NULL);

		/* One that was listed may have ended meanwhile. */
		if (err != 0 && (err != -ENOENT || n->name[i] != n->made[i]))
			status = client_complain(n->name[i], err);
	}
	return status;
}

static void wait_ns(long long ns)
{
	struct timespec t = {ns / 1000000000, ns % 1000000000};

	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		;
}

static int show(int folder, const struct names *n, long long interval_ns, bool json)
{
	static json_t *before[NAMES_MAX], *now[NAMES_MAX];
	json_t *all = json_array();
	int status = 0;

	if (interval_ns != 0) {
		status = ask_all(folder, n, before);
		wait_ns(interval_ns);
	}
	status |= ask_all(folder, n, now);
	for (unsigned i = 0; i < n->nr; i++) {
		if (now[i] != NULL && (interval_ns == 0 || before[i] != NULL)) {
			long long ns;

			if (interval_ns != 0)
				subtract(now[i], before[i]);
			ns = MAX(client_number(now[i], "uptime_ns"), 1ll);
			json_object_set_new(now[i], "time_ns", json_integer(ns));
			json_object_del(now[i], "uptime_ns");
			add_ratios(now[i], ns);
			if (!json)
				print_table(now[i], ns);
			json_array_append(all, now[i]);
		}
		json_decref(before[i]);
		json_decref(now[i]);
	}
	if (json) {
		json_dumpf(all, stdout, CLIENT_JSON | JSON_REAL_PRECISION(6));
		printf("\n");
	}
	json_decref(all);
	return status;
}

int command_stats(int argc, char **argv, const struct process_start *start)
{
	static struct names n;
	const char *interval = NULL;
	bool json = false;
	const struct command_flag flags[] = {
		{0, "json", &json, NULL, NULL, "as a JSON array"},
		{'i', "interval", NULL, &interval, "S",
		 "what happens in the next S seconds, instead of since the start"},
		{0},
	};
	const struct command_usage usage = {
		"stats [-i S] [--json] [NAME...]",
		"Shows what running VMs do: exits by reason, upcalls, doorbells, frames, polls "
		"that hit and missed,\nfaults, system calls. All VMs if none is named.\n",
		flags, 0, NAMES_MAX};
	long long interval_ns = 0;
	int status = 0, at, folder;

	(void)start;
	at = command_flags_parse(&usage, argc, argv, &status);
	if (at < 0)
		return status;
	if (interval != NULL && !command_flags_seconds("-i", interval, &interval_ns))
		return RUN_EXIT_OURS;
	folder = client_open();
	if (folder < 0)
		return RUN_EXIT_OURS;
	for (; at < argc; at++)
		n.name[n.nr++] = argv[at];
	if (n.nr == 0)
		(void)!registry_list(folder, add_name, &n);
	status = show(folder, &n, interval_ns, json);
	close(folder);
	return status;
}
