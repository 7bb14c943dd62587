/* SPDX-License-Identifier: MIT */
/* vm_inspect.c - `cay inspect`: what runs in a VM, what it has open, and whom it talks to. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/cli/command_flags.h"
#include "vmm/cli/run_options.h"
#include "vmm/cli/say.h"
#include "vmm/cli/table.h"
#include "vmm/cli/vm_commands.h"
#include "vmm/control/client.h"

static void print_threads(const json_t *rows)
{
	static const char *const headings[] = {"PID", "TID",  "PPID", "UID",     "STATE", "CALL",
					       "CPU", "TIME", "NAME", "PROGRAM", NULL};
	struct table *t = table_new(headings);
	const json_t *o;
	size_t i;

	json_array_foreach(rows, i, o)
	{
		table_add(t, "%lld", client_number(o, "pid"));
		table_add(t, "%lld", client_number(o, "tid"));
		table_add(t, "%lld", client_number(o, "ppid"));
		table_add(t, "%lld", client_number(o, "uid"));
		table_add(t, "%s", client_text(o, "state"));
		table_add(t, "%s", client_text(o, "call")[0] != '\0' ? client_text(o, "call") : "-");
		table_add(t, "%lld", client_number(o, "cpu"));
		table_add(t, "%.3f", (double)client_number(o, "cpu_ns") / 1e9);
		table_add(t, "%s", client_text(o, "name"));
		table_add(t, "%s", client_text(o, "program"));
	}
	table_print(t);
}

static void print_files(const json_t *rows)
{
	static const char *const headings[] = {"PID", "PROCESS", "FD", "TYPE", "ACCESS", "POSITION", "PATH", NULL};
	struct table *t = table_new(headings);
	const json_t *o;
	size_t i;

	json_array_foreach(rows, i, o)
	{
		table_add(t, "%lld", client_number(o, "pid"));
		table_add(t, "%s", client_text(o, "process"));
		table_add(t, "%lld", client_number(o, "fd"));
		table_add(t, "%s", client_text(o, "type"));
		table_add(t, "%s", client_text(o, "access"));
		if (strcmp(client_text(o, "type"), "file") == 0)
			table_add(t, "%lld", client_number(o, "position"));
		else
			table_add(t, "-");
		table_add(t, "%s", client_text(o, "path"));
	}
	table_print(t);
}

static void print_sockets(const json_t *rows)
{
	static const char *const headings[] = {"PROTOCOL", "STATE",  "RECV-Q",  "SEND-Q",  "LOCAL",
					       "REMOTE",   "RTT-US", "RETRANS", "PROCESS", NULL};
	struct table *t = table_new(headings);
	const json_t *o;
	size_t i;

	json_array_foreach(rows, i, o)
	{
		table_add(t, "%s", client_text(o, "protocol"));
		table_add(t, "%s", client_text(o, "state"));
		table_add(t, "%lld", client_number(o, "receive_queue"));
		table_add(t, "%lld", client_number(o, "send_queue"));
		table_add(t, "%s", client_text(o, "local"));
		table_add(t, "%s", client_text(o, "remote"));
		if (client_number(o, "rtt_ns") != 0)
			table_add(t, "%.0f", (double)client_number(o, "rtt_ns") / 1e3);
		else
			table_add(t, "-");
		table_add(t, "%lld", client_number(o, "retransmitted"));
		if (client_number(o, "pid") != 0)
			table_add(t, "%s[%lld] fd %lld", client_text(o, "process"), client_number(o, "pid"),
				  client_number(o, "fd"));
		else
			table_add(t, "-");
	}
	table_print(t);
}

/* Each kind of list, and all of them without a flag for one. */
static const struct list {
	enum control_request request;
	void (*print)(const json_t *rows);
} lists[] = {
	{CONTROL_THREADS, print_threads},
	{CONTROL_FILES, print_files},
	{CONTROL_SOCKETS, print_sockets},
};

static int inspect_one(int folder, const char *name, const struct list *l, json_t *all, bool json, bool titled)
{
	const char *word = control_request_word(l->request);
	json_t *answer;
	int err = client_ask(folder, name, l->request, &answer, NULL);

	if (err != 0)
		return client_complain(name, err);
	if (json_object_get(answer, "error") != NULL) {
		say_error("VM '%s' cannot be inspected: %s", name, client_text(answer, "error"));
		json_decref(answer);
		return RUN_EXIT_OURS;
	}
	if (json) {
		json_object_update(all, answer);
	} else {
		if (titled)
			printf("%s:\n", word);
		l->print(json_object_get(answer, word));
		if (json_is_true(json_object_get(answer, "incomplete")))
			say_note("there was more than is looked at: the list of %s is not complete", word);
	}
	json_decref(answer);
	return 0;
}

int command_inspect(int argc, char **argv, const struct process_start *start)
{
	bool json = false, wanted[ARRAY_SIZE(lists)] = {false}, any = false;
	const struct command_flag flags[] = {
		{0, "threads", &wanted[0], NULL, NULL, "its threads, and the system call in which each sleeps"},
		{0, "files", &wanted[1], NULL, NULL, "its open descriptors"},
		{0, "sockets", &wanted[2], NULL, NULL, "its sockets and connections"},
		{0, "json", &json, NULL, NULL, "as a JSON object"},
		{0},
	};
	const struct command_usage usage = {
		"inspect [--threads] [--files] [--sockets] [--json] NAME",
		"Shows what is in a VM, read from its memory without its help; all lists if none is chosen.\n", flags,
		1, 1};
	json_t *all;
	int status = 0, at, folder;

	(void)start;
	at = command_flags_parse(&usage, argc, argv, &status);
	if (at < 0)
		return status;
	folder = client_open();
	if (folder < 0)
		return RUN_EXIT_OURS;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		any |= wanted[i];
	all = json_object();
	for (size_t i = 0; i < ARRAY_SIZE(lists) && status == 0; i++)
		if (!any || wanted[i])
			status = inspect_one(folder, argv[at], &lists[i], all, json, !any);
	if (json && status == 0) {
		json_dumpf(all, stdout, CLIENT_JSON);
		printf("\n");
	}
	json_decref(all);
	close(folder);
	return status;
}
