/* SPDX-License-Identifier: MIT */
/* TCP sockets over loopback: opening, errors, data, options, polling (tcp(7), socket(7)). Linux is the oracle. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <linux/sockios.h>
#include <unistd.h>

#include "report.h"
#include "tcp_pair.h"

static void test_new_socket(void)
{
	char b[4];
	int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);

	report(fd >= 0, "socket(AF_INET, SOCK_STREAM)");
	report_eq(events(fd, ALL), POLLOUT | POLLHUP);
	report_errno(recv(fd, b, 1, 0), ENOTCONN);
	report_errno(send(fd, b, 1, MSG_NOSIGNAL), EPIPE);
	report_errno(shutdown(fd, SHUT_WR), ENOTCONN);
	report_errno(accept(fd, NULL, NULL), EINVAL);
	report_errno(getpeername(fd, (struct sockaddr *)b, &(socklen_t){0}), ENOTCONN);
	report_eq(get_int(fd, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
	report_eq(get_int(fd, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
	report_eq(get_int(fd, SOL_SOCKET, SO_DOMAIN), AF_INET);
	report_eq(get_int(fd, SOL_SOCKET, SO_ACCEPTCONN), 0);
	report_eq(get_int(fd, SOL_SOCKET, SO_RCVLOWAT), 1);
	close(fd);
	report_errno(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
}

static void test_refused(void)
{
	struct sockaddr_in a;
	int l = listener(1), fd, err;
	uint16_t port = port_of(l);

	close(l);
	a = local(port);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	report_errno(connect(fd, (struct sockaddr *)&a, sizeof(a)), ECONNREFUSED);
	report_eq(get_int(fd, SOL_SOCKET, SO_ERROR), 0);
	report_errno(connect(fd, (struct sockaddr *)&a, sizeof(a)), ECONNREFUSED);
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	err = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 ? 0 : errno;
	report(err == EINPROGRESS || err == ECONNREFUSED, "connect without blocking: in progress");
	if (err == EINPROGRESS) {
		report_eq(wait_events(fd, ALL), POLLIN | POLLOUT | POLLRDHUP | POLLHUP | POLLERR);
		report_eq(get_int(fd, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
		report_eq(get_int(fd, SOL_SOCKET, SO_ERROR), 0);
	}
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	report_errno(connect(fd, (struct sockaddr *)&a, 2), EINVAL);
	a.sin_family = AF_INET6;
	report_errno(connect(fd, (struct sockaddr *)&a, sizeof(a)), EAFNOSUPPORT);
	close(fd);
}

static void test_names(void)
{
	struct sockaddr_in a, b;
	socklen_t len = sizeof(a);
	int fd[2], l = listener(5);

	fd[0] = connect_to(port_of(l));
	fd[1] = accept4(l, (struct sockaddr *)&a, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	report_eq(len, sizeof(a));
	report_eq(ntohs(a.sin_port), port_of(fd[0]));
	report_eq(port_of(fd[1]), port_of(l));
	report_eq(fcntl(fd[1], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	report_eq(fcntl(fd[1], F_GETFD), FD_CLOEXEC);
	len = sizeof(b);
	getpeername(fd[0], (struct sockaddr *)&b, &len);
	report_eq(ntohs(b.sin_port), port_of(l));
	report_eq(b.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	a = local(port_of(l));
	report_errno(connect(fd[0], (struct sockaddr *)&a, sizeof(a)), EISCONN);
	report_errno(bind(fd[0], (struct sockaddr *)&a, sizeof(a)), EINVAL);
	report_errno(listen(fd[0], 1), EINVAL);
	close_pair(fd);
	int other = socket(AF_INET, SOCK_STREAM, 0);
	report_errno(bind(other, (struct sockaddr *)&a, sizeof(a)), EADDRINUSE);
	set_int(other, SOL_SOCKET, SO_REUSEADDR, 1);
	report_errno(bind(other, (struct sockaddr *)&a, sizeof(a)), EADDRINUSE);
	a.sin_addr.s_addr = htonl(0x08080808);
	report_errno(bind(other, (struct sockaddr *)&a, sizeof(a)), EADDRNOTAVAIL);
	close(other);
	close(l);
}

static void test_listen(void)
{
	int l = socket(AF_INET, SOCK_STREAM, 0), fd;

	report_eq(listen(l, 3), 0);
	report(port_of(l) != 0, "listen chooses a port");
	report_eq(get_int(l, SOL_SOCKET, SO_ACCEPTCONN), 1);
	report_eq(events(l, ALL), 0);
	fcntl(l, F_SETFL, O_NONBLOCK);
	report_errno(accept(l, NULL, NULL), EAGAIN);
	fd = connect_to(port_of(l));
	report_eq(wait_events(l, ALL), POLLIN);
	char b;
	report_errno(recv(l, &b, 1, 0), ENOTCONN);
	report_errno(send(l, &b, 1, MSG_NOSIGNAL), EPIPE);
	struct sockaddr_in a = local(port_of(l));
	report_errno(connect(l, (struct sockaddr *)&a, sizeof(a)), EISCONN);
	report_eq(shutdown(l, SHUT_RD), 0);
	report_errno(accept(l, NULL, NULL), EINVAL);
	close(l);
	/* What was not accepted is reset. */
	report_errno((wait_events(fd, POLLIN), recv(fd, &b, 1, 0)), ECONNRESET);
	close(fd);
}

