/* SPDX-License-Identifier: MIT */
/* New processes: what fork copies and shares, vfork, clone, exec in a child, waiting, orphans. */
#include "report.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static int data = 1, zeroed;

/* The child's exit status, or -1. */
static int status_of(pid_t pid)
{
	int st;

	return waitpid(pid, &st, 0) == pid && WIFEXITED(st) ? WEXITSTATUS(st) : -1;
}

#define in_child(...)                                                                                                  \
	({                                                                                                             \
		pid_t p_ = fork();                                                                                     \
		if (p_ == 0) {                                                                                         \
			__VA_ARGS__;                                                                                   \
			_exit(99);                                                                                     \
		}                                                                                                      \
		status_of(p_);                                                                                         \
	})

static void copies(void)
{
	int on_stack = 1, *heap = malloc(sizeof(int));
	char *big = mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*heap = 1;
	memset(big, 1, 16 << 20);
	report_eq(in_child(data = zeroed = on_stack = *heap = 2; _exit(data + zeroed + on_stack + *heap)), 8);
	report_true(data == 1 && zeroed == 0 && on_stack == 1 && *heap == 1);
	report_eq(in_child(memset(big, 2, 16 << 20); _exit(big[0] + big[(16 << 20) - 1])), 4);
	report_true(big[0] == 1 && big[8 << 20] == 1 && big[(16 << 20) - 1] == 1);
	/* The parent writes first; the child, and its own child, see what was. */
	int fd[2];
	char c;
	if (pipe(fd) != 0)
		return;
	pid_t pid = fork();
	if (pid == 0) {
		pid_t inner = fork();
		if (inner == 0) {
			bool ok = read(fd[0], &c, 1) == 1;
			for (int i = 0; i < 16 << 20; i += 4096)
				ok = ok && big[i] == 1;
			_exit(ok ? 7 : 1);
		}
		_exit(status_of(inner));
	}
	memset(big, 3, 16 << 20);
	report_true(write(fd[1], "x", 1) == 1 && status_of(pid) == 7);
	/* Cut up while shared. */
	pid = fork();
	if (pid == 0) {
		munmap(big + 4096, 4096);
		mprotect(big + (3 << 20), 8192, PROT_READ);
		big[0] = 9;
		_exit(big[0] == 9 && big[8192] == 3 && big[3 << 20] == 3 ? 5 : 1);
	}
	big[4096] = 4;
	report_eq(status_of(pid), 5);
	report_true(big[0] == 3 && big[4096] == 4 && big[8192] == 3);
	close(fd[0]);
	close(fd[1]);
	munmap(big, 16 << 20);
	free(heap);
}

static void shared_memory(void)
{
	int *touched = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char name[] = "/tmp/cay-fork-XXXXXX";
	int fd = mkstemp(name);

	touched[0] = 1;
	report_eq(in_child(touched[0]++; touched[1024] = 5; _exit(0)), 0);
	report_true(touched[0] == 2 && touched[1024] == 5);
	report_eq(ftruncate(fd, 4096), 0);
	int *file = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	report_eq(in_child(file[3] = 77; _exit(0)), 0);
	report_eq(file[3], 77);
	unlink(name);
	close(fd);

	int *secret = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*secret = 42;
	if (madvise(secret, 4096, MADV_WIPEONFORK) == 0) {
		report_eq(in_child(_exit(*secret)), 0);
		madvise(secret, 4096, MADV_KEEPONFORK);
		report_eq(in_child(_exit(*secret)), 42);
	}
	report_eq(madvise(secret, 4096, MADV_DONTFORK), 0);
	report_eq(in_child(unsigned char v; _exit(mincore(secret, 4096, &v) == -1 && errno == ENOMEM)), 1);
	report_eq(*secret, 42);
}

/* A futex in shared memory works between processes. */
static void shared_futex(void)
{
	int *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork();

	if (pid == 0) {
		while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == 0)
			syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL, NULL, 0);
		_exit(*word);
	}
	__atomic_store_n(word, 6, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
	report_eq(status_of(pid), 6);

	pthread_mutexattr_t a;
	pthread_mutex_t *m = (pthread_mutex_t *)(word + 64);
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(m, &a);
	report_eq(in_child(pthread_mutex_lock(m); _exit(0)), 0);
	report_eq(pthread_mutex_lock(m), EOWNERDEAD);
}

