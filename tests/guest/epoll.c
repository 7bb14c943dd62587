/* SPDX-License-Identifier: MIT */
/* poll, select, epoll (level, edge, one-shot), timerfd, signalfd: who is told what and when. */
#include "report.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void polls(void)
{
	int fd[2];
	struct pollfd p[3];
	fd_set r, w;
	double begin;
	struct timeval tv = {0, 20000};

	pipe(fd);
	p[0] = (struct pollfd){fd[0], POLLIN, 0};
	p[1] = (struct pollfd){fd[1], POLLOUT, 0};
	p[2] = (struct pollfd){-5, POLLIN, 7};
	report_eq(poll(p, 3, 0), 1);
	report(p[0].revents == 0 && p[1].revents == POLLOUT && p[2].revents == 0,
	       "an empty pipe is writable only; negative descriptors are skipped");
	begin = now();
	report_eq(poll(p, 1, 30), 0);
	report(now() - begin >= 0.029, "poll waits its time");
	write(fd[1], "x", 1);
	report_true(poll(p, 1, -1) == 1 && p[0].revents == POLLIN);
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_SET(fd[0], &r);
	FD_SET(fd[1], &w);
	report_eq(select(fd[1] + 1, &r, &w, NULL, &tv), 2);
	read(fd[0], &r, 1);
	FD_ZERO(&r);
	FD_SET(fd[0], &r);
	report_eq(select(fd[0] + 1, &r, NULL, NULL, &tv), 0);
	report_true(!FD_ISSET(fd[0], &r));
	close(fd[1]);
	report_true(poll(p, 1, 0) == 1 && p[0].revents == POLLHUP);
	close(fd[0]);
	p[0].fd = 9999;
	report_true(poll(p, 1, 0) == 1 && p[0].revents == POLLNVAL);
	report_errno(select(-1, NULL, NULL, NULL, &tv), EINVAL);
	report_errno(poll(p, 1 << 30, 0), EINVAL);
}

static void epolls(void)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), fd[2], ev = eventfd(0, EFD_NONBLOCK), ep2;
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = 77}, got[4];
	uint64_t one = 1, v;

	pipe(fd);
	report_eq(epoll_ctl(ep, EPOLL_CTL_ADD, fd[0], &e), 0);
	report_errno(epoll_ctl(ep, EPOLL_CTL_ADD, fd[0], &e), EEXIST);
	report_errno(epoll_ctl(ep, EPOLL_CTL_MOD, ev, &e), ENOENT);
	report_errno(epoll_ctl(ep, EPOLL_CTL_DEL, ev, NULL), ENOENT);
	report_errno(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &e), EINVAL);
	report_errno(epoll_ctl(ep, EPOLL_CTL_ADD, 9999, &e), EBADF);
	report_errno(epoll_wait(ep, got, 0, 0), EINVAL);
	report_eq(epoll_wait(ep, got, 4, 0), 0);
	write(fd[1], "x", 1);
	report_true(epoll_wait(ep, got, 4, -1) == 1 && got[0].data.u64 == 77 && got[0].events == EPOLLIN);
	report_eq(epoll_wait(ep, got, 4, 0), 1);
	e.events = EPOLLIN | EPOLLET;
	epoll_ctl(ep, EPOLL_CTL_MOD, fd[0], &e);
	report_eq(epoll_wait(ep, got, 4, 0), 1);
	report_eq(epoll_wait(ep, got, 4, 0), 0);
	write(fd[1], "y", 1);
	report_eq(epoll_wait(ep, got, 4, 0), 1);
	e.events = EPOLLIN | EPOLLONESHOT;
	epoll_ctl(ep, EPOLL_CTL_MOD, fd[0], &e);
	report_eq(epoll_wait(ep, got, 4, 0), 1);
	write(fd[1], "z", 1);
	report_eq(epoll_wait(ep, got, 4, 0), 0);
	epoll_ctl(ep, EPOLL_CTL_MOD, fd[0], &e);
	report_eq(epoll_wait(ep, got, 4, 0), 1);
	e = (struct epoll_event){.events = EPOLLIN | EPOLLOUT, .data.u64 = 5};
	epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e);
	report_true(epoll_wait(ep, got, 4, 0) == 1 && got[0].events == EPOLLOUT && got[0].data.u64 == 5);
	write(ev, &one, 8);
	report_true(epoll_wait(ep, got, 4, 0) == 1 && got[0].events == (EPOLLIN | EPOLLOUT));
	read(ev, &v, 8);
	/* An epoll in an epoll. */
	ep2 = epoll_create1(0);
	e = (struct epoll_event){.events = EPOLLIN, .data.u64 = 1};
	report_eq(epoll_ctl(ep2, EPOLL_CTL_ADD, ep, &e), 0);
	report_eq(epoll_wait(ep2, got, 4, 0), 1);
	report_errno(epoll_ctl(ep, EPOLL_CTL_ADD, ep2, &e), ELOOP);
	close(ev);
	report_eq(epoll_wait(ep, got, 4, 0), 0);
	e.events = EPOLLIN;
	epoll_ctl(ep, EPOLL_CTL_MOD, fd[0], &e);
	close(fd[1]);
	report_true(epoll_wait(ep, got, 4, 0) == 1 && got[0].events == (EPOLLIN | EPOLLHUP));
	close(fd[0]);
	report_eq(epoll_wait(ep, got, 4, 10), 0);
	close(ep);
	close(ep2);
	ev = open("/proc/self/exe", O_RDONLY);
	ep = epoll_create1(0);
	report_errno(epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e), EPERM);
	close(ev);
	close(ep);
}

