/* SPDX-License-Identifier: MIT */
/* run_options.c - from argv to struct run_options: each flag's value is checked where it is read, and refused in one
 * line. */
#include "vmm/cli/run_options.h"

#include <ctype.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "abi/layout.h"
#include "vmm/cli/environment.h"
#include "vmm/cli/net_flags.h"
#include "vmm/cli/numbers.h"
#include "vmm/cli/run_flags.h"
#include "vmm/cli/say.h"
#include "vmm/cli/syscall_names.h"

#define DEFAULT_RAM_BYTES  (512ULL << 20)
#define HOSTNAME_MAX_BYTES 64

static int parse_memory(struct run_options *opt, const char *value)
{
	uint64_t bytes;

	if (!parse_size(value, &bytes)) {
		say_error("-m '%s' is not a size; write a number with K, M or G, as in 512M", value);
		return RUN_EXIT_OURS;
	}
	if (bytes < CAY_RAM_MIN_BYTES) {
		say_error("-m %s is too little: a VM needs at least 4M%s", value,
			  isdigit((unsigned char)value[strlen(value) - 1])
				  ? " (a number alone counts bytes; write 512M)"
				  : "");
		return RUN_EXIT_OURS;
	}
	if (bytes > CAY_RAM_MAX_BYTES) {
		say_error("-m %s is too much: a VM has at most %lluG", value, CAY_RAM_MAX_BYTES >> 30);
		return RUN_EXIT_OURS;
	}
	opt->ram_bytes = ALIGN_UP(bytes, CAY_HUGE_BYTES);
	return 0;
}

static int parse_cpus(struct run_options *opt, const char *value)
{
	uint64_t n;

	if (!parse_number(value, CAY_VCPU_MAX, &n) || n == 0) {
		say_error("-c '%s' is not a number of CPUs", value);
		return RUN_EXIT_OURS;
	}
	opt->nr_cpus = (unsigned)n;
	return 0;
}

static int parse_user(struct run_options *opt, const char *value)
{
	uint64_t uid, gid;
	size_t len = strcspn(value, ":");
	const char *group = value[len] ? value + len + 1 : NULL;
	char *user = pool_strndup(&opt->pool, value, len);

	/* UINT32_MAX means "no user" to the system calls that take one. */
	if (!parse_number(user, UINT32_MAX - 1, &uid) || (group && !parse_number(group, UINT32_MAX - 1, &gid))) {
		say_error("-u '%s' is not UID[:GID]; give numbers, for example -u %u:%u", value, getuid(), getgid());
		return RUN_EXIT_OURS;
	}
	opt->uid = (uint32_t)uid;
	opt->gid = (uint32_t)(group ? gid : uid);
	return 0;
}

static bool is_hostname(const char *s)
{
	size_t len = strlen(s);

	if (len == 0 || len > HOSTNAME_MAX_BYTES || s[0] == '-' || s[0] == '.')
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("-._", *s))
			return false;
	return true;
}

static int parse_label(const char *flag, const char *value, const char **label)
{
	if (!is_hostname(value)) {
		say_error("%s '%s': at most %d letters, digits, dots and hyphens, please", flag, value,
			  HOSTNAME_MAX_BYTES);
		return RUN_EXIT_OURS;
	}
	*label = value;
	return 0;
}

static int parse_io_core(struct run_options *opt, const char *value)
{
	uint64_t n;
	cpu_set_t allowed;

	if (!parse_number(value, CPU_SETSIZE - 1, &n)) {
		say_error("--io-core '%s' is not a CPU number", value);
		return RUN_EXIT_OURS;
	}
	if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0 && !CPU_ISSET(n, &allowed)) {
		say_error("--io-core %s: this process may not run there; 'nproc' and 'taskset -p $$' tell the allowed "
			  "CPUs",
			  value);
		return RUN_EXIT_OURS;
	}
	opt->io_core = (int)n;
	return 0;
}

static int parse_init(struct run_options *opt, const char *value)
{
	opt->no_init = value != NULL && strcmp(value, "false") == 0;
	if (value == NULL || opt->no_init || strcmp(value, "true") == 0)
		return 0;
	say_error("--init=%s: say --init=true or --init=false", value);
	return RUN_EXIT_OURS;
}

