/* SPDX-License-Identifier: MIT */
/* test_run_options.c - command lines in a table: what each means, or how it is refused. */
// SOURCES: vmm/cli/run_options.c vmm/cli/run_flags.c vmm/cli/distance.c vmm/cli/numbers.c vmm/cli/net_flags.c vmm/cli/environment.c vmm/cli/tree.c vmm/cli/etc_list.c vmm/cli/hosts_file.c vmm/cli/pool.c vmm/cli/say.c vmm/cli/syscall_names.c
#include "unit.h"

#include "capture.h"
#include "vmm/cli/run_options.h"

#define ARGS_MAX 16

static int parse(struct run_options *opt, const char *line, char *copy, char **argv)
{
	int argc = 0;

	strcpy(copy, line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	return run_options_parse(opt, argc, argv);
}

static void test_refused(void **state)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{"run", "no program given"},
		{"run -m 512M", "no program given"},
		{"run --", "no program given"},
		{"run --memroy 5M ls", "did you mean --memory"},
		{"run --mem 5M ls", "did you mean --memory"},
		{"run --frobnicate ls", "unknown flag --frobnicate"},
		{"run -Z ls", "unknown flag -Z"},
		{"run -m", "-m needs a value"},
		{"run --gdb", "--gdb needs a value"},
		{"run --rm=yes ls", "takes no value"},
		{"run --init=maybe ls", "--init=true or --init=false"},
		{"run -m 1M ls", "too little"},
		{"run -m 512 ls", "a number alone counts bytes"},
		{"run -m lots ls", "not a size"},
		{"run -m 5X ls", "not a size"},
		{"run -m -5M ls", "not a size"},
		{"run -m 99999999999999999999G ls", "not a size"},
		{"run -m 500G ls", "too much"},
		{"run -c 0 ls", "not a number of CPUs"},
		{"run -c 33 ls", "not a number of CPUs"},
		{"run -c 2 --gdb 1234 ls", "one virtual CPU only"},
		{"run -c two ls", "not a number of CPUs"},
		{"run -vv ls", "--verbose"},
		{"run -v ls", "HOST:GUEST"},
		{"run -v /a ls", "HOST:GUEST"},
		{"run -p 80 ls", "not [IP:]HOST:GUEST"},
		{"run -p 80:0 ls", "not [IP:]HOST:GUEST"},
		{"run -p 80:65536 ls", "not [IP:]HOST:GUEST"},
		{"run -p 80:80/sctp ls", "not [IP:]HOST:GUEST"},
		{"run -p 1.2.3:80:80 ls", "not [IP:]HOST:GUEST"},
		{"run -p :80 ls", "not [IP:]HOST:GUEST"},
		{"run -p 80:80 --net none ls", "works with --net user only"},
		{"run --net wifi ls", "unknown; there are user"},
		{"run --net user=x ls", "takes no name"},
		{"run --net tap ls", "expected tap=INTERFACE"},
		{"run --net tap= ls", "expected tap=INTERFACE"},
		{"run --net tap=sixteen-letters- ls", "at most 15"},
		{"run --net link=../x ls", "at most 32"},
		{"run --net link=x,mac=02:00:00:00:00:01 ls", "leave mac= out"},
		{"run -p [::1:80:80 ls", "not [IP:]HOST:GUEST"},
		{"run -p []:80:80 ls", "not [IP:]HOST:GUEST"},
		{"run -p ::1:80:80 ls", "not [IP:]HOST:GUEST"},
		{"run --net tap=t,ip=10.0.0.1 ls", "ADDRESS/BITS"},
		{"run --net tap=t,ip=10.0.0.1/33 ls", "ADDRESS/BITS"},
		{"run --net tap=t,mac=01:00:00:00:00:01 ls", "six bytes"},
		{"run --net tap=t,mac=02:00:00:00:00 ls", "six bytes"},
		{"run --net tap=t,colour=red ls", "expected one of mac"},
		{"run --net user,ip=10.0.0.1/8 ls", "addresses of its own"},
		{"run --net user,loss=101% ls", "a percentage"},
		{"run --net user,delay=20 ls", "a time"},
		{"run --net user,rate=5 ls", "a rate"},
		{"run --net user,rate=1bit ls", "a rate"},
		{"run --net user,mtu=100 ls", "from 576"},
		{"run --net user,reorder=5% ls", "needs delay="},
		{"run --net none --pcap f ls", "no network to record"},
		{"run --disk x.img ls", "not available yet"},
		{"run -dt ls", "-t"},
		{"run --backend xen ls", "unknown"},
		{"run --hostname -x ls", "letters"},
		{"run --hostname a/b ls", "letters"},
		{"run -u root ls", "give numbers"},
		{"run -u 1: ls", "give numbers"},
		{"run -u 4294967295 ls", "give numbers"},
		{"run --gdb 0 ls", "not a port"},
		{"run --gdb 65536 ls", "not a port"},
		{"run --io-core x ls", "not a CPU number"},
		{"run --io-core 1023 ls", "may not run there"},
		{"run --strace=open;rm ls", "separated by commas"},
		{"run --strace=read,no_such ls", "no system call 'no_such'"},
		{"run --strace=read,,write ls", "no system call ''"},
		{"run -e =x ls", "no name"},
		{"run --env-file /nonexistent ls", "No such file"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char copy[256], *argv[ARGS_MAX];
		struct run_options opt;

		capture_begin();
		int status = parse(&opt, cases[i].line, copy, argv);
		const char *said = capture_end();

		if (status != RUN_EXIT_OURS || !strstr(said, cases[i].says) || !is_one_line(said))
			fail_msg("'%s' gave %d and said: %s", cases[i].line, status, said);
		run_options_free(&opt);
	}
}

