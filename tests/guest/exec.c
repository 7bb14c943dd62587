/* SPDX-License-Identifier: MIT */
/* A program that replaces itself: errors leave it as it was; what a new program gets and what it does not inherit. */
#include "report.h"

#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGAIN       "/proc/self/exe"
#define OLD_MAPPING ((void *)0x200000000000)

extern char **environ;

static const char *write_file(const char *name, const void *data, size_t bytes, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, mode);

	if (fd < 0 || write(fd, data, bytes) != (ssize_t)bytes)
		perror(name);
	close(fd);
	return name;
}

static void errors(void)
{
	char *argv[] = {"x", NULL}, *huge = malloc(200 << 10), *long_argv[] = {"x", huge, NULL};
	static char *many[300000];
	char bytes[4096];
	int fd = open("/proc/self/exe", O_RDONLY);
	ssize_t n = read(fd, bytes, sizeof(bytes));
	Elf64_Ehdr *eh = (Elf64_Ehdr *)bytes;

	close(fd);
	report_errno(execve("/tmp/nothing", argv, environ), ENOENT);
	report_errno(execve("/tmp", argv, environ), EACCES);
	report_errno(execve("", argv, environ), ENOENT);
	report_errno(execve((char *)8, argv, environ), EFAULT);
	report_errno(execve(AGAIN, (char **)8, environ), EFAULT);
	report_errno(execve(write_file("/tmp/x1", "text", 4, 0700), argv, environ), ENOEXEC);
	report_errno(execve(write_file("/tmp/x2", "", 0, 0700), argv, environ), ENOEXEC);
	report_errno(execve(write_file("/tmp/x3", bytes, (size_t)n, 0600), argv, environ), EACCES);
	report_errno(execve(write_file("/tmp/x4", "#!/tmp/nothing\n", 15, 0700), argv, environ), ENOENT);
	report_errno(execve(write_file("/tmp/x5", "#!/tmp/x5\n", 10, 0700), argv, environ), ELOOP);
	eh->e_machine = EM_AARCH64;
	report_errno(execve(write_file("/tmp/x6", bytes, (size_t)n, 0700), argv, environ), ENOEXEC);
	eh->e_machine = EM_X86_64;
	eh->e_phnum = 0;
	report_errno(execve(write_file("/tmp/x7", bytes, (size_t)n, 0700), argv, environ), ENOEXEC);
	memset(huge, 'a', (200 << 10) - 1);
	huge[(200 << 10) - 1] = '\0';
	report_errno(execve(AGAIN, long_argv, environ), E2BIG);
	for (size_t i = 0; i + 1 < sizeof(many) / sizeof(many[0]); i++)
		many[i] = "0123456789";
	report_errno(execve(AGAIN, many, environ), E2BIG);
	report_errno(execveat(AT_FDCWD, AGAIN, argv, environ, 0x40000000), EINVAL);
	for (char name[] = "/tmp/x1"; name[6] <= '7'; name[6]++)
		unlink(name);
	free(huge);
}

static void handler(int signo)
{
	(void)signo;
}

static void *sleeper(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

static void go(const char *stage)
{
	char *argv[] = {"name of my own", (char *)stage, "", "two words", NULL};
	char *envp[] = {"FIRST=1", "EMPTY=", "LAST=\xc3\xa4", NULL};
	pthread_t t;

	signal(SIGUSR1, handler);
	signal(SIGUSR2, SIG_IGN);
	mmap(OLD_MAPPING, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	dup2(1, 50);
	fcntl(50, F_SETFD, 0);
	dup2(1, 51);
	fcntl(51, F_SETFD, FD_CLOEXEC);
	pthread_create(&t, NULL, sleeper, NULL); /* other threads end */
	execve(AGAIN, argv, envp);
	report(false, "execve of ourselves (errno %d)", errno);
}

static bool file_has(const char *path, const char *want, size_t bytes)
{
	char buf[256];
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, buf, sizeof(buf));

	close(fd);
	return n == (ssize_t)bytes && memcmp(buf, want, bytes) == 0;
}

static void second(int argc, char **argv)
{
	struct sigaction sa;
	unsigned char vec;

	report_eq(argc, 4);
	report_true(strcmp(argv[0], "name of my own") == 0 && argv[2][0] == '\0' && strcmp(argv[3], "two words") == 0 &&
		    argv[4] == NULL);
	report_true(strcmp(environ[0], "FIRST=1") == 0 && strcmp(environ[1], "EMPTY=") == 0 &&
		    strcmp(environ[2], "LAST=\xc3\xa4") == 0);
	report_true(environ[3] == NULL);
	report_true(file_has("/proc/self/cmdline", "name of my own\0second\0\0two words", 33));
	report_true(file_has("/proc/self/environ", "FIRST=1\0EMPTY=\0LAST=\xc3\xa4", 23));
	report_true(strcmp((char *)getauxval(AT_EXECFN), AGAIN) == 0);
	report_true(strcmp((char *)getauxval(AT_PLATFORM), "x86_64") == 0);
	report_eq(getauxval(AT_PAGESZ), 4096);
	report_eq(getauxval(AT_CLKTCK), 100);
	report_eq(getauxval(AT_SECURE), 0);
	report_eq(getauxval(AT_PHENT), sizeof(Elf64_Phdr));
	report_true(getauxval(AT_UID) == getuid() && getauxval(AT_EGID) == getegid());
	report_true(getauxval(AT_RANDOM) % 16 == 0 || getauxval(AT_RANDOM) != 0);
	report_true(((Elf64_Phdr *)getauxval(AT_PHDR))->p_type == PT_PHDR || getauxval(AT_PHNUM) > 3);
	report_true(getauxval(AT_MINSIGSTKSZ) >= 1000);
	report_eq(((uintptr_t)argv - 8) % 16, 0);
	report_errno(mincore(OLD_MAPPING, 4096, &vec), ENOMEM);
	sigaction(SIGUSR1, NULL, &sa);
	report_true(sa.sa_handler == SIG_DFL);
	sigaction(SIGUSR2, NULL, &sa);
	report_true(sa.sa_handler == SIG_IGN);
	report_true(fcntl(50, F_GETFD) == 0);
	report_errno(fcntl(51, F_GETFD), EBADF);
	report_true(sbrk(0) != (void *)-1);
}

static pthread_barrier_t gate;

static void *exec_quietly(void *arg)
{
	char *argv[] = {"again", "quiet", NULL};

	pthread_barrier_wait(&gate);
	execv(AGAIN, argv);
	return arg;
}

/* One becomes the new program, the others end. */
static void several_at_once(void)
{
	int status, wrong = 0;

	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			pthread_t t;

			pthread_barrier_init(&gate, NULL, 3);
			pthread_create(&t, NULL, exec_quietly, NULL);
			pthread_create(&t, NULL, exec_quietly, NULL);
			exec_quietly(NULL);
			_exit(1);
		}
		wrong += waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 42;
	}
	report(wrong == 0, "several threads exec at once");
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "quiet") == 0)
		return 42;
	if (argc > 1 && strcmp(argv[1], "second") == 0) {
		second(argc, argv);
		return report_summary();
	}
	errors();
	several_at_once();
	go("second");
	return report_summary();
}