static void test_data(void)
{
	char out[1000], in[2000];
	int fd[2], n;

	pair(fd);
	for (unsigned i = 0; i < sizeof(out); i++)
		out[i] = (char)i;
	report_eq(events(fd[0], ALL), POLLOUT);
	report_eq(send(fd[0], out, sizeof(out), 0), (ssize_t)sizeof(out));
	report_eq(wait_events(fd[1], POLLIN), POLLIN);
	report_eq(events(fd[1], ALL), POLLIN | POLLOUT);
	report_eq((ioctl(fd[1], FIONREAD, &n), n), (int)sizeof(out));
	report_eq(recv(fd[1], in, 10, MSG_PEEK), 10);
	report_eq(recv(fd[1], in, 5, MSG_TRUNC), 5);
	report_eq(recv(fd[1], in, sizeof(in), 0), (ssize_t)sizeof(out) - 5);
	report(memcmp(in, out + 5, sizeof(out) - 5) == 0, "the bytes that were sent");
	report_errno(recv(fd[1], in, 1, MSG_DONTWAIT), EAGAIN);
	report_errno(recv(fd[1], in, 0, MSG_DONTWAIT), EAGAIN);
	report_eq(read(fd[1], in, 0), 0);
	struct iovec iov[2] = {{out, 3}, {out + 3, 4}};
	report_eq(writev(fd[0], iov, 2), 7);
	report_eq(recv(fd[1], in, 7, MSG_WAITALL), 7);
	report(memcmp(in, out, 7) == 0, "a vector in order");
	report_errno(recv(fd[1], in, 1, MSG_OOB), EINVAL);
	report_eq((wait_events(fd[0], POLLOUT), ioctl(fd[0], SIOCOUTQ, &n), n >= 0), 1);
	report_eq(send(fd[0], out, 0, 0), 0);
	report_errno(send(fd[0], (void *)8, 100, 0), EFAULT);
	report_eq(send(fd[0], out, 1, 0), 1);
	wait_events(fd[1], POLLIN);
	report_errno(recv(fd[1], (void *)8, 100, 0), EFAULT);
	report_eq(recv(fd[1], in, 100, 0), 1);
	close_pair(fd);
}