static void files(void)
{
	char name[] = "/tmp/cay-fork-XXXXXX", buf[8] = "";
	int fd = mkstemp(name), fd2;

	report_true(write(fd, "abcdefgh", 8) == 8 && lseek(fd, 0, SEEK_SET) == 0);
	report_eq(in_child(_exit(read(fd, buf, 3))), 3);
	report_eq(lseek(fd, 0, SEEK_CUR), 3); /* one open file, one position */
	report_eq(in_child(close(fd); _exit(0)), 0);
	report_eq(read(fd, buf, 2), 2);
	fd2 = fcntl(fd, F_DUPFD_CLOEXEC, 50);
	report_eq(in_child(_exit(fcntl(fd2, F_GETFD))), FD_CLOEXEC);
	report_eq(in_child(_exit(chdir("/") + (umask(0) == 022))), 1);
	unlink(name);
	/* A lock of the parent's is not the child's. */
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	report_eq(fcntl(fd, F_SETLK, &l), 0);
	report_eq(in_child(struct flock o = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
			   _exit(fcntl(fd, F_GETLK, &o) == 0 && o.l_type == F_WRLCK && o.l_pid == getppid())),
		  1);
	report_eq(in_child(_exit(fcntl(fd, F_SETLK, &l) == -1 && errno == EAGAIN)), 1);
	close(fd2);
	close(fd);
}

static void waiting(void)
{
	int st;
	siginfo_t si;
	struct rusage ru;

	pid_t pid = fork();
	if (pid == 0)
		_exit(3);
	memset(&si, 0, sizeof(si));
	report_true(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT) == 0 && si.si_pid == pid &&
		    si.si_code == CLD_EXITED && si.si_status == 3 && si.si_signo == SIGCHLD);
	report_true(wait4(pid, &st, 0, &ru) == pid && WIFEXITED(st) && WEXITSTATUS(st) == 3);
	report_errno(waitpid(pid, &st, 0), ECHILD);
	report_errno(waitpid(-1, &st, WNOHANG), ECHILD);
	pid = fork();
	if (pid == 0) {
		raise(SIGTERM);
		_exit(1);
	}
	report_true(waitpid(pid, &st, 0) == pid && WIFSIGNALED(st) && WTERMSIG(st) == SIGTERM);
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(1);
	}
	report_eq(waitpid(pid, &st, WNOHANG), 0);
	report_eq(kill(pid, SIGSTOP), 0);
	report_true(waitpid(pid, &st, WUNTRACED) == pid && WIFSTOPPED(st) && WSTOPSIG(st) == SIGSTOP);
	report_eq(waitpid(pid, &st, WUNTRACED | WNOHANG), 0);
	report_eq(kill(pid, SIGCONT), 0);
	report_true(waitpid(pid, &st, WCONTINUED) == pid && WIFCONTINUED(st));
	report_eq(kill(pid, SIGKILL), 0);
	report_true(waitid(P_ALL, 0, &si, WEXITED) == 0 && si.si_pid == pid && si.si_code == CLD_KILLED &&
		    si.si_status == SIGKILL);
	report_errno(kill(pid, 0), ESRCH);
	/* A zombie is still there. */
	pid = fork();
	if (pid == 0)
		_exit(0);
	waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT);
	report_true(kill(pid, 0) == 0 && getpgid(pid) == getpgrp());
	waitpid(pid, NULL, 0);
	report_errno(waitid(P_ALL, 0, &si, 0), EINVAL);
	report_errno(waitpid(-1, &st, 0x40000), EINVAL);
}

static volatile sig_atomic_t got_signo, got_pid, got_code, got_status;

static void on_child(int sig, siginfo_t *si, void *uc)
{
	(void)uc;
	got_signo = sig;
	got_pid = si->si_pid;
	got_code = si->si_code;
	got_status = si->si_status;
}