static int parse_backend(struct run_options *opt, const char *value)
{
	if (strcmp(value, "auto") == 0) {
		opt->backend = RUN_BACKEND_AUTO;
	} else if (strcmp(value, "kvm") == 0) {
		opt->backend = RUN_BACKEND_KVM;
	} else if (strcmp(value, "process") == 0) {
		opt->backend = RUN_BACKEND_PROCESS;
	} else {
		say_error("--backend '%s' is unknown; there are auto, kvm and process", value);
		return RUN_EXIT_OURS;
	}
	return 0;
}

/* As strace(1) has them; kernel/linux/strace.c knows which calls they are. */
static bool is_strace_class(const char *name, size_t len)
{
	static const char *const classes[] = {"%file", "%desc", "%memory", "%signal"};

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (strlen(classes[i]) == len && memcmp(classes[i], name, len) == 0)
			return true;
	return false;
}

static int parse_strace(struct run_options *opt, const char *value)
{
	opt->strace = true;
	opt->strace_set = value ? value : "";
	for (const char *name = opt->strace_set; *name;) {
		size_t len = strcspn(name, ",");

		if (!is_strace_class(name, len) && !syscall_name_exists(name, len)) {
			say_error("--strace=%s: there is no system call '%.*s'; give names separated by commas, as in "
				  "--strace=openat,read",
				  value, (int)len, name);
			return RUN_EXIT_OURS;
		}
		name += len + (name[len] == ',');
	}
	return 0;
}

static int parse_gdb(struct run_options *opt, const char *value)
{
	uint64_t port;

	if (!parse_number(value, 65535, &port) || port == 0) {
		say_error("--gdb '%s' is not a port; give a number from 1 to 65535", value);
		return RUN_EXIT_OURS;
	}
	opt->gdb_port = (int)port;
	return 0;
}

static int add_volume(struct run_options *opt, const char *value)
{
	if (!strchr(value, ':')) {
		say_error("-v '%s' is not HOST:GUEST[:ro]%s", value,
			  value[strspn(value, "v")] ? "" : "; for more messages there is --verbose");
		return RUN_EXIT_OURS;
	}
	if (opt->req.nr_volumes == RUN_MOUNTS_MAX) {
		say_error("too many -v: at most %d", RUN_MOUNTS_MAX);
		return RUN_EXIT_OURS;
	}
	opt->req.volumes[opt->req.nr_volumes++] = value;
	return 0;
}

static int not_yet(const char *what)
{
	say_error("%s is not available yet", what);
	return RUN_EXIT_OURS;
}

static int apply_flag(struct run_options *opt, const struct flag_match *m)
{
	switch (m->flag->id) {
	case FLAG_ROOT:
		opt->root = m->value;
		return 0;
	case FLAG_VOLUME:
		return add_volume(opt, m->value);
	case FLAG_ENV:
		return environment_request(opt, m->value);
	case FLAG_ENV_FILE:
		return environment_request_file(opt, m->value);
	case FLAG_WORKDIR:
		opt->req.workdir = m->value;
		return 0;
	case FLAG_USER:
		return parse_user(opt, m->value);
	case FLAG_HOSTNAME:
		return parse_label("--hostname", m->value, &opt->hostname);
	case FLAG_MEMORY:
		return parse_memory(opt, m->value);
	case FLAG_CPUS:
		return parse_cpus(opt, m->value);
	case FLAG_PUBLISH:
		return net_flag_publish(&opt->net, m->value) == 0 ? 0 : RUN_EXIT_OURS;
	case FLAG_NET:
		return net_flag_net(&opt->net, m->value) == 0 ? 0 : RUN_EXIT_OURS;
	case FLAG_PCAP:
		opt->net.pcap = m->value;
		return 0;
	case FLAG_DISK:
		return not_yet("--disk");
	case FLAG_NAME:
		return parse_label("--name", m->value, &opt->name);
	case FLAG_DETACH:
		opt->detach = true;
		return 0;
	case FLAG_RM:
		opt->remove = true;
		return 0;
	case FLAG_INTERACTIVE:
		return 0;
	case FLAG_TTY:
		opt->wants_tty = true;
		if (isatty(STDIN_FILENO))
			return 0;
		say_error("-t: stdin is not a terminal; leave -t out");
		return RUN_EXIT_OURS;
	case FLAG_INIT:
		return parse_init(opt, m->value);
	case FLAG_IO_CORE:
		return parse_io_core(opt, m->value);
	case FLAG_BACKEND:
		return parse_backend(opt, m->value);
	case FLAG_STRACE:
		return parse_strace(opt, m->value);
	case FLAG_STATS:
		opt->stats = true;
		opt->stats_file = m->value;
		return 0;
	case FLAG_TIMING:
		opt->timing = true;
		return 0;
	case FLAG_MISSING_FILES:
		opt->missing_files = true;
		return 0;
	case FLAG_GDB:
		return parse_gdb(opt, m->value);
	case FLAG_QUIET:
		opt->quiet = true;
		return 0;
	case FLAG_VERBOSE:
		opt->verbosity++;
		return 0;
	case FLAG_HELP:
		return -1;
	case FLAG_END:
		break;
	}
	__builtin_unreachable();
}

