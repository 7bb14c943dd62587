/* SPDX-License-Identifier: MIT */
/* Threads with files or a current folder of their own: clone(2) without CLONE_FILES or CLONE_FS, unshare(2). */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"

#define STACK_BYTES  65536
#define THREAD_FLAGS (CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

static int ends[2];

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static bool cwd_is(const char *want)
{
	char buf[64];

	return getcwd(buf, sizeof(buf)) != NULL && strcmp(buf, want) == 0;
}

/* The umask can only be read by setting it. */
static mode_t umask_now(void)
{
	mode_t m = umask(0);

	umask(m);
	return m;
}

/* A bare thread, whose memory below is all that it uses of libc's. Returns when it has ended. */
static void run_bare(int (*fn)(void *), int flags)
{
	char *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static int tid;
	int value;

	tid = -1;
	if (clone(fn, stack + STACK_BYTES, THREAD_FLAGS | CLONE_CHILD_CLEARTID | flags, NULL, NULL, NULL, &tid) < 0) {
		report(false, "clone with flags %x", (unsigned)flags);
		return;
	}
	while ((value = __atomic_load_n(&tid, __ATOMIC_ACQUIRE)) != 0)
		syscall(SYS_futex, &tid, 0 /* FUTEX_WAIT */, value, NULL, NULL, 0);
	munmap(stack, STACK_BYTES);
}

static int seen_open, seen_cwd;

static int change_everything(void *arg)
{
	seen_open = fcntl(ends[1], F_GETFD) >= 0;
	seen_cwd = chdir("/proc") == 0;
	umask(0137);
	close(ends[1]);
	return 0;
}

static void bare_threads(void)
{
	umask(022);
	report(chdir("/") == 0 && pipe(ends) == 0, "a pipe and a folder");
	run_bare(change_everything, CLONE_FS);
	report(seen_open && seen_cwd, "a thread without CLONE_FILES has the same descriptors");
	report(is_open(ends[1]), "what it closes stays open here");
	report(cwd_is("/proc") && umask_now() == 0137, "with CLONE_FS its folder and umask are ours");
	umask(022);
	report(chdir("/") == 0, "back");
	run_bare(change_everything, CLONE_FILES);
	report(!is_open(ends[1]), "with CLONE_FILES what it closes is closed");
	report(cwd_is("/") && umask_now() == 022, "without CLONE_FS its folder and umask are its own");
	close(ends[0]);
}

/* The last table with a descriptor is the one that counts: the reader sees the end when the thread is gone. */
static sem_t copied, may_end;

static void *keep_a_copy(void *arg)
{
	char link[64], name[64];
	struct stat st;

	report(unshare(CLONE_FILES) == 0, "unshare(CLONE_FILES)");
	report(unshare(CLONE_FILES) == 0, "once more");
	sem_post(&copied);
	sem_wait(&may_end);
	snprintf(name, sizeof(name), "/proc/self/task/%ld/fd/%d", (long)syscall(SYS_gettid), ends[1]);
	report(readlink(name, link, sizeof(link)) > 0, "/proc shows the thread's own descriptors");
	snprintf(name, sizeof(name), "/proc/self/fd/%d", ends[1]);
	report(stat(name, &st) != 0, "and the process's without them");
	return NULL;
}

static void tables_apart(void)
{
	pthread_t t;
	char c;

	report(pipe(ends) == 0, "another pipe");
	sem_init(&copied, 0, 0);
	sem_init(&may_end, 0, 0);
	pthread_create(&t, NULL, keep_a_copy, NULL);
	sem_wait(&copied);
	close(ends[1]);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	report_errno(read(ends[0], &c, 1), EAGAIN);
	fcntl(ends[0], F_SETFL, 0);
	sem_post(&may_end);
	report_eq(read(ends[0], &c, 1), 0);
	pthread_join(t, NULL);
	close(ends[0]);
}

static void *own_folder(void *arg)
{
	report(unshare(CLONE_FS) == 0 && chdir("/dev") == 0 && cwd_is("/dev"), "unshare(CLONE_FS) and another folder");
	umask(077);
	int fd = open("null", O_RDONLY);
	report(fd >= 0, "names are looked up there");
	close(fd);
	pid_t pid = fork();
	if (pid == 0)
		_exit(cwd_is("/dev") && umask_now() == 077 ? 0 : 1);
	int st = -1;
	report(waitpid(pid, &st, 0) == pid && st == 0, "a child has the folder of the thread that made it");
	return NULL;
}

static void folders_apart(void)
{
	pthread_t t;

	pthread_create(&t, NULL, own_folder, NULL);
	pthread_join(t, NULL);
	report(cwd_is("/") && umask_now() == 022, "others stay where they are");
}

/* exec by a thread with files of its own: the program gets those. */
static void *exec_with_own(void *arg)
{
	if (unshare(CLONE_FILES) != 0 || close(ends[0]) != 0)
		_exit(9);
	execl("/proc/self/exe", "clone_files", "check-fds", (char *)NULL);
	_exit(8);
}

static void exec_from_thread(void)
{
	int st = -1;

	report(pipe(ends) == 0, "a pipe for exec");
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		pthread_t t;

		dup2(ends[0], 100);
		dup2(ends[1], 101);
		ends[0] = 100;
		pthread_create(&t, NULL, exec_with_own, NULL);
		pthread_join(t, NULL);
		_exit(7);
	}
	report(waitpid(pid, &st, 0) == pid && st == 0, "exec keeps the table of the thread that calls it");
	close(ends[0]);
	close(ends[1]);
}

static void *unshare_refused(void *arg)
{
	report_errno(unshare(CLONE_VM), EINVAL);
	report_errno(unshare(CLONE_SIGHAND), EINVAL);
	report_errno(unshare(CLONE_THREAD), EINVAL);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t t;

	if (argc > 1)
		return is_open(100) || !is_open(101);
	report_eq(unshare(0), 0);
	report_eq(unshare(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_FILES | CLONE_FS | CLONE_SYSVSEM), 0);
	report_errno(unshare(CLONE_CHILD_SETTID), EINVAL);
	bare_threads();
	tables_apart();
	folders_apart();
	exec_from_thread();
	pthread_create(&t, NULL, unshare_refused, NULL);
	pthread_join(t, NULL);
	return report_summary();
}
