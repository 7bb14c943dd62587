/* SPDX-License-Identifier: MIT */
/* tcp_pair.h - for guest tests of TCP: connections over loopback, and what poll and options say of them. */
#ifndef CAY_TESTS_GUEST_TCP_PAIR_H
#define CAY_TESTS_GUEST_TCP_PAIR_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static inline struct sockaddr_in local(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static inline uint16_t port_of(int fd)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	getsockname(fd, (struct sockaddr *)&a, &len);
	return ntohs(a.sin_port);
}

static inline int listener(int backlog)
{
	struct sockaddr_in a = local(0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	bind(fd, (struct sockaddr *)&a, sizeof(a));
	listen(fd, backlog);
	return fd;
}

static inline int connect_to(uint16_t port)
{
	struct sockaddr_in a = local(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* fd[0] has connected, fd[1] was accepted. */
static inline void pair(int fd[2])
{
	int l = listener(5);

	fd[0] = connect_to(port_of(l));
	fd[1] = accept(l, NULL, NULL);
	close(l);
}

static inline void close_pair(int fd[2])
{
	close(fd[0]);
	close(fd[1]);
}

static inline short events(int fd, short want)
{
	struct pollfd p = {.fd = fd, .events = want};

	poll(&p, 1, 0);
	return p.revents;
}

static inline short wait_events(int fd, short want)
{
	struct pollfd p = {.fd = fd, .events = want};

	poll(&p, 1, 20000);
	return p.revents;
}

static inline int get_int(int fd, int level, int name)
{
	int v = -1;
	socklen_t len = sizeof(v);

	return getsockopt(fd, level, name, &v, &len) == 0 ? v : -errno;
}

static inline int set_int(int fd, int level, int name, int v)
{
	return setsockopt(fd, level, name, &v, sizeof(v));
}

#define ALL (POLLIN | POLLOUT | POLLRDHUP | POLLPRI)

#endif
