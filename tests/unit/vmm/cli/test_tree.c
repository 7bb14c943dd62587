/* SPDX-License-Identifier: MIT */
/* test_tree.c - the list of mounts, and finding the program in it. Uses the host's own /usr and a temporary folder. */
// SOURCES: vmm/cli/tree.c vmm/cli/etc_list.c vmm/cli/hosts_file.c vmm/cli/program.c vmm/cli/environment.c vmm/cli/pool.c vmm/cli/say.c
#include "unit.h"

#include <elf.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "capture.h"
#include "vmm/cli/environment.h"
#include "vmm/cli/program.h"
#include "vmm/cli/run_options.h"
#include "vmm/cli/tree.h"

static char top[64];
static struct run_options opt;
static char *env[] = {"PATH=/usr/bin:/bin", "HOME=/h", "SECRET=s", "LC_ALL=C", "TERM=t", NULL};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(name, mode), 0);
}

static int setup(void **state)
{
	(void)state;
	strcpy(top, "/tmp/cay-test-tree-XXXXXX");
	assert_non_null(mkdtemp(top));
	assert_int_equal(chdir(top), 0);
	assert_int_equal(mkdir("work", 0755), 0);
	assert_int_equal(mkdir("other", 0755), 0);
	assert_int_equal(mkdir("root", 0755), 0);
	assert_int_equal(mkdir("root/bin", 0755), 0);
	write_file("other/script", "#!/bin/sh\n", 0755);
	write_file("other/plain", "text\n", 0644);
	write_file("other/text", "text\n", 0755);
	write_file("root/bin/tool", "#!/bin/sh\n", 0755);
	assert_int_equal(symlink("../../../../../../etc/passwd", "root/bin/out"), 0);
	assert_int_equal(symlink("../other/script", "work/link"), 0);
	assert_int_equal(chdir("work"), 0);
	opt = (struct run_options){0};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	run_options_free(&opt);
	assert_int_equal(chdir("/"), 0);
	return nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void run_options_free(struct run_options *o)
{
	pool_free(&o->pool);
}

static const struct run_mount *mount_named(const char *guest)
{
	for (unsigned i = 0; i < opt.nr_mounts; i++)
		if (strcmp(opt.mounts[i].guest, guest) == 0)
			return &opt.mounts[i];
	return NULL;
}

static const char *in_top(const char *name)
{
	static char path[4][256];
	static unsigned turn;

	snprintf(path[++turn % 4], sizeof(path[0]), "%s/%s", top, name);
	return path[turn % 4];
}

static void test_join(void **state)
{
	static const char *const cases[][3] = {
		{"/a", "b", "/a/b"},         {"/a", "/b", "/b"},       {"/a", "..", "/"}, {"/a", "../..", "/"},
		{"/", "x//y/./z", "/x/y/z"}, {"/a/b", "../c", "/a/c"}, {"/a", ".", "/a"}, {"/", "/", "/"},
		{"/a", "b/", "/a/b"},        {"/", "...", "/..."},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(path_join(&opt.pool, cases[i][0], cases[i][1]), cases[i][2]);
	assert_true(path_is_under("/a/b", "/a"));
	assert_true(path_is_under("/a", "/a"));
	assert_false(path_is_under("/ab", "/a"));
	assert_true(path_is_under("/x", "/"));
}

static void test_default_root(void **state)
{
	(void)state;
	assert_int_equal(tree_build(&opt), 0);
	assert_string_equal(mount_named("/usr")->host, "/usr");
	assert_int_equal(mount_named("/usr")->flags, CAY_MOUNT_OVERLAY);
	assert_non_null(mount_named("/etc")->only);
	assert_int_equal(mount_named(in_top("work"))->flags, CAY_MOUNT_OVERLAY);
	assert_string_equal(opt.cwd, in_top("work"));
	assert_true(tree_shows(&opt, "/etc/passwd"));
	assert_false(tree_shows(&opt, "/etc/shadow"));
	assert_false(tree_shows(&opt, "/etc/ssh/sshd_config"));
	assert_false(tree_shows(&opt, "/root/.ssh"));
	assert_false(tree_shows(&opt, in_top("other")));
	assert_true(tree_shows(&opt, "/bin/sh"));
	tree_sort(&opt);
	for (unsigned i = 1; i < opt.nr_mounts; i++)
		assert_true(strcmp(opt.mounts[i - 1].guest, opt.mounts[i].guest) < 0);
}

static void test_private_folder_is_not_shared(void **state)
{
	(void)state;
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(tree_build(&opt), 0);
	assert_null(mount_named("/"));
	assert_string_equal(opt.cwd, "/");
	opt.nr_mounts = 0;
	assert_int_equal(chdir("/etc"), 0);
	assert_int_equal(tree_build(&opt), 0);
	assert_non_null(mount_named("/etc")->only);
}

static void test_volumes(void **state)
{
	(void)state;
	opt.req.volumes[0] = pool_printf(&opt.pool, ".:%s", in_top("work"));
	opt.req.volumes[1] = "../other:/data:ro";
	opt.req.nr_volumes = 2;
	assert_int_equal(tree_build(&opt), 0);
	/* The current folder was asked for by -v, so it is the user's kind of mount. */
	assert_int_equal(mount_named(in_top("work"))->flags, 0);
	assert_string_equal(mount_named("/data")->host, in_top("other"));
	assert_int_equal(mount_named("/data")->flags, CAY_MOUNT_RDONLY);
	assert_string_equal(tree_to_host(&opt, "/data/../data/script"), in_top("other/script"));
	assert_null(tree_to_host(&opt, "/nothing"));
}

static void test_bad_volumes(void **state)
{
	static const char *const specs[][2] = {
		{".:relative", "absolute"},
		{"/nonexistent:/x", "No such file"},
		{".:/x:rx", "neither ro nor rw"},
		{".:/", "--root"},
		{":/x", "is empty"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		opt.nr_mounts = 0;
		opt.req.volumes[0] = specs[i][0];
		opt.req.nr_volumes = 1;
		capture_begin();
		int status = tree_build(&opt);
		const char *said = capture_end();

		assert_int_equal(status, RUN_EXIT_OURS);
		if (!strstr(said, specs[i][1]) || !is_one_line(said))
			fail_msg("%s: said %s", specs[i][0], said);
	}
}

/* Finds a program; returns the status. `says`: what must be said, NULL = nothing. */
static int find(const char *program, const char *says)
{
	char *argv[] = {(char *)program, NULL};

	opt.program = program;
	opt.argv = argv;
	opt.argc = 1;
	opt.nr_mounts = 0;
	assert_int_equal(tree_build(&opt), 0);
	capture_begin();
	int status = program_find(&opt, env);
	const char *said = capture_end();

	if (says ? !strstr(said, says) || !is_one_line(said) : said[0] != '\0')
		fail_msg("%s: said '%s'", program, said);
	return status;
}

static void test_program(void **state)
{
	(void)state;
	assert_int_equal(find("sh", NULL), 0);
	assert_string_equal(opt.program, "/usr/bin/sh");
	assert_int_equal(find("../other/script", NULL), 0);
	assert_string_equal(opt.program, "../other/script"); /* the same from the guest's current folder */
	assert_non_null(mount_named(in_top("other")));       /* its folder is shown too */
	assert_int_equal(find("./link", NULL), 0);
	assert_non_null(mount_named(in_top("other")));
	assert_int_equal(find("./nothing", "No such file"), 127);
	assert_int_equal(find("no-such-program", "no program"), 127);
	assert_int_equal(find("../other", "is a folder"), 126);
	assert_int_equal(find("../other/plain", "chmod +x"), 126);
	assert_int_equal(find("../other/text", "neither an ELF program"), 126);
	assert_int_equal(find("/dev/null", "not a regular file"), 126);
	assert_int_equal(find("", "empty"), 127);
}

static void test_program_in_other_path_folder(void **state)
{
	char *path[] = {pool_printf(&opt.pool, "PATH=%s:/usr/bin", in_top("other")), NULL};
	char *argv[] = {"cay-test-tool", NULL};

	(void)state;
	write_file("../other/cay-test-tool", "#!/bin/sh\n", 0755);
	opt.program = argv[0];
	opt.argv = argv;
	assert_int_equal(tree_build(&opt), 0);
	assert_int_equal(program_find(&opt, path), 0);
	assert_string_equal(opt.program, in_top("other/cay-test-tool"));
	assert_true(tree_shows(&opt, opt.program));
}

static void test_program_in_root(void **state)
{
	(void)state;
	opt.root = in_top("root");
	assert_int_equal(find("tool", NULL), 0);
	assert_string_equal(opt.program, "/bin/tool");
	assert_string_equal(opt.cwd, "/");
	assert_int_equal(opt.nr_mounts, 1);
	assert_int_equal(find("bin/tool", NULL), 0);
	assert_string_equal(opt.program, "bin/tool");
	assert_int_equal(find("sh", "no program"), 127);
	/* The link leads to the root's own /etc/passwd, which is not there; never to the host's. */
	assert_int_equal(find("/bin/out", "No such file"), 127);
}

static void test_header(void **state)
{
	Elf64_Ehdr eh = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64}, .e_machine = EM_X86_64, .e_type = ET_DYN};
	const unsigned char *bytes = (const unsigned char *)&eh;

	(void)state;
	assert_null(program_header_problem(bytes, sizeof(eh)));
	assert_non_null(strstr(program_header_problem(bytes, sizeof(eh) - 1), "cut off"));
	assert_non_null(strstr(program_header_problem(bytes, 0), "empty"));
	eh.e_type = ET_REL;
	assert_non_null(strstr(program_header_problem(bytes, sizeof(eh)), "not a program"));
	eh.e_machine = EM_AARCH64;
	assert_non_null(strstr(program_header_problem(bytes, sizeof(eh)), "another processor"));
	eh.e_ident[EI_CLASS] = ELFCLASS32;
	assert_non_null(strstr(program_header_problem(bytes, sizeof(eh)), "32-bit"));
}

static void test_environment(void **state)
{
	(void)state;
	assert_int_equal(environment_request(&opt, "A=1"), 0);
	assert_int_equal(environment_request(&opt, "SECRET"), 0);
	assert_int_equal(environment_request(&opt, "UNSET"), 0);
	assert_int_equal(environment_request(&opt, "TERM=mine"), 0);
	assert_int_equal(tree_build(&opt), 0);
	environment_build(&opt, env);
	assert_string_equal(environment_get(opt.envp, "A"), "1");
	assert_string_equal(environment_get(opt.envp, "SECRET"), "s"); /* asked for by name */
	assert_null(environment_get(opt.envp, "UNSET"));
	assert_string_equal(environment_get(opt.envp, "TERM"), "mine");
	assert_string_equal(environment_get(opt.envp, "LC_ALL"), "C");
	assert_string_equal(environment_get(opt.envp, "HOME"), "/h");
	assert_string_equal(environment_get(opt.envp, "PATH"), "/usr/bin:/bin");
	assert_string_equal(environment_get(opt.envp, "PWD"), in_top("work"));
	assert_int_equal(opt.envc, 7);
}

static void test_environment_is_clean(void **state)
{
	char *dirty[] = {"SECRET=s", "LD_PRELOAD=/x", "PATH=/home/me/bin:relative:/usr/bin:", NULL};

	(void)state;
	assert_int_equal(tree_build(&opt), 0);
	environment_build(&opt, dirty);
	assert_null(environment_get(opt.envp, "SECRET"));
	assert_null(environment_get(opt.envp, "LD_PRELOAD"));
	assert_string_equal(environment_get(opt.envp, "PATH"), "/usr/bin");
}

static void test_env_file(void **state)
{
	(void)state;
	write_file("vars", "# comment\n\nA=1\n  B=two words \r\n", 0644);
	assert_int_equal(environment_request_file(&opt, "vars"), 0);
	assert_int_equal(opt.req.nr_env, 2);
	assert_string_equal(opt.req.env[0], "A=1");
	assert_string_equal(opt.req.env[1], "B=two words ");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_join),
		T(test_default_root),
		T(test_private_folder_is_not_shared),
		T(test_volumes),
		T(test_bad_volumes),
		T(test_program),
		T(test_program_in_other_path_folder),
		T(test_program_in_root),
		T(test_header),
		T(test_environment),
		T(test_environment_is_clean),
		T(test_env_file),
	};

	return RUN_TESTS(tests);
}
