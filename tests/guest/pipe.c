/* SPDX-License-Identifier: MIT */
/* Pipes, FIFOs, eventfd, dup and the descriptor table. */
#include "report.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static void pipes(void)
{
	int fd[2];
	char buf[70000] = "";
	struct stat st;
	int n;

	report_eq(pipe2(fd, O_NONBLOCK | O_CLOEXEC), 0);
	report_eq(fcntl(fd[0], F_GETFD), FD_CLOEXEC);
	report_eq(fcntl(fd[0], F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY | O_NONBLOCK);
	report_eq(fcntl(fd[1], F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_WRONLY | O_NONBLOCK);
	report_errno(read(fd[0], buf, 1), EAGAIN);
	report_eq(write(fd[1], "hello", 5), 5);
	report_true(ioctl(fd[0], FIONREAD, &n) == 0 && n == 5);
	report_eq(read(fd[0], buf, 2), 2);
	report_eq(read(fd[0], buf + 2, 100), 3);
	report(memcmp(buf, "hello", 5) == 0, "bytes come in order");
	report_eq(write(fd[1], buf, 70000), 65536);
	report_errno(write(fd[1], buf, 1), EAGAIN);
	report_eq(fcntl(fd[1], F_GETPIPE_SZ), 65536);
	report_eq(read(fd[0], buf, 4096), 4096);
	report_eq(write(fd[1], buf, 5000), 4096);
	while (read(fd[0], buf, sizeof(buf)) > 0)
		;
	report_eq(write(fd[1], NULL, 0), 0);
	report_errno(read(fd[1], buf, 1), EBADF);
	report_errno(write(fd[0], buf, 1), EBADF);
	report_errno(lseek(fd[0], 0, SEEK_SET), ESPIPE);
	report_errno(pread(fd[0], buf, 1, 0), ESPIPE);
	report_true(fstat(fd[0], &st) == 0 && S_ISFIFO(st.st_mode));
	report_eq(write(fd[1], "ab", 2), 2);
	close(fd[1]);
	report_eq(read(fd[0], buf, 10), 2);
	report_eq(read(fd[0], buf, 10), 0);
	close(fd[0]);
	pipe(fd);
	close(fd[0]);
	signal(SIGPIPE, SIG_IGN);
	report_errno(write(fd[1], "x", 1), EPIPE);
	signal(SIGPIPE, SIG_DFL);
	close(fd[1]);
	report_errno(pipe2(fd, 0x40000000), EINVAL);
}

static void descriptors(void)
{
	int fd = open("/dev/null", O_RDWR), a, b;
	struct rlimit old, low;

	report_true((a = dup(fd)) > fd);
	close(a);
	report_eq((b = fcntl(fd, F_DUPFD_CLOEXEC, 100)) >= 100, 1);
	report_eq(fcntl(b, F_GETFD), FD_CLOEXEC);
	report_eq(dup2(fd, b), b);
	report_eq(fcntl(b, F_GETFD), 0);
	report_eq(dup2(fd, fd), fd);
	report_errno(dup3(fd, fd, 0), EINVAL);
	report_errno(dup2(fd, -1), EBADF);
	report_errno(dup2(12345, 3), EBADF);
	report_errno(close(12345), EBADF);
	report_errno(fcntl(12345, F_GETFD), EBADF);
	report_errno(fcntl(fd, 9999), EINVAL);
	close(b);
	report_errno(close(b), EBADF);
	getrlimit(RLIMIT_NOFILE, &old);
	low = (struct rlimit){20, old.rlim_max};
	setrlimit(RLIMIT_NOFILE, &low);
	report_errno(fcntl(fd, F_DUPFD, 20), EINVAL);
	while ((a = dup(fd)) >= 0)
		;
	report_errno(dup(fd), EMFILE);
	report_errno(open("/dev/null", O_RDONLY), EMFILE);
	for (int i = fd + 1; i < 20; i++)
		close(i);
	setrlimit(RLIMIT_NOFILE, &old);
	a = open("/dev/null", O_RDONLY);
	report(a == fd + 1, "the lowest free number is given");
	close(a);
	close(fd);
}

static void eventfds(void)
{
	uint64_t v = 5;
	int fd = eventfd(3, EFD_NONBLOCK), sem;

	report_eq(read(fd, &v, 8), 8);
	report_eq(v, 3);
	report_errno(read(fd, &v, 8), EAGAIN);
	report_errno(read(fd, &v, 4), EINVAL);
	v = 7;
	report_eq(write(fd, &v, 8), 8);
	report_eq(write(fd, &v, 8), 8);
	report_eq(read(fd, &v, 8), 8);
	report_eq(v, 14);
	v = UINT64_MAX;
	report_errno(write(fd, &v, 8), EINVAL);
	v = UINT64_MAX - 1;
	report_eq(write(fd, &v, 8), 8);
	v = 1;
	report_errno(write(fd, &v, 8), EAGAIN);
	report_eq(poll(&(struct pollfd){fd, POLLIN | POLLOUT, 0}, 1, 0), 1);
	close(fd);
	sem = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	report_true(read(sem, &v, 8) == 8 && v == 1);
	report_true(read(sem, &v, 8) == 8 && v == 1);
	report_errno(read(sem, &v, 8), EAGAIN);
	close(sem);
	report_errno(eventfd(0, 0x1234), EINVAL);
}

static void fifos(void)
{
	char name[] = "/tmp/cay-fifo-XXXXXX", buf[8];
	int r, w;

	mkdtemp(name);
	chdir(name);
	report_eq(mkfifo("f", 0600), 0);
	report_errno(mkfifo("f", 0600), EEXIST);
	report_errno(open("f", O_WRONLY | O_NONBLOCK), ENXIO);
	report_true((r = open("f", O_RDONLY | O_NONBLOCK)) >= 0);
	report_true((w = open("f", O_WRONLY | O_NONBLOCK)) >= 0);
	report_eq(write(w, "fifo", 4), 4);
	report_eq(read(r, buf, 8), 4);
	close(w);
	report_eq(read(r, buf, 8), 0);
	close(r);
	unlink("f");
	chdir("/");
	rmdir(name);
}

/* A pipe without a name is opened by /proc/self/fd/N, and never waits for its other end. */
static void reopened(void)
{
	char path[32], buf[8];
	int fd[2], again;

	if (pipe(fd) != 0)
		return;
	report_eq(write(fd[1], "abc", 3), 3);
	close(fd[1]);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd[0]);
	again = open(path, O_RDONLY);
	report_true(again >= 0 && read(again, buf, 8) == 3 && read(again, buf, 8) == 0);
	close(again);
	close(fd[0]);
}

static void vectors(void)
{
	int fd[2];
	char a[4] = "", b[8] = "";
	struct iovec out[3] = {{"ab", 2}, {NULL, 0}, {"cdef", 4}}, in[2] = {{a, 3}, {b, 8}};

	pipe(fd);
	report_eq(writev(fd[1], out, 3), 6);
	report_eq(readv(fd[0], in, 2), 6);
	report(memcmp(a, "abc", 3) == 0 && memcmp(b, "def", 3) == 0, "scatter and gather in order");
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	pipes();
	descriptors();
	eventfds();
	fifos();
	reopened();
	vectors();
	return report_summary();
}