/* Who asks for nothing is told of errors and hang-ups all the same, until a one-shot is spent. */
static void errors_only(uint32_t flags, const char *name)
{
	struct epoll_event e = {.events = flags, .data.u64 = 5}, got;
	int ep = epoll_create1(0), fd[2];

	pipe(fd);
	report_eq(epoll_ctl(ep, EPOLL_CTL_ADD, fd[1], &e), 0);
	report(epoll_wait(ep, &got, 1, 0) == 0, "%s: a pipe with room is not told", name);
	close(fd[0]);
	report(epoll_wait(ep, &got, 1, 1000) == 1 && got.events == EPOLLERR && got.data.u64 == 5,
	       "%s: one without readers is", name);
	report(epoll_wait(ep, &got, 1, 0) == (flags == 0), "%s: and then as asked for", name);
	report_eq(epoll_ctl(ep, EPOLL_CTL_MOD, fd[1], &e), 0);
	report(epoll_wait(ep, &got, 1, 0) == 1 && got.events == EPOLLERR, "%s: anew after a change", name);
	close(fd[1]);
	close(ep);
}

static void timers(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct itimerspec its = {.it_value.tv_sec = 100}, cur;
	struct pollfd p = {fd, POLLIN, 0};
	uint64_t n;

	report_errno(read(fd, &n, 8), EAGAIN);
	report_eq(timerfd_settime(fd, 0, &its, NULL), 0);
	report_true(timerfd_gettime(fd, &cur) == 0 && cur.it_value.tv_sec > 0);
	its.it_value = (struct timespec){.tv_nsec = 20000000};
	timerfd_settime(fd, 0, &its, NULL);
	report_eq(poll(&p, 1, 20000), 1);
	report_true(read(fd, &n, 8) == 8 && n == 1);
	its.it_interval.tv_nsec = 10000000;
	timerfd_settime(fd, 0, &its, NULL);
	usleep(75000);
	report_true(read(fd, &n, 8) == 8 && n >= 4 && n < 10000);
	its = (struct itimerspec){0};
	timerfd_settime(fd, 0, &its, &cur);
	report_true(cur.it_interval.tv_nsec == 10000000);
	report_eq(poll(&p, 1, 20), 0);
	its.it_value.tv_nsec = 2000000000;
	report_errno(timerfd_settime(fd, 0, &its, NULL), EINVAL);
	clock_gettime(CLOCK_MONOTONIC, &its.it_value);
	report_eq(timerfd_settime(fd, TFD_TIMER_ABSTIME, &its, NULL), 0);
	report_eq(poll(&p, 1, 20000), 1);
	close(fd);
	report_errno(timerfd_create(12345, 0), EINVAL);
}

static void signals(void)
{
	sigset_t set;
	struct signalfd_siginfo si;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK);
	report_errno(read(fd, &si, sizeof(si)), EAGAIN);
	raise(SIGUSR1);
	report_eq(poll(&(struct pollfd){fd, POLLIN, 0}, 1, 0), 1);
	report_true(read(fd, &si, sizeof(si)) == sizeof(si) && si.ssi_signo == SIGUSR1 &&
		    si.ssi_pid == (uint32_t)getpid());
	sigqueue(getpid(), SIGUSR2, (union sigval){.sival_int = 99});
	report_true(read(fd, &si, sizeof(si)) == sizeof(si) && si.ssi_signo == SIGUSR2 && si.ssi_int == 99);
	report_errno(read(fd, &si, 10), EINVAL);
	close(fd);
}

int main(void)
{
	polls();
	epolls();
	errors_only(0, "no events");
	errors_only(EPOLLET, "no events, edges");
	errors_only(EPOLLONESHOT, "no events, one-shot");
	timers();
	signals();
	return report_summary();
}
