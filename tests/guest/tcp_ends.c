/* SPDX-License-Identifier: MIT */
/* How TCP connections end: half closed, shut, reset, disconnected, lingering (tcp(7), socket(7)). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "report.h"
#include "tcp_pair.h"

static void test_half_close(void)
{
	char b[10];
	int fd[2];

	pair(fd);
	send(fd[0], "abc", 3, 0);
	report_eq(shutdown(fd[0], SHUT_WR), 0);
	report_eq(events(fd[0], ALL), POLLOUT);
	report_errno(send(fd[0], b, 1, MSG_NOSIGNAL), EPIPE);
	report_eq(wait_events(fd[1], POLLRDHUP), POLLRDHUP);
	report_eq(events(fd[1], ALL), POLLIN | POLLOUT | POLLRDHUP);
	report_eq(recv(fd[1], b, 10, 0), 3);
	report_eq(recv(fd[1], b, 10, 0), 0);
	report_eq(events(fd[1], ALL), POLLIN | POLLOUT | POLLRDHUP);
	report_eq(send(fd[1], "de", 2, 0), 2);
	report_eq(recv(fd[0], b, 10, 0), 2);
	report_eq(shutdown(fd[1], SHUT_WR), 0);
	report_eq(wait_events(fd[0], POLLIN), POLLIN | POLLHUP);
	report_eq(events(fd[0], ALL), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
	report_eq(recv(fd[0], b, 10, 0), 0);
	report_eq(events(fd[1], ALL) & (POLLIN | POLLRDHUP | POLLHUP), POLLIN | POLLRDHUP | POLLHUP);
	close_pair(fd);
}

static void test_shut_read(void)
{
	char b[10];
	int fd[2];

	pair(fd);
	report_eq(shutdown(fd[0], SHUT_RD), 0);
	report_eq(recv(fd[0], b, 10, 0), 0);
	report_eq(events(fd[0], ALL), POLLIN | POLLOUT | POLLRDHUP);
	report_eq(send(fd[0], "x", 1, 0), 1);
	report_eq(recv(fd[1], b, 10, 0), 1);
	report_errno(shutdown(fd[0], 7), EINVAL);
	close_pair(fd);
}

static int sigpipes;

static void on_sigpipe(int sig)
{
	sigpipes++;
}

static void test_reset(void)
{
	struct linger linger = {1, 0};
	char b[10];
	int fd[2];

	pair(fd);
	setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	send(fd[1], "abc", 3, 0);
	close(fd[0]);
	report_eq(wait_events(fd[1], ALL), POLLIN | POLLOUT | POLLRDHUP | POLLHUP | POLLERR);
	report_errno(recv(fd[1], b, 10, 0), ECONNRESET);
	report_eq(recv(fd[1], b, 10, 0), 0);
	report_errno(send(fd[1], b, 1, MSG_NOSIGNAL), EPIPE);
	signal(SIGPIPE, on_sigpipe);
	report_errno(send(fd[1], b, 1, 0), EPIPE);
	report_eq(sigpipes, 1);
	report_errno(write(fd[1], b, 1), EPIPE);
	report_eq(sigpipes, 2);
	report_errno(getpeername(fd[1], (struct sockaddr *)b, &(socklen_t){0}), ENOTCONN);
	close(fd[1]);

	/* Data that was not read makes close a reset, but what had arrived before is still there. */
	pair(fd);
	send(fd[0], "abc", 3, 0);
	send(fd[1], "xyz", 3, 0);
	wait_events(fd[0], POLLIN);
	wait_events(fd[1], POLLIN);
	close(fd[0]);
	wait_events(fd[1], POLLHUP);
	report_eq(get_int(fd[1], SOL_SOCKET, SO_ERROR), ECONNRESET);
	report_eq(recv(fd[1], b, 10, 0), 3);
	report_eq(recv(fd[1], b, 10, 0), 0);
	close(fd[1]);

	/* Writing to who has gone: first it works, then the answer is a reset. */
	pair(fd);
	close(fd[0]);
	wait_events(fd[1], POLLIN);
	report_eq(send(fd[1], b, 1, MSG_NOSIGNAL), 1);
	wait_events(fd[1], POLLHUP);
	report_errno(send(fd[1], b, 1, MSG_NOSIGNAL), EPIPE);
	close(fd[1]);
}

static void test_disconnect(void)
{
	struct sockaddr_in a = {.sin_family = AF_UNSPEC};
	int fd[2], l;
	char b;

	pair(fd);
	report_eq(connect(fd[0], (struct sockaddr *)&a, sizeof(a)), 0);
	report_errno(getpeername(fd[0], (struct sockaddr *)&a, &(socklen_t){sizeof(a)}), ENOTCONN);
	wait_events(fd[1], POLLHUP);
	report_errno(recv(fd[1], &b, 1, 0), ECONNRESET);
	l = listener(5);
	a = local(port_of(l));
	report_eq(connect(fd[0], (struct sockaddr *)&a, sizeof(a)), 0);
	close(l);
	close_pair(fd);
}

static void test_linger(void)
{
	struct linger linger = {1, 10};
	char b[4];
	int fd[2];

	pair(fd);
	setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	send(fd[0], "abc", 3, 0);
	report_eq(close(fd[0]), 0); /* until it has been acknowledged */
	report_eq(recv(fd[1], b, 4, MSG_DONTWAIT), 3);
	report_eq(recv(fd[1], b, 4, 0), 0);
	close(fd[1]);
}

/* What came before a reset is read all the same, and its end is the end that the peer meant. */
static void test_reset_after_the_end(void)
{
	struct linger linger = {1, 0};
	char b[4];
	int fd[2];

	pair(fd);
	send(fd[0], "abc", 3, 0);
	shutdown(fd[0], SHUT_WR);
	setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd[0]);
	report_eq(recv(fd[1], b, 4, 0), 3);
	report_eq(recv(fd[1], b, 4, 0), 0);
	report_eq(recv(fd[1], b, 4, 0), 0);
	report_errno(send(fd[1], b, 1, MSG_NOSIGNAL), EPIPE);
	close(fd[1]);
}

int main(void)
{
	test_half_close();
	test_shut_read();
	test_reset();
	test_disconnect();
	test_linger();
	test_reset_after_the_end();
	return report_summary();
}
