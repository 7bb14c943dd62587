/* SPDX-License-Identifier: MIT */
/* vm_ps.c - `cay ps`: the user's running VMs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/cli/command_flags.h"
#include "vmm/cli/run_options.h"
#include "vmm/cli/table.h"
#include "vmm/cli/vm_commands.h"
#include "vmm/control/client.h"
#include "vmm/control/log_files.h"
#include "vmm/control/registry.h"

struct listing {
	int folder, logs;
	json_t *vms; /* an array of answers */
};

/* The state letter of /proc/PID/stat, behind the name, which may hold anything. 0: gone. */
static char process_state(pid_t pid)
{
	char path[32], line[512] = "";
	const char *end;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	line[fread(line, 1, sizeof(line) - 1, f)] = '\0';
	fclose(f);
	end = strrchr(line, ')');
	return end != NULL && end[1] == ' ' ? end[2] : 0;
}

static long long resident_bytes(pid_t pid)
{
	char path[32];
	long long size, resident = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%lld %lld", &size, &resident) != 2)
		resident = 0;
	fclose(f);
	return resident * sysconf(_SC_PAGESIZE);
}

static void look_at(void *ctx, const char *name)
{
	struct listing *l = ctx;
	json_t *vm;
	pid_t pid = 0;
	int err = client_ask(l->folder, name, CONTROL_INFO, &vm, &pid);
	char state;

	if (err == -ENOENT || err == -EPERM)
		return;
	state = process_state(pid);
	if (err != 0)
		vm = json_pack("{s:s}", "name", name);
	/* What the host knows better than the VM. */
	json_object_set_new(vm, "name", json_string(name));
	json_object_set_new(vm, "pid", json_integer(pid)); /* 0: it could not even be asked who it is */
	json_object_set_new(vm, "state", json_string(state == 'T' ? "stopped" : err != 0 ? "no answer" : "running"));
	if (json_object_get(vm, "memory_file_bytes") == NULL)
		json_object_set_new(vm, "memory_used_bytes", json_integer(resident_bytes(pid)));
	else
		json_object_set_new(vm, "memory_used_bytes", json_integer(client_number(vm, "memory_file_bytes")));
	json_array_append_new(l->vms, vm);
}

static bool is_listed(const json_t *vms, const char *name)
{
	const json_t *vm;
	size_t i;

	json_array_foreach(vms, i, vm) if (strcmp(client_text(vm, "name"), name) == 0) return true;
	return false;
}

/* One that has ended; its log is still there. */
static void look_at_log(void *ctx, const char *name)
{
	struct listing *l = ctx;
	int status = log_exit_status(l->logs, name);
	json_t *vm;

	if (is_listed(l->vms, name))
		return;
	vm = json_pack("{s:s, s:s}", "name", name, "state", status == LOG_EXIT_UNKNOWN ? "killed" : "ended");
	if (status != LOG_EXIT_UNKNOWN)
		json_object_set_new(vm, "status", json_integer(status));
	json_array_append_new(l->vms, vm);
}

static void list_logs(struct listing *l)
{
	char path[256] = "";

	l->logs = log_folder_open(path, sizeof(path));
	if (l->logs < 0)
		return;
	(void)!log_folder_list(l->logs, look_at_log, l);
	close(l->logs);
}

static void format_time(char *out, long long ns)
{
	long long s = ns / 1000000000;

	if (s < 60)
		snprintf(out, 32, "%llds", s);
	else if (s < 3600)
		snprintf(out, 32, "%lldm%02llds", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, 32, "%lldh%02lldm", s / 3600, s / 60 % 60);
	else
		snprintf(out, 32, "%lldd%02lldh", s / 86400, s / 3600 % 24);
}

