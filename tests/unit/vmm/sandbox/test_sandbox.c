/* SPDX-License-Identifier: MIT */
/*
 * test_sandbox.c - the sandbox as the kernel enforces it: each case runs in a child that enters it and tries something.
 * The child ends by _exit at once, because the sanitizers' own work at exit needs calls that the filter forbids.
 */
// SOURCES: vmm/sandbox/sandbox.c vmm/sandbox/landlock.c vmm/sandbox/seccomp.c vmm/sandbox/violation.c lib/fmt.c
// LIBS: -lpthread
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/kvm.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "vmm/sandbox/sandbox.h"

static struct sandbox_plan plan;

static int confine(const struct sandbox_path *paths, unsigned nr_paths, const char **what)
{
	int err = sandbox_prepare(paths, nr_paths, false, &plan, what);

	return err == 0 ? sandbox_confine(&plan, what) : err;
}

static char folder[64], entries[64]; /* the second: files may be removed there, and nothing else */
static int root_fd, folder_fd, file_fd, entries_fd;

static int setup(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/cay-test-sandbox-XXXXXX");
	assert_non_null(mkdtemp(folder));
	root_fd = open("/", O_PATH);
	folder_fd = open(folder, O_PATH);
	strcpy(entries, "/tmp/cay-test-sandbox-XXXXXX");
	assert_non_null(mkdtemp(entries));
	entries_fd = open(entries, O_RDONLY);
	close(openat(entries_fd, "a", O_RDWR | O_CREAT, 0644));
	close(openat(entries_fd, "b", O_RDWR | O_CREAT, 0644));
	file_fd = openat(folder_fd, "file", O_RDWR | O_CREAT, 0644);
	return root_fd < 0 || folder_fd < 0 || file_fd < 0;
}

static int teardown(void **state)
{
	(void)state;
	unlinkat(folder_fd, "file", 0);
	unlinkat(folder_fd, "new", 0);
	unlinkat(entries_fd, "a", 0);
	unlinkat(entries_fd, "b", 0);
	return rmdir(folder) | rmdir(entries);
}

/* Enters the sandbox in a child and calls `act`, whose result is the exit status. Returns the wait status. */
static int in_sandbox_of(const struct sandbox_path *paths, unsigned nr_paths, int (*act)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		const char *what;

		dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		if (confine(paths, nr_paths, &what) != 0 || sandbox_seal(&plan, NULL, NULL, &what) != 0)
			_exit(99);
		_exit(act());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static int in_sandbox(int (*act)(void))
{
	static const char *const only[] = {"passwd", NULL};
	const struct sandbox_path paths[] = {{.path = "/usr"},
					     {.path = "/etc", .only = only},
					     {.path = folder, .writable = true},
					     {.path = entries, .remove_only = true}};

	return in_sandbox_of(paths, ARRAY_SIZE(paths), act);
}

static int relative_open(const char *path, int flags)
{
	struct open_how how = {.flags = (unsigned)flags, .mode = flags & O_CREAT ? 0644 : 0};

	return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
}

/* What a running VM does: must all work. */
static int everyday(void)
{
	char buf[4];
	struct stat st;
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED || munmap(page, 4096) != 0)
		return 1;
	if (pwrite(file_fd, "abc", 3, 0) != 3 || pread(file_fd, buf, 3, 0) != 3 ||
	    fstatat(folder_fd, "file", &st, 0) != 0)
		return 2;
	if (openat(folder_fd, ".", O_RDONLY | O_DIRECTORY) < 0 || mknodat(folder_fd, "new", S_IFREG | 0600, 0) != 0)
		return 3;
	if (fcntl(file_fd, F_GETFL) < 0 || ioctl(file_fd, KVM_RUN, 0) != -1 || errno != ENOTTY)
		return 4;
	if (syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGWINCH) != 0)
		return 5;
	for (long fd = 3; fd < 40; fd++) /* never trapped, whatever the number: closed, or a file */
		if (syscall(SYS_sendmsg, fd, NULL, 0) != -1 || accept4(fd, NULL, NULL, 0) != -1)
			return 6;
	if (getsockopt(file_fd, SOL_SOCKET, SO_PEERCRED, buf, &(socklen_t){sizeof(buf)}) != -1 || errno != ENOTSOCK)
		return 7;
	return 0;
}

