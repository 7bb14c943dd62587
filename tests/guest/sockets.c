/* SPDX-License-Identifier: MIT */
/* AF_UNIX sockets: streams, datagrams, names, passing descriptors, ends, errors (unix(7)). */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "report.h"

static char buf[300000];

static void pair(int s[2], int type)
{
	if (socketpair(AF_UNIX, type, 0, s) != 0)
		report(false, "socketpair");
}

static void close_both(int s[2])
{
	close(s[0]);
	close(s[1]);
}

static void streams(void)
{
	int s[2], n;

	pair(s, SOCK_STREAM);
	report_eq(send(s[0], "hello", 5, 0), 5);
	report_eq(send(s[0], " world", 6, 0), 6);
	report_eq(ioctl(s[1], FIONREAD, &n), 0);
	report_eq(n, 11);
	report_eq(recv(s[1], buf, 4, MSG_PEEK), 4);
	report_eq(recv(s[1], buf, 100, 0), 11);
	report_true(memcmp(buf, "hello world", 11) == 0);
	report_errno(recv(s[1], buf, 1, MSG_DONTWAIT), EAGAIN);
	report_eq(shutdown(s[0], SHUT_WR), 0);
	report_eq(recv(s[1], buf, 1, 0), 0);
	report_errno(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	report_eq(send(s[1], "back", 4, 0), 4);
	report_eq(read(s[0], buf, 10), 4);
	close(s[0]);
	report_errno(send(s[1], "x", 1, MSG_NOSIGNAL), EPIPE);
	close(s[1]);
	/* Closing with unread bytes is a reset for the other side. */
	pair(s, SOCK_STREAM);
	write(s[0], "x", 1);
	close(s[1]);
	report_errno(read(s[0], buf, 1), ECONNRESET);
	report_eq(read(s[0], buf, 1), 0);
	close(s[0]);
}

static void *read_all(void *arg)
{
	size_t total = 0;
	ssize_t n;

	while ((n = read(*(int *)arg, buf, 777)) > 0)
		total += (size_t)n;
	return (void *)total;
}

static void full_and_blocking(void)
{
	static char big[1 << 20];
	pthread_t t;
	void *total;
	int s[2];
	struct pollfd p;

	pair(s, SOCK_STREAM);
	fcntl(s[0], F_SETFL, O_NONBLOCK);
	while (write(s[0], big, sizeof(big)) > 0)
		;
	report_errno(write(s[0], big, 1), EAGAIN);
	p = (struct pollfd){.fd = s[0], .events = POLLIN | POLLOUT};
	report_eq(poll(&p, 1, 0), 0);
	while (recv(s[1], big, sizeof(big), MSG_DONTWAIT) > 0)
		;
	report_eq(poll(&p, 1, 0), 1);
	report_eq(p.revents, POLLOUT);
	fcntl(s[0], F_SETFL, 0);
	pthread_create(&t, NULL, read_all, &s[1]);
	report_eq(write(s[0], big, sizeof(big)), (ssize_t)sizeof(big));
	close(s[0]);
	pthread_join(t, &total);
	report_eq((size_t)total, sizeof(big));
	close(s[1]);
}

static void packets(int type, const char *name)
{
	int s[2];
	struct iovec iov = {buf, 4};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	pair(s, type);
	send(s[0], "first", 5, 0);
	send(s[0], "", 0, 0);
	send(s[0], "third", 5, 0);
	report(recvmsg(s[1], &m, 0) == 4 && (m.msg_flags & MSG_TRUNC), "%s: a short buffer cuts and says so", name);
	report(recv(s[1], buf, 10, 0) == 0, "%s: an empty message is one", name);
	report(recv(s[1], buf, 2, MSG_TRUNC) == 5, "%s: MSG_TRUNC tells the true length", name);
	report(recv(s[1], buf, 2, MSG_DONTWAIT) == -1 && errno == EAGAIN, "%s: then there is none", name);
	errno = 0;
	report(send(s[0], buf, sizeof(buf), 0) == -1 && errno == EMSGSIZE, "%s: too long", name);
	close_both(s);
}

static void descriptors(void)
{
	char space[CMSG_SPACE(2 * sizeof(int))] = {0};
	struct iovec iov = {buf, 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof(space)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int s[2], p[2], fds[2];

	pair(s, SOCK_STREAM);
	if (pipe(p) != 0)
		return;
	*c = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(fds))};
	memcpy(CMSG_DATA(c), p, sizeof(p));
	report_eq(sendmsg(s[0], &m, 0), 1);
	close_both(p);
	memset(space, 0, sizeof(space));
	report_eq(recvmsg(s[1], &m, MSG_CMSG_CLOEXEC), 1);
	c = CMSG_FIRSTHDR(&m);
	report_true(c != NULL && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(fds)));
	memcpy(fds, CMSG_DATA(c), sizeof(fds));
	report_eq(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	report_eq(write(fds[1], "through", 7), 7);
	report_eq(read(fds[0], buf, 10), 7);
	close_both(fds);
	/* Without room they are closed, and the program is told. */
	m.msg_control = space;
	m.msg_controllen = sizeof(space);
	c = CMSG_FIRSTHDR(&m);
	*c = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(fds))};
	fds[0] = fds[1] = s[0];
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	report_eq(sendmsg(s[0], &m, 0), 1);
	m.msg_controllen = 0;
	report_eq(recvmsg(s[1], &m, 0), 1);
	report_true(m.msg_flags & MSG_CTRUNC);
	fds[0] = 999;
	m.msg_controllen = sizeof(space);
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	report_errno(sendmsg(s[0], &m, 0), EBADF);
	close_both(s);
}

