/* SPDX-License-Identifier: MIT */
/* main.c - the `cay` command: picks the subcommand. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/compiler.h"
#include "vmm/cli/distance.h"
#include "vmm/cli/doctor.h"
#include "vmm/cli/process_start.h"
#include "vmm/cli/run.h"
#include "vmm/cli/run_options.h"
#include "vmm/cli/say.h"
#include "vmm/cli/version.h"
#include "vmm/cli/vm_commands.h"

static int command_help(int argc, char **argv, const struct process_start *start);
static int command_doctor(int argc, char **argv, const struct process_start *start)
{
	(void)start;
	return doctor(argc, argv);
}
static int command_version(int argc, char **argv, const struct process_start *start)
{
	(void)start;
	return version(argc, argv);
}

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv, const struct process_start *start); /* NULL = not available yet */
	const char *help;
} commands[] = {
	{"run", command_run, "run a program as a virtual machine"},
	{"doctor", command_doctor, "say whether this machine can run VMs, and how to repair it if not"},
	{"version", command_version, "version of cay"},
	{"help", command_help, "this text; 'cay help run' lists the flags of run"},
	{"ps", command_ps, "list running VMs"},
	{"stats", command_stats, "what running VMs do, in numbers"},
	{"inspect", command_inspect, "what is in a running VM: threads, files, sockets"},
	{"stop", command_stop, "end VMs"},
	{"kill", command_kill, "end VMs at once, or send them a signal"},
	{"logs", command_logs, "what a VM in the background has printed"},
	{"rm", command_rm, "remove what VMs in the background have left"},
	{"snapshot", NULL, "store a running VM"},
	{"restore", NULL, "continue a stored VM"},
	{"branch", NULL, "make independent copies of a VM"},
	{"migrate", NULL, "move a VM to another host"},
	{"disk", NULL, "disk images"},
	{"image", NULL, "root file systems"},
};

static void print_help(FILE *to)
{
	fprintf(to, "usage: cay COMMAND [ARG...]\n"
		    "Runs ordinary Linux programs as small virtual machines.\n\n"
		    "  cay run ls -la              run a program of this machine in a VM of its own\n"
		    "  cay run -v .:/work -w /work make    let it write to the current folder\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].run)
			fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].help);
	fprintf(to, "\nNot available yet:");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!commands[i].run)
			fprintf(to, " %s", commands[i].name);
	fprintf(to, "\n");
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int refuse_command(const char *name)
{
	const char *near = NULL;
	unsigned best = 3;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		unsigned d = edit_distance(name, commands[i].name);

		if (commands[i].run && d < best) {
			best = d;
			near = commands[i].name;
		}
	}
	if (near)
		say_error("unknown command '%s'; did you mean 'cay %s'?", name, near);
	else
		say_error("unknown command '%s'; to run a program write 'cay run %s'; 'cay help' lists the commands",
			  name, name);
	return RUN_EXIT_OURS;
}

static int command_help(int argc, char **argv, const struct process_start *start)
{
	const struct command *c = argc > 1 ? find_command(argv[1]) : NULL;

	if (argc > 1 && !c)
		return refuse_command(argv[1]);
	if (c && c->run == command_run)
		run_options_help();
	else if (c && !c->run)
		printf("cay %s: %s. Not available yet.\n", c->name, c->help);
	else if (c && c->run != command_help && c->run != command_doctor && c->run != command_version)
		return c->run(2, (char *[]){argv[1], (char[]){"--help"}, NULL}, start);
	else if (c && c->run != command_help)
		printf("usage: cay %s [--json]\n%s\n", c->name, c->help);
	else
		print_help(stdout);
	return 0;
}

/*
 * A standard descriptor that the user has closed would be the next file's that we open, the guest's memory say, and the
 * guest's to use. Its place is kept by one that cannot be read or written (O_PATH), which counts as closed
 * (vmm/dev/stdio_host.c).
 */
static void keep_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/", O_PATH) != fd)
			_exit(RUN_EXIT_OURS);
}

int main(int argc, char **argv)
{
	const struct process_start start = process_start_now();

	keep_standard_descriptors();

	if (argc < 2) {
		say_error("no command given; 'cay help' lists them, 'cay run PROGRAM' runs a program");
		return RUN_EXIT_OURS;
	}
	const char *name = argv[1];

	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	else if (strcmp(name, "--version") == 0)
		name = "version";
	const struct command *c = find_command(name);

	if (!c)
		return refuse_command(name);
	if (!c->run) {
		say_error("'cay %s' is not available yet; 'cay help' lists what is", c->name);
		return RUN_EXIT_OURS;
	}
	return c->run(argc - 1, argv + 1, &start);
}