static void format_ports(char *out, size_t room, const json_t *vm)
{
	const json_t *ports = json_object_get(vm, "ports"), *p;
	size_t at = 0, i;

	out[0] = '\0';
	json_array_foreach(ports, i, p)
	{
		int n = snprintf(out + at, room - at,
				 strchr(client_text(p, "address"), ':') ? "%s[%s]:%lld->%lld%s" : "%s%s:%lld->%lld%s",
				 at ? "," : "", client_text(p, "address"), client_number(p, "port"),
				 client_number(p, "guest_port"),
				 strcmp(client_text(p, "protocol"), "udp") == 0 ? "/udp" : "");

		if (n < 0 || (size_t)n >= room - at)
			break;
		at += (size_t)n;
	}
	if (at == 0)
		snprintf(out, room, "-");
}

static void format_command(char *out, size_t room, const json_t *vm)
{
	const json_t *words = json_object_get(vm, "command"), *w;
	size_t at = 0, i;

	out[0] = '\0';
	json_array_foreach(words, i, w)
	{
		int n = snprintf(out + at, room - at, "%s%s", i ? " " : "", client_text(w, NULL));

		if (n < 0 || (size_t)n >= room - at)
			break;
		at += (size_t)n;
	}
}

static void print_ended(struct table *t, const json_t *vm)
{
	table_add(t, "-");
	if (json_object_get(vm, "status") != NULL)
		table_add(t, "ended (%lld)", client_number(vm, "status"));
	else
		table_add(t, "killed");
	for (unsigned i = 0; i < 5; i++)
		table_add(t, "-");
}

static void print_table(const json_t *vms)
{
	static const char *const headings[] = {"NAME", "PID",   "STATE",   "UPTIME", "MEMORY",
					       "CPUS", "PORTS", "COMMAND", NULL};
	struct table *t = table_new(headings);
	const json_t *vm;
	size_t i;

	json_array_foreach(vms, i, vm)
	{
		char text[256];

		table_add(t, "%s", client_text(vm, "name"));
		if (json_object_get(vm, "pid") == NULL) {
			print_ended(t, vm);
			continue;
		}
		table_add(t, "%lld", client_number(vm, "pid"));
		table_add(t, "%s", client_text(vm, "state"));
		format_time(text, client_number(vm, "uptime_ns"));
		table_add(t, "%s", text);
		table_add(t, "%lldM/%lldM", client_number(vm, "memory_used_bytes") >> 20,
			  client_number(vm, "memory_bytes") >> 20);
		table_add(t, "%lld", client_number(vm, "cpus"));
		format_ports(text, sizeof(text), vm);
		table_add(t, "%s", text);
		format_command(text, sizeof(text), vm);
		table_add(t, "%s", text);
	}
	table_print(t);
}

int command_ps(int argc, char **argv, const struct process_start *start)
{
	bool json = false, quiet = false, all = false;
	const struct command_flag flags[] = {
		{'a', "all", &all, NULL, NULL, "also those in the background that have ended"},
		{0, "json", &json, NULL, NULL, "as a JSON array, with more about each"},
		{'q', "quiet", &quiet, NULL, NULL, "names only"},
		{0},
	};
	const struct command_usage usage = {"ps [-a] [-q] [--json]", "Lists this user's running VMs.\n", flags, 0, 0};
	struct listing l;
	int status = 0;

	(void)start;
	if (command_flags_parse(&usage, argc, argv, &status) < 0)
		return status;
	l.folder = client_open();
	if (l.folder < 0)
		return RUN_EXIT_OURS;
	l.vms = json_array();
	if (registry_list(l.folder, look_at, &l) != 0)
		status = RUN_EXIT_OURS;
	if (all)
		list_logs(&l);
	if (json) {
		json_dumpf(l.vms, stdout, CLIENT_JSON);
		printf("\n");
	} else if (quiet) {
		for (size_t i = 0; i < json_array_size(l.vms); i++)
			printf("%s\n", client_text(json_array_get(l.vms, i), "name"));
	} else {
		print_table(l.vms);
	}
	json_decref(l.vms);
	close(l.folder);
	return status;
}