/* Sends nr descriptors along with a byte. */
static bool send_fds(int through, const int *fds, unsigned nr)
{
	_Alignas(struct cmsghdr) char space[256] = {0};
	struct iovec iov = {"x", 1};
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = CMSG_SPACE(nr * sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	*c = (struct cmsghdr){
		.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(nr * sizeof(int))};
	memcpy(CMSG_DATA(c), fds, nr * sizeof(int));
	return sendmsg(through, &m, 0) == 1;
}

/* The writing end of the pipe is closed when whatever held it is gone; Linux may take a while. */
static bool is_released(int reader)
{
	struct pollfd p = {.fd = reader, .events = POLLIN};

	return poll(&p, 1, 10000) == 1 && (p.revents & POLLHUP);
}

/* Sockets in each other's queues that nobody has open go, and what they hold goes with them. */
static void cycles(void)
{
	int a[2], b[2], other[2], p[2], kept[2];

	if (pipe(p) != 0 || pipe(kept) != 0)
		return;
	pair(a, SOCK_STREAM);
	pair(b, SOCK_DGRAM);
	report_true(send_fds(a[1], (int[]){a[0], p[1]}, 2)); /* into its own queue */
	report_true(send_fds(a[0], (int[]){b[0]}, 1) && send_fds(b[1], (int[]){a[1]}, 1));
	close(p[1]);
	close_both(a);
	close_both(b);
	/* What looks like a cycle, but can be reached: b's other end is open. */
	pair(b, SOCK_STREAM);
	report_true(send_fds(b[1], (int[]){b[0], kept[1]}, 2));
	pair(a, SOCK_STREAM);
	report_true(send_fds(a[0], (int[]){b[0]}, 1));
	close(kept[1]);
	close_both(b);
	pair(other, SOCK_STREAM);
	close_both(other);
	report(is_released(p[0]), "a cycle of sockets is found");
	report(poll(&(struct pollfd){.fd = kept[0], .events = POLLIN}, 1, 0) == 0,
	       "one that can be reached is left alone");
	close_both(a);
	pair(other, SOCK_STREAM);
	close_both(other);
	report(is_released(kept[0]), "until it cannot");
	close(p[0]);
	close(kept[0]);
}

static unsigned nr_listed(void)
{
	FILE *f = fopen("/proc/net/unix", "r");
	unsigned nr = 0;

	for (int c; f != NULL && (c = getc(f)) != EOF;)
		nr += c == '\n';
	if (f != NULL)
		fclose(f);
	return nr;
}

/* Nobody closes a socket for good meanwhile, so that sending alone finds them. */
static void many_cycles(void)
{
	int s[2];

	for (unsigned i = 0; i < 10000; i++) {
		pair(s, SOCK_STREAM);
		if (!send_fds(s[0], s, 2)) {
			report_skip("10,000 cycles of sockets", strerror(errno));
			close_both(s);
			return;
		}
		close_both(s);
	}
	report(nr_listed() > 0 && nr_listed() < 10000, "of 10,000 cycles of sockets few are left");
}

/* Closing the last one closes them all, however many there are. */
static void chain(void)
{
	int p[2], s[2], last = -1;

	if (pipe(p) != 0)
		return;
	for (unsigned i = 0; i < 2000; i++) {
		pair(s, SOCK_STREAM);
		if (!send_fds(s[0], i == 0 ? &p[1] : &last, 1)) {
			report_skip("a chain of sockets", strerror(errno));
			return;
		}
		close(s[0]);
		close(i == 0 ? p[1] : last);
		last = s[1];
	}
	close(last);
	report(is_released(p[0]), "a chain of 2,000 sockets in messages is closed");
	close(p[0]);
}

static struct sockaddr_un path_addr(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	strcpy(a.sun_path, path);
	return a;
}

static void *connector(void *arg)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (connect(fd, arg, sizeof(struct sockaddr_un)) != 0)
		return (void *)1;
	write(fd, "from the thread", 15);
	close(fd);
	return NULL;
}