static void test_options(void)
{
	struct linger linger = {1, 5}, got;
	socklen_t len = sizeof(got);
	char name[16] = "";
	int fd[2];

	pair(fd);
	static const struct {
		int level, name, value, want;
		const char *what;
	} t[] = {
		{IPPROTO_TCP, TCP_NODELAY, 1, 1, "TCP_NODELAY"},
		{IPPROTO_TCP, TCP_CORK, 1, 1, "TCP_CORK"},
		{IPPROTO_TCP, TCP_CORK, 0, 0, "TCP_CORK off"},
		{IPPROTO_TCP, TCP_KEEPIDLE, 30, 30, "TCP_KEEPIDLE"},
		{IPPROTO_TCP, TCP_KEEPINTVL, 5, 5, "TCP_KEEPINTVL"},
		{IPPROTO_TCP, TCP_KEEPCNT, 4, 4, "TCP_KEEPCNT"},
		{IPPROTO_TCP, TCP_SYNCNT, 3, 3, "TCP_SYNCNT"},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, 4000, 4000, "TCP_USER_TIMEOUT"},
		{IPPROTO_TCP, TCP_QUICKACK, 1, 1, "TCP_QUICKACK"},
		{IPPROTO_TCP, TCP_LINGER2, 10, 10, "TCP_LINGER2"},
		{IPPROTO_TCP, TCP_NOTSENT_LOWAT, 10000, 10000, "TCP_NOTSENT_LOWAT"},
		{SOL_SOCKET, SO_KEEPALIVE, 1, 1, "SO_KEEPALIVE"},
		{SOL_SOCKET, SO_REUSEADDR, 1, 1, "SO_REUSEADDR"},
		{SOL_SOCKET, SO_OOBINLINE, 1, 1, "SO_OOBINLINE"},
		{SOL_SOCKET, SO_RCVLOWAT, 7, 7, "SO_RCVLOWAT"},
		{SOL_SOCKET, SO_SNDBUF, 30000, 60000, "SO_SNDBUF"},
		{SOL_SOCKET, SO_RCVBUF, 30000, 60000, "SO_RCVBUF"},
	};
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		set_int(fd[0], t[i].level, t[i].name, t[i].value);
		report(get_int(fd[0], t[i].level, t[i].name) == t[i].want, t[i].what);
	}
	report_errno(set_int(fd[0], IPPROTO_TCP, TCP_KEEPIDLE, 0), EINVAL);
	report_errno(set_int(fd[0], IPPROTO_TCP, TCP_KEEPCNT, 200), EINVAL);
	report_errno(set_int(fd[0], IPPROTO_TCP, TCP_MAXSEG, 10), EINVAL);
	report_errno(set_int(fd[0], IPPROTO_TCP, 999, 1), ENOPROTOOPT);
	report_errno(setsockopt(fd[0], IPPROTO_TCP, TCP_NODELAY, "", 1), EINVAL);
	report_errno(get_int(fd[0], IPPROTO_TCP, 999) == -ENOPROTOOPT ? (errno = ENOPROTOOPT, -1) : 0, ENOPROTOOPT);
	report_eq(setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	getsockopt(fd[0], SOL_SOCKET, SO_LINGER, &got, &len);
	report(got.l_onoff == 1 && got.l_linger == 5, "SO_LINGER");
	report_eq(setsockopt(fd[0], IPPROTO_TCP, TCP_CONGESTION, "reno", 4), 0);
	len = sizeof(name);
	getsockopt(fd[0], IPPROTO_TCP, TCP_CONGESTION, name, &len);
	report(strcmp(name, "reno") == 0 && len == 16, "TCP_CONGESTION");
	report_errno(setsockopt(fd[0], IPPROTO_TCP, TCP_CONGESTION, "none", 4), ENOENT);
	close_pair(fd);
}