/* A flag that was typed wrongly. */
static int refuse(enum flag_error err, const struct flag_match *m)
{
	const char *near = flags_suggest(m->token);

	if (err == FLAG_NEEDS_VALUE)
		say_error("%s needs a value: %s %s; see 'cay help run'", m->token, m->token, m->flag->value);
	else if (err == FLAG_TAKES_NO_VALUE)
		say_error("%s: this flag takes no value; see 'cay help run'", m->token);
	else if (near)
		say_error("unknown flag %s; did you mean --%s? See 'cay help run'", m->token, near);
	else
		say_error("unknown flag %s; 'cay help run' lists them, and the program's own flags go after its name",
			  m->token);
	return RUN_EXIT_OURS;
}

int run_options_parse(struct run_options *opt, int argc, char **argv)
{
	struct flag_match m;
	enum flag_error err;

	*opt = (struct run_options){.uid = getuid(),
				    .gid = getgid(),
				    .ram_bytes = DEFAULT_RAM_BYTES,
				    .nr_cpus = 1,
				    .io_core = -1,
				    .strace_set = "",
				    .stats_fd = -1,
				    .net = {.pcap_fd = -1}};
	flags_start();
	while ((err = flags_next(argc, argv, &m)) != FLAG_DONE) {
		int status = err == FLAG_OK ? apply_flag(opt, &m) : refuse(err, &m);

		if (status != 0)
			return status;
	}
	if (flags_rest() >= argc) {
		say_error("no program given: cay run [FLAGS] [--] PROGRAM [ARG...]; see 'cay help run'");
		return RUN_EXIT_OURS;
	}
	if (opt->detach && opt->wants_tty) {
		say_error("-d and -t exclude each other: a VM in the background has no terminal");
		return RUN_EXIT_OURS;
	}
	if (opt->gdb_port != 0 && opt->nr_cpus > 1) {
		say_error("--gdb works with one virtual CPU only; leave out -c");
		return RUN_EXIT_OURS;
	}
	if (net_flags_check(&opt->net) != 0)
		return RUN_EXIT_OURS;
	opt->argv = argv + flags_rest();
	opt->argc = argc - flags_rest();
	opt->program = opt->argv[0];
	if (!opt->hostname)
		opt->hostname = opt->name ? opt->name : "cay";
	return 0;
}

void run_options_free(struct run_options *opt)
{
	pool_free(&opt->pool);
}

void run_options_help(void)
{
	printf("usage: cay run [FLAGS] [--] PROGRAM [ARG...]\n"
	       "Runs an ordinary Linux program as its own small virtual machine.\n\n");
	for (const struct flag *f = run_flags; f->id != FLAG_END; f++) {
		char left[64];
		int n = f->short_name ? snprintf(left, sizeof(left), "  -%c, --%s", f->short_name, f->name)
				      : snprintf(left, sizeof(left), "      --%s", f->name);

		if (f->arg == FLAG_VALUE)
			snprintf(left + n, sizeof(left) - (size_t)n, " %s", f->value);
		else if (f->arg == FLAG_OPTIONAL_VALUE)
			snprintf(left + n, sizeof(left) - (size_t)n, "[=%s]", f->value);
		printf("%-36s %s\n", left, f->help);
	}
	printf("\nWithout --root the program sees the host's /usr, /bin, /sbin, /lib* and the harmless part of /etc, "
	       "and the current\n"
	       "folder at its own path; what it writes there stays in memory and vanishes at exit. Use -v to let it "
	       "write to the host.\n"
	       "The exit status is the program's; 128+N after signal N; 125 cay failed, 126 not executable, 127 not "
	       "found.\n");
}