static void servers(void)
{
	struct sockaddr_un a = path_addr("/tmp/cay-guest-socket"), peer;
	struct ucred cred;
	socklen_t len = sizeof(peer), cred_len = sizeof(cred);
	struct stat st;
	pthread_t t;
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), conn, v;

	unlink(a.sun_path);
	report_errno(connect(c, (void *)&a, sizeof(a)), ENOENT);
	report_errno(listen(l, 5), EINVAL);
	report_eq(bind(l, (void *)&a, sizeof(a)), 0);
	report_errno(bind(l, (void *)&a, sizeof(a)), EADDRINUSE);
	report_errno(bind(c, (void *)&a, sizeof(a)), EADDRINUSE);
	report_true(stat(a.sun_path, &st) == 0 && S_ISSOCK(st.st_mode));
	report_errno(connect(c, (void *)&a, sizeof(a)), ECONNREFUSED);
	report_errno(open(a.sun_path, O_RDWR), ENXIO);
	report_eq(listen(l, 5), 0);
	len = sizeof(v);
	report_true(getsockopt(l, SOL_SOCKET, SO_ACCEPTCONN, &v, &len) == 0 && v == 1);
	fcntl(l, F_SETFL, O_NONBLOCK);
	report_errno(accept(l, NULL, NULL), EAGAIN);
	report_eq(connect(c, (void *)&a, sizeof(a)), 0);
	report_errno(connect(c, (void *)&a, sizeof(a)), EISCONN);
	struct pollfd p = {.fd = l, .events = POLLIN};
	report_true(poll(&p, 1, 0) == 1 && p.revents == POLLIN);
	len = sizeof(peer);
	conn = accept4(l, (void *)&peer, &len, SOCK_CLOEXEC);
	report_true(conn >= 0);
	report_eq(len, sizeof(sa_family_t));
	len = sizeof(peer);
	report_eq(getpeername(c, (void *)&peer, &len), 0);
	report_true(strcmp(peer.sun_path, a.sun_path) == 0);
	report_eq(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &cred, &cred_len), 0);
	report_true(cred.pid == getpid() && cred.uid == getuid());
	close(conn);
	report_eq(read(c, buf, 1), 0);
	close(c);
	fcntl(l, F_SETFL, 0);
	pthread_create(&t, NULL, connector, &a);
	conn = accept(l, NULL, NULL);
	report_eq(recv(conn, buf, 15, MSG_WAITALL), 15);
	pthread_join(t, NULL);
	close(conn);
	close(l);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	report_errno(connect(c, (void *)&a, sizeof(a)), ECONNREFUSED);
	close(c);
	unlink(a.sun_path);
}

