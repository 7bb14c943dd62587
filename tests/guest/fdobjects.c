/* SPDX-License-Identifier: MIT */
/* Objects behind descriptors: memfd and its seals, tee and splice, timerfd, signalfd, select, /proc/self/fd, devices.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "report.h"

static char buf[100000];

static void memfds(void)
{
	int fd = memfd_create("thing", MFD_ALLOW_SEALING | MFD_CLOEXEC), other = memfd_create("closed", 0);
	char link[100] = "", *p;

	report_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	report_eq(fcntl(fd, F_GET_SEALS), 0);
	report_eq(fcntl(other, F_GET_SEALS), F_SEAL_SEAL);
	report_errno(fcntl(other, F_ADD_SEALS, F_SEAL_GROW), EPERM);
	report_errno(memfd_create("x", 0x1000), EINVAL);
	report_eq(write(fd, "contents", 8), 8);
	report_eq(ftruncate(fd, 4096), 0);
	snprintf(buf, sizeof(buf), "/proc/self/fd/%d", fd);
	report_true(readlink(buf, link, sizeof(link)) > 0 && strcmp(link, "/memfd:thing (deleted)") == 0);
	report_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	report_errno(ftruncate(fd, 100), EPERM);
	report_errno(ftruncate(fd, 5000), EPERM);
	report_errno(pwrite(fd, "x", 1, 4096), EPERM);
	report_eq(pwrite(fd, "C", 1, 0), 1);
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	report_true(memcmp(p, "Contents", 8) == 0);
	report_errno(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	munmap(p, 4096);
	report_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL), 0);
	report_errno(pwrite(fd, "x", 1, 0), EPERM);
	report_errno(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL), EPERM);
	report_eq(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
	close(fd);
	close(other);
}

static void splices(void)
{
	int a[2], b[2], fd = memfd_create("x", 0);
	struct iovec iov = {"by vmsplice", 11};
	loff_t off = 2;

	if (pipe(a) != 0 || pipe(b) != 0)
		return;
	report_eq(vmsplice(a[1], &iov, 1, 0), 11);
	report_eq(tee(a[0], b[1], 100, 0), 11);
	report_eq(read(b[0], buf, 100), 11);
	report_eq(read(a[0], buf, 100), 11);
	report_errno(tee(a[0], b[1], 100, SPLICE_F_NONBLOCK), EAGAIN);
	report_errno(tee(a[0], a[1], 100, 0), EINVAL);
	report_errno(tee(fd, b[1], 100, 0), EINVAL);
	write(fd, "0123456789", 10);
	report_eq(splice(fd, &off, a[1], NULL, 5, 0), 5);
	report_eq(off, 7);
	report_eq(splice(a[0], NULL, b[1], NULL, 3, 0), 3);
	report_true(read(b[0], buf, 100) == 3 && memcmp(buf, "234", 3) == 0);
	report_errno(splice(fd, NULL, fd, NULL, 1, 0), EINVAL);
	close(a[1]);
	report_eq(read(a[0], buf, 100), 2);
	report_eq(tee(a[0], b[1], 100, 0), 0);
	close(a[0]);
	close(b[0]);
	close(b[1]);
	close(fd);
}

/* Many timers with periods that no machine can keep up with: the program goes on, and the periods are counted. */
static void fast_timerfds(void)
{
	enum { NR = 200 };
	struct itimerspec its = {.it_value.tv_nsec = 1, .it_interval.tv_nsec = 1};
	uint64_t ticks, total = 0;
	int fd[NR];

	for (int i = 0; i < NR; i++) {
		fd[i] = timerfd_create(CLOCK_MONOTONIC, 0);
		timerfd_settime(fd[i], 0, &its, NULL);
	}
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < NR; i++) {
			if (read(fd[i], &ticks, sizeof(ticks)) == sizeof(ticks))
				total += ticks;
		}
	}
	report(total >= 50 * NR, "reads of many timers with a period of 1 ns");
	timerfd_gettime(fd[0], &its);
	report(its.it_interval.tv_nsec == 1 && its.it_value.tv_sec == 0, "such a timer tells its setting");
	for (int i = 0; i < NR; i++)
		close(fd[i]);
}

