/* SPDX-License-Identifier: MIT */
/* run.c - `cay run`: options, then the VM, then its exit status. */
#include "vmm/cli/run.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "vmm/cli/detach.h"
#include "vmm/cli/environment.h"
#include "vmm/cli/program.h"
#include "vmm/cli/run_options.h"
#include "vmm/cli/say.h"
#include "vmm/cli/tree.h"
#include "vmm/core/vm.h"
#include "vmm/dev/net_pcap.h"

int run_options_prepare(struct run_options *opt, char **host_env)
{
	int status = tree_build(opt);

	if (status == 0)
		status = program_find(opt, host_env);
	if (status != 0)
		return status;
	environment_build(opt, host_env);
	tree_sort(opt);
	return 0;
}

static int open_stats(struct run_options *opt)
{
	if (opt->stats_file == NULL)
		return 0;
	opt->stats_fd = open(opt->stats_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (opt->stats_fd >= 0)
		return 0;
	say_error("--stats=%s: %s", opt->stats_file, strerror(errno));
	return RUN_EXIT_OURS;
}

static int open_pcap(struct net_options *net)
{
	if (net->pcap == NULL)
		return 0;
	net->pcap_fd = net_pcap_open(net->pcap);
	if (net->pcap_fd >= 0)
		return 0;
	say_error("--pcap %s: %s", net->pcap, strerror(-net->pcap_fd));
	return RUN_EXIT_OURS;
}

/*
 * Closes what was inherited beyond stdin, stdout and stderr: the guest has no use for it, and a VMM that was taken over
 * shall not have it either. Then opens the files that are written to later, when opening is forbidden.
 */
static int settle_descriptors(struct run_options *opt)
{
	int status;

	close_range(STDERR_FILENO + 1, ~0u, 0);
	status = open_stats(opt);
	return status == 0 ? open_pcap(&opt->net) : status;
}

/* In place of a status: this process is to be the VM. As detach has it. */
#define GO_ON (-1)

int command_run(int argc, char **argv, const struct process_start *start)
{
	/* Static: with its tables of mounts it is large for a stack, and there is one command per process. */
	static struct run_options opt;
	int status = run_options_parse(&opt, argc, argv);

	if (status < 0) {
		run_options_help();
		return 0;
	}
	if (status == 0)
		status = run_options_prepare(&opt, environ);
	if (status == 0)
		status = settle_descriptors(&opt);
	if (status == 0)
		status = opt.detach ? detach(opt.remove, &opt.detached) : GO_ON;
	if (status == GO_ON)
		status = vm_run(&opt, start->exec_ns, start->main_ns);
	run_options_free(&opt);
	return status;
}