static void datagram_names(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX}, from;
	socklen_t len, alen = offsetof(struct sockaddr_un, sun_path) + 5;
	int r = socket(AF_UNIX, SOCK_DGRAM, 0), s = socket(AF_UNIX, SOCK_DGRAM, 0),
	    st = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(a.sun_path, "\0cay1", 5);
	report_errno(sendto(s, "x", 1, 0, (void *)&a, alen), ECONNREFUSED);
	report_eq(bind(r, (void *)&a, alen), 0);
	report_errno(bind(s, (void *)&a, alen), EADDRINUSE);
	report_errno(connect(st, (void *)&a, alen), ECONNREFUSED);
	report_errno(send(s, "x", 1, 0), ENOTCONN);
	report_eq(sendto(s, "one", 3, 0, (void *)&a, alen), 3);
	len = sizeof(from);
	report_eq(recvfrom(r, buf, 10, 0, (void *)&from, &len), 3);
	report_true(len == 0 || len == sizeof(sa_family_t));
	report_eq(bind(s, (void *)&a, sizeof(sa_family_t)), 0);
	report_eq(connect(s, (void *)&a, alen), 0);
	report_eq(send(s, "two", 3, 0), 3);
	len = sizeof(from);
	report_eq(recvfrom(r, buf, 10, 0, (void *)&from, &len), 3);
	report_eq(len, sizeof(sa_family_t) + 6);
	report_eq(sendto(r, "answer", 6, 0, (void *)&from, len), 6);
	report_eq(recv(s, buf, 10, 0), 6);
	close(r);
	report_errno(send(s, "x", 1, 0), ECONNREFUSED);
	close(s);
	close(st);
}

static void errors(void)
{
	struct timeval tv = {.tv_usec = 20000};
	int s[2], fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), v;
	socklen_t len = sizeof(v);

	report_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	report_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	report_errno(socket(AF_UNIX, 77, 0), EINVAL);
	report_errno(socket(AF_UNIX, SOCK_STREAM, 77), EPROTONOSUPPORT);
	report_errno(socket(9999, SOCK_STREAM, 0), EAFNOSUPPORT);
	report_errno(send(0, "x", 1, 0), ENOTSOCK);
	report_errno(send(999, "x", 1, 0), EBADF);
	report_errno(recv(fd, buf, 1, 0), EINVAL);
	report_errno(getpeername(fd, (void *)buf, &len), ENOTCONN);
	report_eq(shutdown(fd, SHUT_WR), 0);
	report_errno(lseek(fd, 0, SEEK_CUR), ESPIPE);
	len = sizeof(v);
	report_true(getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, &len) == 0 && v == SOCK_STREAM);
	report_errno(getsockopt(fd, SOL_SOCKET, 9999, &v, &len), ENOPROTOOPT);
	close(fd);
	pair(s, SOCK_STREAM);
	setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	report_errno(recv(s[0], buf, 1, 0), EAGAIN);
	report_errno(send(s[0], (void *)8, 1, 0), EFAULT);
	write(s[1], "kept", 4);
	report_errno(recv(s[0], (void *)8, 4, 0), EFAULT);
	report_eq(recv(s[0], buf, 10, 0), 4);
	close_both(s);
}

int main(void)
{
	streams();
	full_and_blocking();
	packets(SOCK_DGRAM, "datagram");
	packets(SOCK_SEQPACKET, "seqpacket");
	descriptors();
	cycles();
	many_cycles();
	chain();
	servers();
	datagram_names();
	errors();
	return report_summary();
}