static int folders(void)
{
	if (relative_open("usr/bin/env", O_RDONLY) < 0)
		return 1;
	if (relative_open("etc/passwd", O_RDONLY) < 0)
		return 2;
	if (relative_open("etc/group", O_RDONLY) >= 0 || errno != EACCES)
		return 3;
	if (relative_open("root", O_RDONLY) >= 0 || relative_open("tmp", O_RDONLY) >= 0)
		return 4;
	if (relative_open("usr/bin/env", O_WRONLY) >= 0)
		return 5;
	if (relative_open("usr/cay-test-new", O_WRONLY | O_CREAT) >= 0)
		return 6;
	if (relative_open(entries + 1, O_RDONLY | O_DIRECTORY) >= 0 || openat(entries_fd, "b", O_RDONLY) >= 0)
		return 7;
	if (unlinkat(entries_fd, "a", 0) != 0 || syscall(SYS_renameat2, entries_fd, "b", entries_fd, "c", 0) == 0)
		return 8;
	return 0;
}

static int do_open(void)
{
	return open("/usr/bin/env", O_RDONLY) + 200;
}
static int do_cwd_open(void)
{
	return openat(AT_FDCWD, "usr", O_RDONLY) + 200;
}
static int do_sneaky_cwd_open(void)
{
	return (int)syscall(SYS_openat, 0x00000000ffffff9cUL, "usr", O_RDONLY) + 200;
}
static int do_create(void)
{
	return openat(folder_fd, "new2", O_CREAT | O_WRONLY, 0600) + 200;
}
static int do_fifo(void)
{
	return mknodat(folder_fd, "fifo", S_IFIFO | 0600, 0) + 200;
}
static int do_exec_mmap(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}
static int do_thread(void)
{
	return (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}
static int do_kill(void)
{
	return kill(1, 0);
}
static int do_tgkill(void)
{
	return (int)syscall(SYS_tgkill, 1, 1, 0);
}
static int do_tiocsti(void)
{
	return ioctl(0, TIOCSTI, "x") + 200;
}
static int do_tty_elsewhere(void)
{
	return ioctl(file_fd, TCGETS, NULL) + 200;
}
static int do_create_vm(void)
{
	return ioctl(file_fd, KVM_CREATE_VM, 0) + 200;
}
static int do_sigaction(void)
{
	return signal(SIGSYS, SIG_IGN) == SIG_ERR;
}
static int do_setrlimit(void)
{
	return setrlimit(RLIMIT_CORE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY}) + 200;
}
static int do_sendmsg(void)
{
	return (int)syscall(SYS_sendmsg, 1, NULL, 0) + 200;
}
static int do_sneaky_sendmsg(void)
{
	return (int)syscall(SYS_sendmsg, 0x0000000100000001UL, NULL, 0) + 200;
}
static int do_accept_on_stdin(void)
{
	return accept4(0, NULL, NULL, 0) + 200;
}
static int do_accept_with_address(void)
{
	struct sockaddr_storage a;

	return accept4(file_fd, (struct sockaddr *)&a, &(socklen_t){sizeof(a)}, 0) + 200;
}
static int do_getsockopt(void)
{
	int v;

	return getsockopt(file_fd, SOL_SOCKET, SO_TYPE, &v, &(socklen_t){sizeof(v)}) + 200;
}

static int do_signal_group(void)
{
	return (int)syscall(SYS_pidfd_send_signal, file_fd, 0, NULL, 4 /* PIDFD_SIGNAL_PROCESS_GROUP */) + 200;
}

