/* SPDX-License-Identifier: MIT */
/*
 * Who may have a TCP port: while others are bound to it, listen there, have connections from it that live on after
 * their listener, or are in TIME-WAIT; with and without SO_REUSEADDR and SO_REUSEPORT on either side.
 */
#include "report.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PLAIN = 0, REUSE = 1, SHARE = 2 };
static const char *const names[] = {"plain", "SO_REUSEADDR", "SO_REUSEPORT", "both"};

static int sock(int how)
{
	int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (how & REUSE)
		setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (how & SHARE)
		setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	return s;
}

static int bind_to(int s, uint32_t addr, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(addr)};

	return bind(s, (struct sockaddr *)&a, sizeof(a)) == 0 ? 0 : -errno;
}

static uint16_t port_of(int s)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	getsockname(s, (struct sockaddr *)&a, &len);
	return a.sin_port;
}

static int connect_to(int s, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	return connect(s, (struct sockaddr *)&a, sizeof(a)) == 0 ? 0 : -errno;
}

/* Would a new socket get the port: 0, or at which step not. */
static int try_to_listen(int how, uint32_t addr, uint16_t port)
{
	int s = sock(how), err = bind_to(s, addr, port);

	if (err == 0 && listen(s, 5) != 0)
		err = -errno - 1000;
	close(s);
	return err;
}

struct pair {
	int listener, child, client;
	uint16_t port;
};

static struct pair open_pair(int how)
{
	struct pair p = {.listener = sock(how), .client = sock(PLAIN)};

	bind_to(p.listener, INADDR_ANY, 0);
	listen(p.listener, 5);
	p.port = port_of(p.listener);
	if (connect_to(p.client, p.port) != 0)
		report(false, "connect");
	p.child = accept(p.listener, NULL, NULL);
	return p;
}

/* Until the other end's FIN is here. */
static void await_end(int fd)
{
	char b;

	while (recv(fd, &b, 1, 0) > 0)
		;
}

static int state_of(int fd)
{
	struct tcp_info i;
	socklen_t len = sizeof(i);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &len) == 0 ? i.tcpi_state : -errno;
}

/* The listener has closed, its connection lives; then it is closed from the server's side, which waits. */
static void test_after_the_listener(int first, int second)
{
	struct pair p = open_pair(first);
	const char *a = names[first], *b = names[second];

	int err = try_to_listen(second, INADDR_ANY, p.port);
	report(err == -EADDRINUSE || ((first & second & SHARE) && err == 0), "%s listens, %s", a, b);
	close(p.listener);
	err = try_to_listen(second, INADDR_ANY, p.port);
	report(err == ((first & second) ? 0 : -EADDRINUSE), "%s's connection lives, %s", a, b);
	err = try_to_listen(second, INADDR_LOOPBACK, p.port);
	report(err == ((first & second) ? 0 : -EADDRINUSE), "%s's connection lives, %s at its address", a, b);
	report_eq(try_to_listen(second, INADDR_LOOPBACK + 1, p.port), 0);
	shutdown(p.child, SHUT_WR);
	await_end(p.client);
	close(p.client);
	await_end(p.child);
	close(p.child);
	err = try_to_listen(second, INADDR_ANY, p.port);
	report(err == ((first & second) ? 0 : -EADDRINUSE), "%s's connection is in TIME-WAIT, %s", a, b);
}

/* The client closes first: nothing of the server's is left. */
static void test_client_closes_first(void)
{
	struct pair p = open_pair(PLAIN);

	close(p.listener);
	shutdown(p.client, SHUT_WR);
	await_end(p.child);
	close(p.child);
	await_end(p.client);
	close(p.client);
	/* The last ACK may be on its way. */
	for (int i = 0; i < 1000 && try_to_listen(PLAIN, INADDR_ANY, p.port) != 0; i++)
		usleep(1000);
	report_eq(try_to_listen(PLAIN, INADDR_ANY, p.port), 0);
}

/* A reset ends it at once, also while the descriptor is open. */
static void test_reset(void)
{
	struct linger now = {1, 0};
	struct pair p = open_pair(PLAIN);

	close(p.listener);
	setsockopt(p.client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(p.client);
	char b;
	recv(p.child, &b, 1, 0);
	report_eq(state_of(p.child), TCP_CLOSE);
	report_eq(try_to_listen(PLAIN, INADDR_ANY, p.port), 0);
	close(p.child);
}

/* A connection that nobody has accepted is reset with its listener. */
static void test_not_accepted(void)
{
	int l = sock(PLAIN), c = sock(PLAIN);

	bind_to(l, INADDR_ANY, 0);
	listen(l, 5);
	uint16_t port = port_of(l);
	report_eq(connect_to(c, port), 0);
	close(l);
	report_eq(try_to_listen(PLAIN, INADDR_ANY, port), 0);
	close(c);
}

/* Two are bound, one after the other listens. */
static void test_both_bound(void)
{
	int a = sock(REUSE), b = sock(REUSE);

	bind_to(a, INADDR_ANY, 0);
	uint16_t port = port_of(a);
	report_eq(bind_to(b, INADDR_ANY, port), 0);
	report(listen(a, 5) == 0, "the first of two that are bound listens");
	report_errno(listen(b, 5), EADDRINUSE);
	report_eq(try_to_listen(REUSE, INADDR_ANY, port), -EADDRINUSE);
	close(a);
	report(listen(b, 5) == 0, "the second when the first is gone");
	close(b);
}

/* A port that connect chose, and one that a socket is bound to and connects from. */
static void test_clients(void)
{
	struct pair p = open_pair(PLAIN);
	uint16_t chosen = port_of(p.client);

	report_eq(try_to_listen(PLAIN, INADDR_ANY, chosen), -EADDRINUSE);
	report_eq(try_to_listen(REUSE, INADDR_ANY, chosen), -EADDRINUSE);
	int c = sock(REUSE), d = sock(REUSE);
	bind_to(c, INADDR_ANY, 0);
	uint16_t bound = port_of(c);
	report_eq(connect_to(c, p.port), 0);
	report_eq(bind_to(d, INADDR_ANY, bound), 0);
	report_eq(connect_to(d, p.port), -EADDRNOTAVAIL);
	close(d);
	report_eq(try_to_listen(REUSE, INADDR_ANY, bound), 0);
	report_eq(try_to_listen(PLAIN, INADDR_ANY, bound), -EADDRINUSE);
	close(c);
	close(p.child);
	close(p.client);
	close(p.listener);
}

/* The new listener serves while the old one's connection goes on. */
static void test_both_serve(void)
{
	struct pair p = open_pair(REUSE);
	int l = sock(REUSE), c = sock(PLAIN);
	char b = 0;

	close(p.listener);
	report_eq(bind_to(l, INADDR_ANY, p.port), 0);
	report(listen(l, 5) == 0 && connect_to(c, p.port) == 0, "a second server takes over");
	int child = accept(l, NULL, NULL);
	report(send(c, "n", 1, 0) == 1 && recv(child, &b, 1, 0) == 1 && b == 'n', "and serves");
	report(send(p.client, "o", 1, 0) == 1 && recv(p.child, &b, 1, 0) == 1 && b == 'o', "so does the old one");
	close(l);
	close(c);
	close(child);
	close(p.child);
	close(p.client);
}

int main(void)
{
	for (int first = PLAIN; first <= SHARE; first++)
		for (int second = PLAIN; second <= SHARE; second++)
			test_after_the_listener(first, second);
	test_client_closes_first();
	test_reset();
	test_not_accepted();
	test_both_bound();
	test_clients();
	test_both_serve();
	return report_failures != 0;
}
