/* SPDX-License-Identifier: MIT */
/* TCP Fast Open as programs see it where servers do not take it (Linux's default): the options (tcp(7)), and that data
 * given with the connection arrives once, with MSG_FASTOPEN and with TCP_FASTOPEN_CONNECT. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "report.h"

static char big[300000];
static struct sockaddr_in addr;
static int listener;

static int option(int s, int name)
{
	socklen_t len = sizeof(int);
	int v = -1;

	return getsockopt(s, IPPROTO_TCP, name, &v, &len) == 0 ? v : -errno;
}

static int set(int s, int name, int v)
{
	return setsockopt(s, IPPROTO_TCP, name, &v, sizeof(v));
}

static ssize_t open_with(int s, const void *data, size_t bytes, int flags)
{
	return sendto(s, data, bytes, MSG_FASTOPEN | flags, (struct sockaddr *)&addr, sizeof(addr));
}

static void start_listening(void)
{
	socklen_t len = sizeof(addr);

	listener = socket(AF_INET, SOCK_STREAM, 0);
	addr = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	report_eq(bind(listener, (struct sockaddr *)&addr, len), 0);
	report_eq(set(listener, TCP_FASTOPEN, 5), 0);
	report_eq(option(listener, TCP_FASTOPEN), 5);
	report_eq(listen(listener, 10), 0);
	report_eq(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
}

static void options(void)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);

	report_errno(set(listener, TCP_FASTOPEN, -1), EINVAL);
	report_errno(set(listener, TCP_FASTOPEN_CONNECT, 1), EINVAL);
	report_eq(option(s, TCP_FASTOPEN), 0);
	report_eq(option(s, TCP_FASTOPEN_CONNECT), 0);
	report_errno(set(s, TCP_FASTOPEN_CONNECT, 2), EINVAL);
	report_eq(set(s, TCP_FASTOPEN_CONNECT, 1), 0);
	report_eq(option(s, TCP_FASTOPEN_CONNECT), 1);
	report_eq(set(s, TCP_FASTOPEN_CONNECT, 0), 0);
	report_eq(connect(s, (struct sockaddr *)&addr, sizeof(addr)), 0);
	report_errno(set(s, TCP_FASTOPEN_CONNECT, 1), EINVAL);
	report_errno(set(s, TCP_FASTOPEN, 1), EINVAL);
	close(accept(listener, NULL, NULL));
	close(s);
}

/* All that comes on the next connection, up to the peer's end. */
static size_t accept_all(const char *name)
{
	int s = accept(listener, NULL, NULL);
	static char got[sizeof(big)];
	size_t total = 0;
	ssize_t n;

	while ((n = recv(s, got, sizeof(got), 0)) > 0)
		total += (size_t)n;
	report(n == 0, "%s: the stream ends", name);
	close(s);
	return total;
}

static void messages(void)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);

	report_eq(open_with(s, "hello", 5, 0), 5);
	report_errno(open_with(s, "x", 1, 0), EISCONN);
	report_errno(send(s, "x", 1, MSG_FASTOPEN), EISCONN);
	report_eq(send(s, " world", 6, 0), 6);
	close(s);
	report_eq(accept_all("a message"), 11);

	s = socket(AF_INET, SOCK_STREAM, 0);
	report_eq(open_with(s, "", 0, 0), 0);
	close(s);
	report_eq(accept_all("no data"), 0);

	s = socket(AF_INET, SOCK_STREAM, 0);
	report_errno(open_with(s, "hello", 5, MSG_DONTWAIT), EINPROGRESS);
	struct pollfd p = {.fd = s, .events = POLLOUT};
	report_true(poll(&p, 1, 5000) == 1 && p.revents == POLLOUT);
	report_eq(send(s, "hello", 5, 0), 5);
	close(s);
	report_eq(accept_all("not waiting"), 5);
}

static void failures(void)
{
	struct sockaddr any = {.sa_family = AF_UNSPEC};
	int s = socket(AF_INET, SOCK_STREAM, 0), closed = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(to);

	report_errno(send(s, "x", 1, MSG_FASTOPEN), EINVAL);
	report_errno(sendto(s, "x", 1, MSG_FASTOPEN, &any, sizeof(any)), EOPNOTSUPP);
	report_errno(open_with(listener, "x", 1, 0), EISCONN);
	bind(closed, (struct sockaddr *)&to, len); /* and does not listen */
	getsockname(closed, (struct sockaddr *)&to, &len);
	report_errno(sendto(s, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&to, len), ECONNREFUSED);
	close(closed);
	report(open_with(s, "again", 5, 0) == 5, "the socket can be used again");
	close(s);
	report_eq(accept_all("again"), 5);
	int u = socket(AF_INET, SOCK_DGRAM, 0);
	report_errno(set(u, TCP_FASTOPEN, 1), ENOPROTOOPT);
	close(u);
}

static void connecting(void)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);

	report_eq(set(s, TCP_FASTOPEN_CONNECT, 1), 0);
	report_eq(connect(s, (struct sockaddr *)&addr, sizeof(addr)), 0);
	report_errno(connect(s, (struct sockaddr *)&addr, sizeof(addr)), EISCONN);
	report_eq(write(s, big, 1000), 1000);
	close(s);
	report_eq(accept_all("by an option"), 1000);
}

static void long_message(void)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);
	pid_t child = fork();

	if (child == 0)
		_exit(open_with(s, big, sizeof(big), 0) == sizeof(big) ? 0 : 1);
	close(s);
	report_eq(accept_all("a long message"), sizeof(big));
}

int main(void)
{
	start_listening();
	options();
	messages();
	failures();
	connecting();
	long_message();
	return report_summary();
}