/* What changes files otherwise than by opening them: Landlock does not know it. */
static int do_chmod(void)
{
	return fchmodat(folder_fd, "file", 0666, 0) != 0;
}
static int do_chown(void)
{
	return fchownat(folder_fd, "file", getuid(), getgid(), 0) != 0;
}
static int do_utimens(void)
{
	return utimensat(folder_fd, "file", NULL, 0) != 0;
}
static int do_setxattr(void)
{
	return setxattr("/", "user.cay-test", "x", 1, XATTR_REPLACE) == 0 || errno == EFAULT;
}
static int do_removexattr(void)
{
	return removexattr("/", "user.cay-test") == 0 || errno == EFAULT;
}

static int do_exec(void)
{
	return execl("/usr/bin/env", "env", (char *)NULL);
}
static int do_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}
static int do_ptrace(void)
{
	return (int)syscall(SYS_ptrace, 16, 1, 0, 0);
}
static int do_unshare(void)
{
	return (int)syscall(SYS_unshare, 0x10000000);
}
static int do_i386(void)
{
	long ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(20) : "memory");
	return (int)ret;
}

static void test_allowed(void **state)
{
	(void)state;
	assert_int_equal(in_sandbox(everyday), 0);
}

static void test_folders(void **state)
{
	(void)state;
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 1)
		skip();
	assert_int_equal(in_sandbox(folders), 0);
}

static void test_reported(void **state)
{
	static int (*const acts[])(void) = {do_open,
					    do_cwd_open,
					    do_sneaky_cwd_open,
					    do_create,
					    do_fifo,
					    do_exec_mmap,
					    do_thread,
					    do_kill,
					    do_tgkill,
					    do_tiocsti,
					    do_tty_elsewhere,
					    do_create_vm,
					    do_sigaction,
					    do_setrlimit,
					    do_sendmsg,
					    do_sneaky_sendmsg,
					    do_accept_on_stdin,
					    do_accept_with_address,
					    do_getsockopt,
					    do_signal_group};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
		int status = in_sandbox(acts[i]);

		if (!WIFEXITED(status) || WEXITSTATUS(status) != 125)
			fail_msg("case %zu: wait status %#x", i, status);
	}
}

/* With a writable share a VMM that was taken over could change these of all its user's files; without one, of none. */
static void test_changes_need_a_writable_share(void **state)
{
	static int (*const acts[])(void) = {do_chmod, do_chown, do_utimens, do_setxattr, do_removexattr};
	const struct sandbox_path path = {.path = folder};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
		int readonly = in_sandbox_of(&path, 1, acts[i]), writable = in_sandbox(acts[i]);

		if (readonly != 125 << 8 || writable != 0)
			fail_msg("case %zu: wait status %#x without, %#x with a writable share", i, readonly, writable);
	}
}

static void test_deadly(void **state)
{
	static int (*const acts[])(void) = {do_exec, do_socket, do_ptrace, do_unshare, do_i386};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
		int status = in_sandbox(acts[i]);

		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			fail_msg("case %zu: wait status %#x", i, status);
	}
}

static int other_thread_acts;
static void *other_thread(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&other_thread_acts, __ATOMIC_ACQUIRE))
		;
	(void)!open("/usr/bin/env", O_RDONLY);
	return NULL;
}

static void test_all_threads(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0) {
		const char *what;
		pthread_t t;

		dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		if (confine(NULL, 0, &what) != 0 || pthread_create(&t, NULL, other_thread, NULL) != 0 ||
		    sandbox_seal(&plan, NULL, NULL, &what) != 0)
			_exit(99);
		__atomic_store_n(&other_thread_acts, 1, __ATOMIC_RELEASE);
		pthread_join(t, NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 125);
}

static void test_capabilities(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0) {
		const struct sandbox_path path = {.path = "/usr"};
		struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
		struct __user_cap_data_struct data[2];
		const char *what;

		if (confine(&path, 1, &what) != 0 || syscall(SYS_capget, &head, data) != 0)
			_exit(99);
		_exit((data[0].permitted & ~(1u << CAP_DAC_READ_SEARCH)) != 0 || data[1].permitted != 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_allowed), T(test_folders),     T(test_reported),    T(test_changes_need_a_writable_share),
		T(test_deadly),  T(test_all_threads), T(test_capabilities)};

	return RUN_TESTS(tests);
}