static void timerfds(void)
{
	struct itimerspec its = {.it_value.tv_nsec = 5000000, .it_interval.tv_nsec = 2000000}, got;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct timespec now;
	uint64_t n = 0;

	report_errno(timerfd_create(99, 0), EINVAL);
	report_errno(read(fd, &n, 8), EAGAIN);
	report_eq(timerfd_settime(fd, 0, &its, NULL), 0);
	report_eq(timerfd_gettime(fd, &got), 0);
	report_true(got.it_value.tv_nsec > 0 && got.it_value.tv_nsec <= 5000000 && got.it_interval.tv_nsec == 2000000);
	report_errno(read(fd, &n, 4), EINVAL);
	report_eq(poll(&p, 1, 20000), 1);
	usleep(10000);
	report_true(read(fd, &n, 8) == 8 && n >= 3);
	its = (struct itimerspec){0};
	report_eq(timerfd_settime(fd, 0, &its, &got), 0);
	report_eq(poll(&p, 1, 10), 0);
	close(fd);
	fd = timerfd_create(CLOCK_REALTIME, 0);
	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_nsec += 3000000;
	now.tv_sec += now.tv_nsec / 1000000000;
	now.tv_nsec %= 1000000000;
	its.it_value = now;
	report_eq(timerfd_settime(fd, TFD_TIMER_ABSTIME, &its, NULL), 0);
	report_true(read(fd, &n, 8) == 8 && n == 1);
	report_errno(write(fd, &n, 8), EINVAL);
	close(fd);
}

static void signalfds(void)
{
	struct signalfd_siginfo info[2];
	union sigval v = {.sival_int = 77};
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	report_errno(read(fd, info, sizeof(info)), EAGAIN);
	report_eq(poll(&p, 1, 0), 0);
	raise(SIGUSR1);
	sigqueue(getpid(), SIGRTMIN, v);
	report_eq(poll(&p, 1, 0), 1);
	report_eq(read(fd, info, sizeof(info)), 2 * sizeof(info[0]));
	report_true(info[0].ssi_signo == SIGUSR1 && info[0].ssi_pid == (uint32_t)getpid());
	report_true(info[1].ssi_signo == (uint32_t)SIGRTMIN && info[1].ssi_int == 77 && info[1].ssi_code == SI_QUEUE);
	report_errno(read(fd, info, 10), EINVAL);
	sigdelset(&set, SIGUSR1);
	report_eq(signalfd(fd, &set, 0), fd);
	raise(SIGUSR1);
	report_eq(poll(&p, 1, 0), 0);
	close(fd);
	signal(SIGUSR1, SIG_IGN);
}

static void selects(void)
{
	struct timeval tv = {.tv_usec = 5000};
	struct timespec ts = {.tv_nsec = 5000000};
	fd_set r, w;
	int p[2];

	if (pipe(p) != 0)
		return;
	FD_ZERO(&r);
	FD_SET(p[0], &r);
	report_eq(select(p[0] + 1, &r, NULL, NULL, &tv), 0);
	report_true(!FD_ISSET(p[0], &r) && tv.tv_sec == 0 && tv.tv_usec == 0);
	write(p[1], "x", 1);
	FD_SET(p[0], &r);
	FD_ZERO(&w);
	FD_SET(p[1], &w);
	report_eq(pselect(p[1] + 1, &r, &w, NULL, &ts, NULL), 2);
	report_true(FD_ISSET(p[0], &r) && FD_ISSET(p[1], &w));
	close(p[0]);
	report_errno(select(p[1] + 1, &r, NULL, NULL, &tv), EBADF);
	report_errno(select(-1, NULL, NULL, NULL, NULL), EINVAL);
	close(p[1]);
}

static void reopened(void)
{
	char path[40];
	int p[2], again;

	if (pipe(p) != 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p[1]);
	again = open(path, O_WRONLY | O_NONBLOCK);
	report_true(again >= 0);
	close(p[1]);
	report_eq(write(again, "same pipe", 9), 9);
	report_eq(read(p[0], buf, 100), 9);
	close(again);
	report_eq(read(p[0], buf, 100), 0);
	close(p[0]);
}

static void devices(void)
{
	int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR), full = open("/dev/full", O_RDWR);
	char a[32], b[32], *p;
	struct stat st;

	report_true(fstat(null, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == 0x103);
	report_eq(read(null, buf, 10), 0);
	report_eq(write(null, buf, sizeof(buf)), (ssize_t)sizeof(buf));
	memset(buf, 1, 10);
	report_true(read(zero, buf, 10) == 10 && buf[0] == 0 && buf[9] == 0);
	report_errno(write(full, "x", 1), ENOSPC);
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
	report_true(p != MAP_FAILED && p[5000] == 0);
	p[5000] = 1;
	report_true(p[5000] == 1 && p[5001] == 0 && p[0] == 0);
	munmap(p, 8192);
	report_eq(getrandom(a, 32, 0), 32);
	report_eq(getrandom(b, 32, GRND_NONBLOCK), 32);
	report_true(memcmp(a, b, 32) != 0);
	report_errno(getrandom(a, 32, 0x80), EINVAL);
	report_errno(syscall(318, (void *)8, 32, 0), EFAULT);
	close(null);
	close(zero);
	close(full);
}

int main(void)
{
	memfds();
	splices();
	timerfds();
	fast_timerfds();
	signalfds();
	selects();
	reopened();
	devices();
	return report_summary();
}