static void child_signals(void)
{
	struct sigaction sa = {.sa_sigaction = on_child, .sa_flags = SA_SIGINFO}, ign = {.sa_handler = SIG_IGN}, old;
	sigset_t block, none;
	pid_t pid;

	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGCHLD);
	sigprocmask(SIG_BLOCK, &block, NULL);
	sigaction(SIGCHLD, &sa, &old);
	pid = fork();
	if (pid == 0)
		_exit(8);
	while (got_signo == 0)
		sigsuspend(&none);
	report_true(got_signo == SIGCHLD && got_pid == pid && got_code == CLD_EXITED && got_status == 8);
	report_eq(status_of(pid), 8);
	sigaction(SIGCHLD, &ign, NULL);
	pid = fork();
	if (pid == 0)
		_exit(0);
	report_errno(waitpid(pid, NULL, 0), ECHILD); /* after it has ended: nobody wants to know */
	sigaction(SIGCHLD, &old, NULL);
	sigprocmask(SIG_UNBLOCK, &block, NULL);

	/* What the child has of signals: actions and mask, nothing pending, no timer. */
	sigset_t usr1, pending;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	raise(SIGUSR1);
	alarm(100);
	report_eq(in_child(sigset_t m; sigpending(&pending); sigprocmask(SIG_BLOCK, NULL, &m);
			   _exit(!sigismember(&pending, SIGUSR1) && sigismember(&m, SIGUSR1) && alarm(0) == 0)),
		  1);
	alarm(0);
	sigpending(&pending);
	report_true(sigismember(&pending, SIGUSR1));
	signal(SIGUSR1, SIG_IGN);
	sigprocmask(SIG_UNBLOCK, &usr1, NULL);
	signal(SIGUSR1, SIG_DFL);
}

static char vfork_stack[65536] __attribute__((aligned(16)));

static int clone_fn(void *arg)
{
	*(int *)arg = 31;
	_exit(4);
}

static void clone_forms(void)
{
	int word = 0, tid = 0;
	pid_t pid;

	/* Memory is the parent's, which waits. */
	pid = clone(clone_fn, vfork_stack + sizeof(vfork_stack), CLONE_VM | CLONE_VFORK | SIGCHLD, &word);
	report_true(pid > 0 && word == 31 && status_of(pid) == 4);
	/* Without a signal: only __WALL or __WCLONE finds it. */
	pid = clone(clone_fn, vfork_stack + sizeof(vfork_stack), CLONE_VM | CLONE_VFORK, &word);
	report_errno(waitpid(pid, NULL, 0), ECHILD);
	report_eq(waitpid(pid, NULL, __WCLONE), pid);
	/* The ids are written. */
	pid = (pid_t)syscall(SYS_clone, CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, 0, &word, &tid, 0);
	if (pid == 0)
		_exit(tid == getpid());
	report_true(word == pid && tid == 0 && status_of(pid) == 1);
	/* One table of files. */
	int fd = open("/dev/null", O_RDONLY);
	pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, NULL, NULL, 0);
	if (pid == 0)
		_exit(close(fd));
	report_true(status_of(pid) == 0 && fcntl(fd, F_GETFD) == -1);
	struct clone_args a = {.flags = CLONE_VFORK, .exit_signal = SIGCHLD};
	pid = (pid_t)syscall(SYS_clone3, &a, sizeof(a));
	if (pid == 0)
		_exit(12);
	report_eq(status_of(pid), 12);
	report_errno(syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, NULL, NULL, 0), EINVAL);
	report_errno(syscall(SYS_clone, CLONE_THREAD | SIGCHLD, 0, NULL, NULL, 0), EINVAL);
}

static void *exec_from_thread(void *arg)
{
	char *argv[] = {"/bin/sh", "-c", "exit $(($$ == $PARENT ? 21 : 1))", NULL};
	char env[32], *envp[] = {env, NULL};

	(void)arg;
	snprintf(env, sizeof(env), "PARENT=%d", getpid());
	execve(argv[0], argv, envp);
	_exit(98);
}