static void test_info(void)
{
	struct tcp_info i = {0};
	socklen_t len = sizeof(i);
	char b[100] = "";
	int fd[2];

	pair(fd);
	send(fd[0], b, sizeof(b), 0);
	recv(fd[1], b, sizeof(b), MSG_WAITALL);
	report_eq(getsockopt(fd[0], IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	report_eq(i.tcpi_state, TCP_ESTABLISHED);
	report(i.tcpi_options & TCPI_OPT_SACK && i.tcpi_options & TCPI_OPT_TIMESTAMPS &&
		       i.tcpi_options & TCPI_OPT_WSCALE,
	       "SACK, timestamps and window scaling are agreed on");
	report(i.tcpi_snd_mss > 10000 && i.tcpi_snd_cwnd >= 10, "segments are as large as loopback takes");
	close(fd[1]);
	recv(fd[0], b, 1, 0);
	len = sizeof(i);
	getsockopt(fd[0], IPPROTO_TCP, TCP_INFO, &i, &len);
	report_eq(i.tcpi_state, TCP_CLOSE_WAIT);
	close(fd[0]);
	int l = listener(9);
	getsockopt(l, IPPROTO_TCP, TCP_INFO, &i, &len);
	report_eq(i.tcpi_state, TCP_LISTEN);
	close(l);
}

static void test_full(void)
{
	static char buf[65536];
	long sent = 0, got = 0;
	ssize_t n;
	int fd[2];

	pair(fd);
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	while ((n = send(fd[0], buf, sizeof(buf), 0)) > 0)
		sent += n;
	int err = errno;
	report_eq(err, EAGAIN);
	report(sent > 100000, "buffers hold something");
	report_eq(events(fd[0], ALL), 0);
	while (got < sent) {
		n = recv(fd[1], buf, sizeof(buf), 0);
		if (n <= 0)
			break;
		got += n;
	}
	report_eq(got, sent);
	report_eq(wait_events(fd[0], POLLOUT), POLLOUT);
	close_pair(fd);
}

static void test_epoll_edges(void)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP}, got[4];
	int fd[2], ep = epoll_create1(0);
	char b[10];

	pair(fd);
	epoll_ctl(ep, EPOLL_CTL_ADD, fd[1], &e);
	report_eq(epoll_wait(ep, got, 4, 20000), 1);
	report_eq(got[0].events, EPOLLOUT);
	report_eq(epoll_wait(ep, got, 4, 0), 0);
	send(fd[0], "a", 1, 0);
	report_eq(epoll_wait(ep, got, 4, 20000), 1);
	report_eq(got[0].events, EPOLLIN | EPOLLOUT);
	report_eq(epoll_wait(ep, got, 4, 0), 0);
	send(fd[0], "b", 1, 0);
	report_eq(epoll_wait(ep, got, 4, 20000), 1); /* new data is a new edge, read or not */
	recv(fd[1], b, 10, 0);
	report_eq(epoll_wait(ep, got, 4, 0), 0);
	shutdown(fd[0], SHUT_WR);
	report_eq(epoll_wait(ep, got, 4, 20000), 1);
	report_eq(got[0].events, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
	close_pair(fd);
	close(ep);
}

static void *delayed_send(void *arg)
{
	int fd = *(int *)arg;

	for (int i = 0; i < 3; i++) {
		usleep(10000);
		send(fd, "abcd", 4, 0);
	}
	return NULL;
}

static void test_waiting(void)
{
	struct timeval tv = {0, 50000};
	pthread_t t;
	char b[20];
	int fd[2];

	pair(fd);
	setsockopt(fd[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	report_errno(recv(fd[1], b, 1, 0), EAGAIN);
	setsockopt(fd[1], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){0}, sizeof(tv));
	pthread_create(&t, NULL, delayed_send, &fd[0]);
	report_eq(recv(fd[1], b, 12, MSG_WAITALL), 12);
	pthread_join(t, NULL);
	pthread_create(&t, NULL, delayed_send, &fd[0]);
	report_eq(recv(fd[1], b, 4, 0), 4); /* more may be there, should we be late */
	set_int(fd[1], SOL_SOCKET, SO_RCVLOWAT, 8);
	report_eq(wait_events(fd[1], POLLIN), POLLIN);
	report_eq(recv(fd[1], b, 20, 0), 8);
	pthread_join(t, NULL);
	close_pair(fd);
}

/* The byte can be had once: not again after it was read, nor after the stream was read beyond it. */
static void urgent_once(int fd[2])
{
	char b[10];

	send(fd[0], "fG", 2, MSG_OOB);
	wait_events(fd[1], POLLPRI);
	report_eq(recv(fd[1], b, 1, MSG_OOB | MSG_PEEK), 1);
	report_eq(events(fd[1], POLLPRI), POLLPRI);
	report_eq(recv(fd[1], b, 1, MSG_OOB), 1);
	report_errno(recv(fd[1], b, 1, MSG_OOB), EINVAL);
	send(fd[0], "hi", 2, 0);
	report_eq(recv(fd[1], b, 10, 0), 1);
	report_eq(recv(fd[1], b, 2, MSG_WAITALL), 2);
	report_eq(events(fd[1], POLLPRI), 0);
	send(fd[0], "jK", 2, MSG_OOB);
	wait_events(fd[1], POLLPRI);
	send(fd[0], "l", 1, 0);
	report_eq(recv(fd[1], b, 10, 0), 1);
	report_true(recv(fd[1], b, 10, 0) == 1 && b[0] == 'l');
	report_eq(events(fd[1], POLLPRI), 0);
	report_errno(recv(fd[1], b, 1, MSG_OOB), EINVAL);
}

static void test_oob(void)
{
	char b[10];
	int fd[2], mark;

	pair(fd);
	report_eq(send(fd[0], "abC", 3, MSG_OOB), 3);
	report_eq(wait_events(fd[1], POLLPRI), POLLPRI);
	report_eq(recv(fd[1], b, 1, MSG_OOB), 1);
	report_eq(b[0], 'C');
	report_eq(events(fd[1], POLLPRI), 0);
	send(fd[0], "de", 2, 0);
	while (ioctl(fd[1], FIONREAD, &mark) == 0 && mark < 2)
		;
	report_eq(recv(fd[1], b, 10, 0), 2); /* up to the mark */
	report_eq((ioctl(fd[1], SIOCATMARK, &mark), mark), 1);
	report_eq(recv(fd[1], b, 10, 0), 2);
	report(memcmp(b, "de", 2) == 0, "the urgent byte is not in the stream");
	urgent_once(fd);
	set_int(fd[1], SOL_SOCKET, SO_OOBINLINE, 1);
	send(fd[0], "xyZ", 3, MSG_OOB);
	wait_events(fd[1], POLLPRI);
	report_errno(recv(fd[1], b, 1, MSG_OOB), EINVAL);
	report_eq(recv(fd[1], b, 10, 0), 2);
	report_eq(recv(fd[1], b, 10, 0), 1);
	report_eq(b[0], 'Z');
	close_pair(fd);
}

static void test_nonblocking_connect(void)
{
	int l = listener(5), fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr_in a = local(port_of(l));
	int r = connect(fd, (struct sockaddr *)&a, sizeof(a));

	report(r == 0 || errno == EINPROGRESS, "in progress");
	report_eq(wait_events(fd, POLLOUT), POLLOUT);
	report_eq(get_int(fd, SOL_SOCKET, SO_ERROR), 0);
	if (r != 0)
		report_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	report_errno(connect(fd, (struct sockaddr *)&a, sizeof(a)), EISCONN);
	close(fd);
	close(l);
}

static void test_reuseport(void)
{
	struct sockaddr_in a = local(0);
	int l[2], hits[2] = {0, 0}, conns[64];

	for (int i = 0; i < 2; i++) {
		l[i] = socket(AF_INET, SOCK_STREAM, 0);
		set_int(l[i], SOL_SOCKET, SO_REUSEPORT, 1);
		report_eq(bind(l[i], (struct sockaddr *)&a, sizeof(a)), 0);
		report_eq(listen(l[i], 100), 0);
		fcntl(l[i], F_SETFL, O_NONBLOCK);
		a = local(port_of(l[0]));
	}
	for (int i = 0; i < 64; i++)
		conns[i] = connect_to(ntohs(a.sin_port));
	for (int i = 0; i < 2; i++)
		for (int fd; (fd = accept(l[i], NULL, NULL)) >= 0; close(fd))
			hits[i]++;
	report_eq(hits[0] + hits[1], 64);
	report(hits[0] > 10 && hits[1] > 10, "connections are spread over both listeners");
	for (int i = 0; i < 64; i++)
		close(conns[i]);
	close_pair(l);
}

static void test_sendfile(void)
{
	static char data[100000], got[100000];
	char path[] = "/tmp/tcp-sendfile-XXXXXX";
	int fd[2], f = mkstemp(path), p[2];
	size_t n = 0;

	unlink(path);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7);
	report_eq(write(f, data, sizeof(data)), (ssize_t)sizeof(data));
	pair(fd);
	off_t off = 1000;
	report_eq(sendfile(fd[0], f, &off, 50000), 50000);
	report_eq(off, 51000);
	while (n < 50000)
		n += (size_t)recv(fd[1], got + n, sizeof(got) - n, 0);
	report(memcmp(got, data + 1000, 50000) == 0, "sendfile sends the file");
	report_eq(pipe(p), 0);
	send(fd[0], data, 5000, 0);
	report_eq(splice(fd[1], NULL, p[1], NULL, 5000, 0), 5000);
	report_eq(splice(p[0], NULL, fd[1], NULL, 5000, 0), 5000);
	report_eq(recv(fd[0], got, 5000, MSG_WAITALL), 5000);
	report(memcmp(got, data, 5000) == 0, "spliced both ways");
	close_pair(p);
	close_pair(fd);
	close(f);
}

static void test_ipv6(void)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT}, b;
	socklen_t len = sizeof(a);
	int l = socket(AF_INET6, SOCK_STREAM, 0), fd, s;
	char c;

	if (bind(l, (struct sockaddr *)&a, sizeof(a)) != 0) {
		report(true, "no IPv6 here");
		close(l);
		return;
	}
	listen(l, 5);
	getsockname(l, (struct sockaddr *)&a, &len);
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	report_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	len = sizeof(b);
	s = accept(l, (struct sockaddr *)&b, &len);
	report_eq(len, sizeof(b));
	report(memcmp(&b.sin6_addr, &a.sin6_addr, 16) == 0, "from ::1");
	send(fd, "x", 1, 0);
	report_eq(recv(s, &c, 1, 0), 1);
	close(fd);
	close(s);
	close(l);

	/* A socket of both families sees IPv4 as mapped addresses. */
	l = socket(AF_INET6, SOCK_STREAM, 0);
	a = (struct sockaddr_in6){.sin6_family = AF_INET6};
	report_eq(bind(l, (struct sockaddr *)&a, sizeof(a)), 0);
	listen(l, 5);
	fd = connect_to(port_of(l));
	len = sizeof(b);
	s = accept(l, (struct sockaddr *)&b, &len);
	report(IN6_IS_ADDR_V4MAPPED(&b.sin6_addr), "IPv4 arrives as a mapped address");
	send(s, "y", 1, 0);
	report_eq(recv(fd, &c, 1, 0), 1);
	close(fd);
	close(s);
	close(l);
}