static void test_defaults(void **state)
{
	char copy[64], *argv[ARGS_MAX];
	struct run_options opt;

	(void)state;
	assert_int_equal(parse(&opt, "run prog", copy, argv), 0);
	assert_int_equal(opt.ram_bytes, 512u << 20);
	assert_int_equal(opt.nr_cpus, 1);
	assert_int_equal(opt.io_core, -1);
	assert_int_equal(opt.uid, getuid());
	assert_int_equal(opt.gid, getgid());
	assert_string_equal(opt.hostname, "cay");
	assert_string_equal(opt.strace_set, "");
	assert_false(opt.strace || opt.stats || opt.timing || opt.quiet);
	run_options_free(&opt);
}

static void test_accepted(void **state)
{
	char copy[512], *argv[ARGS_MAX * 4];
	struct run_options opt;

	(void)state;
	assert_int_equal(
		parse(&opt,
		      "run -m 5M -c1 -u 7:8 --name box -v /a:/b -v /c:/d:ro -e A=1 -eB -w /x --rm -i --net none "
		      "--strace=read,write --stats=s.json --timing --gdb 1234 --backend=kvm -q --verbose --verbose -- "
		      "prog -m x --rm",
		      copy, argv),
		0);
	assert_int_equal(opt.ram_bytes, 6u << 20); /* rounded up to 2 MiB */
	assert_int_equal(opt.uid, 7);
	assert_int_equal(opt.gid, 8);
	assert_string_equal(opt.hostname, "box");
	assert_int_equal(opt.req.nr_volumes, 2);
	assert_string_equal(opt.req.volumes[1], "/c:/d:ro");
	assert_int_equal(opt.req.nr_env, 2);
	assert_string_equal(opt.req.env[1], "B");
	assert_string_equal(opt.req.workdir, "/x");
	assert_string_equal(opt.strace_set, "read,write");
	assert_string_equal(opt.stats_file, "s.json");
	assert_int_equal(opt.gdb_port, 1234);
	assert_int_equal(opt.backend, RUN_BACKEND_KVM);
	assert_int_equal(opt.verbosity, 2);
	assert_int_equal(opt.argc, 4);
	assert_string_equal(opt.argv[0], "prog");
	assert_string_equal(opt.argv[3], "--rm");
	run_options_free(&opt);
}

static void test_flags_stop_at_the_program(void **state)
{
	char copy[64], *argv[ARGS_MAX];
	struct run_options opt;

	(void)state;
	assert_int_equal(parse(&opt, "run prog --timing -Z", copy, argv), 0);
	assert_false(opt.timing);
	assert_int_equal(opt.argc, 3);
	run_options_free(&opt);
	/* An optional value is only taken with '='. */
	assert_int_equal(parse(&opt, "run --stats prog", copy, argv), 0);
	assert_true(opt.stats);
	assert_null(opt.stats_file);
	assert_string_equal(opt.program, "prog");
	run_options_free(&opt);
	assert_int_equal(parse(&opt, "run -u 5 prog", copy, argv), 0);
	assert_int_equal(opt.gid, 5);
	run_options_free(&opt);
	assert_int_equal(parse(&opt, "run --help", copy, argv), -1);
	run_options_free(&opt);
}

static void test_network(void **state)
{
	static const uint8_t ip[4] = {10, 1, 2, 3}, mac[6] = {2, 0, 0, 0, 0, 0x1f}, any[4] = {0},
			     lo[4] = {127, 0, 0, 1};
	char copy[256], *argv[ARGS_MAX];
	struct run_options opt;

	(void)state;
	assert_int_equal(parse(&opt, "run prog", copy, argv), 0);
	assert_int_equal(opt.net.kind, NET_USER);
	run_options_free(&opt);
	assert_int_equal(parse(&opt,
			       "run --net tap=tap0,mac=02:00:00:00:00:1f,ip=10.1.2.3/8,gw=10.1.2.3,mtu=9000,loss=0.5%,"
			       "delay=20ms,reorder=5%,rate=100mbit,seed=7 --pcap f.pcap prog",
			       copy, argv),
			 0);
	assert_int_equal(opt.net.kind, NET_TAP);
	assert_string_equal(opt.net.name, "tap0");
	assert_memory_equal(opt.net.mac, mac, 6);
	assert_memory_equal(opt.net.ip4, ip, 4);
	assert_memory_equal(opt.net.gateway4, ip, 4);
	assert_int_equal(opt.net.prefix4, 8);
	assert_int_equal(opt.net.mtu, 9000);
	assert_int_equal(opt.net.impair.loss_ppm, 5000);
	assert_int_equal(opt.net.impair.reorder_ppm, 50000);
	assert_int_equal(opt.net.impair.delay_ns, 20000000);
	assert_int_equal(opt.net.impair.rate_bps, 100000000);
	assert_int_equal(opt.net.impair.seed, 7);
	assert_string_equal(opt.net.pcap, "f.pcap");
	run_options_free(&opt);
	assert_int_equal(parse(&opt, "run -p 8080:80 -p 0.0.0.0:53:5353/udp prog", copy, argv), 0);
	assert_int_equal(opt.net.nr_publish, 2);
	assert_memory_equal(opt.net.publish[0].host_ip, lo, 4);
	assert_int_equal(opt.net.publish[0].host_port, 8080);
	assert_int_equal(opt.net.publish[0].guest_port, 80);
	assert_false(opt.net.publish[0].udp);
	assert_memory_equal(opt.net.publish[1].host_ip, any, 4);
	assert_int_equal(opt.net.publish[1].guest_port, 5353);
	assert_true(opt.net.publish[1].udp);
	assert_false(opt.net.publish[1].v6);
	run_options_free(&opt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_network),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_flags_stop_at_the_program),
	};

	return RUN_TESTS(tests);
}