static void programs(void)
{
	extern char **environ;
	char *argv[] = {"sh", "-c", "exit 9", NULL};
	pid_t pid;

	pid = vfork();
	if (pid == 0) {
		execv("/bin/sh", argv);
		_exit(98);
	}
	report_eq(status_of(pid), 9);
	report_true(posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ) == 0 && status_of(pid) == 9);
	report_eq(posix_spawn(&pid, "/no/such/program", NULL, NULL, argv, environ), ENOENT);
	report_eq(WEXITSTATUS(system("exit 5")), 5);
	report_eq(in_child(execl("/no/such", "x", NULL); _exit(errno)), ENOENT);
	report_eq(in_child(execl("/bin/sh", "sh", "-c", "exit $(($(echo a | tr a b | wc -c) + 4))", NULL)), 6);
	int prog = open("/bin/sh", O_RDONLY | O_CLOEXEC);
	report_eq(in_child(fexecve(prog, argv, environ)), 9);
	close(prog);
	/* By another thread than the first: the id stays. */
	pid = fork();
	if (pid == 0) {
		pthread_t th;
		pthread_create(&th, NULL, exec_from_thread, NULL);
		pause();
	}
	report_eq(status_of(pid), 21);
	/* Marked descriptors are closed, others stay. */
	int fd[2];
	char buf[8];
	report_eq(pipe2(fd, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fd[1], 1);
		execl("/bin/sh", "sh", "-c", "echo out; kill -0 $PPID", NULL);
		_exit(98);
	}
	close(fd[1]);
	report_true(read(fd[0], buf, 4) == 4 && memcmp(buf, "out\n", 4) == 0 && read(fd[0], buf, 4) == 0);
	report_eq(status_of(pid), 0);
	close(fd[0]);
}

static void orphans(void)
{
	int fd[2], st;
	pid_t ids[2], child;

	report_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	if (pipe(fd) != 0)
		return;
	child = fork();
	if (child == 0) {
		pid_t grandchild = fork();
		if (grandchild == 0) {
			pid_t parent = getppid();
			char c;
			prctl(PR_SET_PDEATHSIG, SIGUSR2);
			sigset_t set;
			sigemptyset(&set);
			sigaddset(&set, SIGUSR2);
			sigprocmask(SIG_BLOCK, &set, NULL);
			if (write(fd[1], "r", 1) != 1)
				_exit(1);
			int sig;
			sigwait(&set, &sig);
			(void)c;
			ids[0] = parent;
			ids[1] = getppid();
			_exit(write(fd[1], ids, sizeof(ids)) == sizeof(ids) && sig == SIGUSR2 ? 2 : 1);
		}
		char c;
		if (read(fd[0], &c, 1) != 1)
			_exit(1);
		_exit(0);
	}
	report_eq(status_of(child), 0);
	report_true(read(fd[0], ids, sizeof(ids)) == sizeof(ids) && ids[0] == child && ids[1] == getpid());
	report_true(waitpid(-1, &st, 0) > 0 && WEXITSTATUS(st) == 2);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	close(fd[0]);
	close(fd[1]);
}

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static void pidfds(void)
{
	int fd[2], pidfd = -1;
	siginfo_t si;

	if (pipe(fd) != 0)
		return;
	pid_t pid = fork();
	if (pid == 0) {
		pause();
		_exit(1);
	}
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	report_true(pidfd >= 0 && fcntl(pidfd, F_GETFD) == FD_CLOEXEC);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	report_eq(poll(&p, 1, 0), 0);
	int theirs = (int)syscall(SYS_pidfd_getfd, pidfd, fd[1], 0);
	report_true(theirs >= 0 && write(theirs, "x", 1) == 1);
	report_eq(syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0), 0);
	report_true(poll(&p, 1, 10000) == 1 && (p.revents & POLLIN));
	memset(&si, 0, sizeof(si));
	report_true(waitid(P_PIDFD, (id_t)pidfd, &si, WEXITED) == 0 && si.si_pid == pid && si.si_status == SIGTERM);
	report_errno(waitid(P_PIDFD, (id_t)pidfd, &si, WEXITED), ECHILD);
	report_errno(syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0), ESRCH);
	report_errno(syscall(SYS_pidfd_open, 999999, 0), ESRCH);
	report_errno(syscall(SYS_pidfd_open, 0, 0), EINVAL);
	report_errno(syscall(SYS_pidfd_send_signal, fd[0], SIGTERM, NULL, 0), EBADF);
	close(pidfd);
	close(theirs);
	close(fd[0]);
	close(fd[1]);
	struct clone_args a = {.flags = CLONE_PIDFD, .exit_signal = SIGCHLD, .pidfd = (uint64_t)&pidfd};
	pid = (pid_t)syscall(SYS_clone3, &a, sizeof(a));
	if (pid == 0)
		_exit(17);
	report_true(waitid(P_PIDFD, (id_t)pidfd, &si, WEXITED) == 0 && si.si_pid == pid && si.si_status == 17);
	close(pidfd);
}