static void *sink(void *arg)
{
	static char buf[100000];
	int fd = *(int *)arg;
	long total = 0;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != (char)((total + i) % 251))
				return (void *)-1;
		total += n;
	}
	return (void *)total;
}

static void test_stream(void)
{
	static char buf[251 * 400];
	pthread_t t;
	void *got;
	int fd[2];

	pair(fd);
	pthread_create(&t, NULL, sink, &fd[1]);
	for (unsigned i = 0; i < sizeof(buf); i++)
		buf[i] = (char)(i % 251);
	for (int i = 0; i < 200; i++)
		if (send(fd[0], buf, sizeof(buf), 0) != (ssize_t)sizeof(buf))
			break;
	shutdown(fd[0], SHUT_WR);
	pthread_join(t, &got);
	report_eq((long)got, 200L * (long)sizeof(buf));
	close_pair(fd);
}

/* Many short connections: nothing is used up. */
static void test_many(void)
{
	int l = listener(100), bad = 0;
	char b;

	for (int i = 0; i < 3000; i++) {
		int c = connect_to(port_of(l)), s = c < 0 ? -1 : accept(l, NULL, NULL);
		if (s < 0 || send(c, "x", 1, 0) != 1 || recv(s, &b, 1, 0) != 1)
			bad++;
		close(i % 2 ? c : s);
		close(i % 2 ? s : c);
	}
	report_eq(bad, 0);
	close(l);
}

int main(void)
{
	test_new_socket();
	test_refused();
	test_names();
	test_listen();
	test_data();
	test_options();
	test_info();
	test_full();
	test_epoll_edges();
	test_waiting();
	test_oob();
	test_nonblocking_connect();
	test_reuseport();
	test_sendfile();
	test_ipv6();
	test_stream();
	test_many();
	return report_summary();
}