static void limits(void)
{
	struct rlimit r;
	pid_t pid;

	report_true(getpriority(PRIO_PGRP, 0) == getpriority(PRIO_PROCESS, 0));
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		pid_t child = fork();
		if (child == 0) {
			pause();
			_exit(1);
		}
		int err = setpriority(PRIO_PGRP, 0, 7);
		bool ok = err == 0 && getpriority(PRIO_PROCESS, (id_t)child) == 7 && getpriority(PRIO_PROCESS, 0) == 7;
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		_exit(ok ? 0 : 1);
	}
	report_eq(status_of(pid), 0);
	report_errno(setpriority(PRIO_PGRP, 999999, 7), ESRCH);
	/* Not for root, who may pass the limit. */
	pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && setresuid(54321, 54321, 54321) != 0)
			_exit(1);
		getrlimit(RLIMIT_NPROC, &r);
		r.rlim_cur = 1;
		setrlimit(RLIMIT_NPROC, &r);
		pid = fork();
		if (pid == 0)
			_exit(0);
		_exit(pid == -1 && errno == EAGAIN ? 0 : 2);
	}
	report_eq(status_of(pid), 0);
}

static void *waiter(void *arg)
{
	*(int *)arg = status_of(*(int *)arg);
	return NULL;
}

static void threads(void)
{
	pthread_t th;
	int arg = fork();

	if (arg == 0)
		_exit(14);
	pthread_create(&th, NULL, waiter, &arg); /* any thread may wait for it */
	pthread_join(th, NULL);
	report_eq(arg, 14);
	report_eq(in_child(_exit(system("exit 3") == 3 << 8)), 1);
}

/* Many that write little of what they have in common must fit: 90 times 16 MiB would not. */
static void many(void)
{
	enum { CHILDREN = 90, BYTES = 16 << 20, APART = 64 << 12 };
	char *big = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), c;
	int ready[2], go[2], made = 0, wrote = 0, ended = 0;

	if (pipe(ready) != 0 || pipe(go) != 0)
		return;
	madvise(big, BYTES, MADV_NOHUGEPAGE);
	memset(big, 1, BYTES);
	for (; made < CHILDREN; made++) {
		pid_t pid = fork();

		if (pid < 0)
			break;
		if (pid > 0)
			continue;
		close(go[1]);
		close(ready[0]);
		for (int i = 0; i < BYTES; i += APART)
			big[i] = 2;
		_exit(write(ready[1], "x", 1) == 1 && read(go[0], &c, 1) == 0 ? 0 : 1);
	}
	close(ready[1]);
	close(go[0]);
	while (wrote < made && read(ready[0], &c, 1) == 1)
		wrote++;
	close(go[1]);
	for (int i = 0, st; i < made; i++)
		ended += wait(&st) > 0 && st == 0;
	report_eq(made, CHILDREN);
	report_eq(wrote, CHILDREN);
	report_eq(ended, CHILDREN);
	close(ready[0]);
	munmap(big, BYTES);
}

int main(void)
{
	copies();
	many();
	shared_memory();
	shared_futex();
	files();
	waiting();
	child_signals();
	clone_forms();
	programs();
	orphans();
	pidfds();
	limits();
	threads();
	return report_summary();
}
