/* SPDX-License-Identifier: MIT */
/* Filters on sockets (SO_ATTACH_FILTER): what is accepted as a program, what it keeps away, what it cuts. */
#include "report.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define OP(c, v)          ((struct sock_filter)BPF_STMT(c, v))
#define IF(c, v, yes, no) ((struct sock_filter)BPF_JUMP(c, v, yes, no))
#define RETURN(v)         OP(BPF_RET | BPF_K, v)

static int s;
static struct sockaddr_in to;

static int attach(struct sock_filter *insn, unsigned nr)
{
	struct sock_fprog p = {(unsigned short)nr, insn};

	return setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)) == 0 ? 0 : -errno;
}

#define ATTACH(...)                                                                                                    \
	({                                                                                                             \
		struct sock_filter program_[] = {__VA_ARGS__};                                                         \
		attach(program_, sizeof(program_) / sizeof(program_[0]));                                              \
	})

/* Bytes that come of a datagram of `bytes`, which begins with `first`; -EAGAIN: it does not. */
static int passes(char first, unsigned bytes)
{
	char b[100] = {0};
	ssize_t n;

	b[0] = first;
	sendto(s, b, bytes, 0, (struct sockaddr *)&to, sizeof(to));
	n = recv(s, b, sizeof(b), MSG_DONTWAIT);
	return n < 0 ? -errno : (int)n;
}

/* On a listener, for it and what it accepts: segments whose data begins with 'n' do not arrive. */
static void test_tcp(void)
{
	struct sock_filter insn[] = {
		OP(BPF_LD | BPF_B | BPF_ABS, 12),
		OP(BPF_ALU | BPF_RSH | BPF_K, 4),
		OP(BPF_ALU | BPF_LSH | BPF_K, 2),
		OP(BPF_MISC | BPF_TAX, 0),
		OP(BPF_LD | BPF_W | BPF_LEN, 0),
		IF(BPF_JMP | BPF_JEQ | BPF_X, 0, 3, 0), /* a header alone */
		OP(BPF_LD | BPF_B | BPF_IND, 0),
		IF(BPF_JMP | BPF_JEQ | BPF_K, 'n', 0, 1),
		RETURN(0),
		RETURN(-1u),
	};
	struct sock_fprog p = {sizeof(insn) / sizeof(insn[0]), insn};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), v = 0;
	socklen_t len = sizeof(a);
	char b[10];

	if (geteuid() != 0) {
		report_skip("filters of TCP sockets", "some versions of Linux let only root attach them");
		return;
	}
	bind(l, (struct sockaddr *)&a, sizeof(a));
	getsockname(l, (struct sockaddr *)&a, &len);
	listen(l, 1);
	report(setsockopt(l, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)) == 0, "on a listener");
	report(connect(c, (struct sockaddr *)&a, sizeof(a)) == 0, "headers pass");
	int child = accept(l, NULL, NULL);
	report(send(c, "yes", 3, 0) == 3 && recv(child, b, sizeof(b), 0) == 3, "so does data");
	send(c, "no", 2, 0);
	report(recv(child, b, sizeof(b), MSG_DONTWAIT) == -1 && errno == EAGAIN, "but for what it drops");
	report(setsockopt(child, SOL_SOCKET, SO_DETACH_FILTER, &v, sizeof(v)) == 0,
	       "the connection has one of its own");
	report(recv(child, b, sizeof(b), 0) == 2, "without it comes what the peer sends again");
	report(setsockopt(l, SOL_SOCKET, SO_DETACH_FILTER, &v, sizeof(v)) == 0, "and the listener its");
	close(child);
	close(c);
	close(l);
}

/* Segments are cut, and what is cut off comes again: three bytes at a time. */
static void test_tcp_cut(void)
{
	struct sock_filter insn[] = {
		OP(BPF_LD | BPF_B | BPF_ABS, 12), OP(BPF_ALU | BPF_RSH | BPF_K, 4), OP(BPF_ALU | BPF_LSH | BPF_K, 2),
		OP(BPF_ALU | BPF_ADD | BPF_K, 3), OP(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog p = {sizeof(insn) / sizeof(insn[0]), insn};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(a);
	char b[10];

	if (geteuid() != 0)
		return;
	bind(l, (struct sockaddr *)&a, sizeof(a));
	getsockname(l, (struct sockaddr *)&a, &len);
	listen(l, 1);
	report_eq(connect(c, (struct sockaddr *)&a, sizeof(a)), 0);
	int child = accept(l, NULL, NULL);
	report(setsockopt(child, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)) == 0, "one that cuts");
	report_eq(send(c, "abcdefg", 7, 0), 7);
	report(recv(child, b, 10, 0) == 3 && memcmp(b, "abc", 3) == 0, "three bytes come");
	close(c);
	report(recv(child, b, 4, MSG_WAITALL) == 4 && memcmp(b, "defg", 4) == 0, "and then the others");
	close(child);
	close(l);
}

/* Bytes that come of a message of `bytes`; -EAGAIN: it does not. */
static int unix_passes(int fd[2], char first, size_t bytes)
{
	char b[100] = {first};
	ssize_t n;

	report(send(fd[0], b, bytes, 0) == (ssize_t)bytes, "the sender is told nothing");
	n = recv(fd[1], b, sizeof(b), MSG_DONTWAIT);
	return n < 0 ? -errno : (int)n;
}

/* Between processes: of messages, not of streams. */
static void test_unix(int type, bool works)
{
	int fd[2], inet = s, v = 0;

	socketpair(AF_UNIX, type, 0, fd);
	s = fd[1];
	report(setsockopt(s, SOL_SOCKET, SO_DETACH_FILTER, &v, sizeof(v)) == -1 && errno == ENOENT, "none to detach");
	report(ATTACH(OP(BPF_LD | BPF_B | BPF_ABS, 0), IF(BPF_JMP | BPF_JEQ | BPF_K, 'y', 0, 1), RETURN(5),
		      RETURN(0)) == 0,
	       "a filter on a Unix socket");
	report_eq(unix_passes(fd, 'n', 20), works ? -EAGAIN : 20);
	report_eq(unix_passes(fd, 'y', 20), works ? 5 : 20);
	report_eq(unix_passes(fd, 'y', 2), 2);
	if (works)
		report_eq(unix_passes(fd, 'y', 0), -EAGAIN);
	report(ATTACH(OP(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_AD_OFF + SKF_AD_IFINDEX), RETURN(-1u)) == 0,
	       "one that asks for an interface");
	report_eq(unix_passes(fd, 'y', 2), works ? -EAGAIN : 2);
	report(ATTACH(OP(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_AD_OFF + SKF_AD_PROTOCOL),
		      IF(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), RETURN(1), RETURN(0)) == 0,
	       "and for a protocol");
	report_eq(unix_passes(fd, 'y', 2), works ? 1 : 2);
	report(setsockopt(s, SOL_SOCKET, SO_DETACH_FILTER, &v, sizeof(v)) == 0, "it is detached");
	report_eq(unix_passes(fd, 'n', 20), 20);
	v = 1;
	report(ATTACH(RETURN(-1u)) == 0 && setsockopt(s, SOL_SOCKET, SO_LOCK_FILTER, &v, sizeof(v)) == 0, "locked");
	report_eq(ATTACH(RETURN(0)), -EPERM);
	s = inet;
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	socklen_t len = sizeof(to);
	int v = 0;

	s = socket(AF_INET, SOCK_DGRAM, 0);
	to = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	bind(s, (struct sockaddr *)&to, sizeof(to));
	getsockname(s, (struct sockaddr *)&to, &len);

	test_tcp();
	test_tcp_cut();
	test_unix(SOCK_DGRAM, true);
	test_unix(SOCK_SEQPACKET, true);
	test_unix(SOCK_STREAM, false);
	report(setsockopt(s, SOL_SOCKET, SO_DETACH_FILTER, &v, sizeof(v)) == -1 && errno == ENOENT,
	       "there is none to detach");
	report(ATTACH(OP(BPF_LD | BPF_B | BPF_ABS, 8), IF(BPF_JMP | BPF_JEQ | BPF_K, 'y', 0, 1), RETURN(-1u),
		      RETURN(0)) == 0,
	       "by the first byte behind UDP's header");
	report_eq(passes('y', 20), 20);
	report_eq(passes('n', 20), -EAGAIN);
	report_eq(passes('y', 0), -EAGAIN);
	report(ATTACH(RETURN(8 + 5)) == 0, "another takes its place, which cuts");
	report_eq(passes('n', 20), 5);
	report_eq(passes('n', 3), 3);
	report(ATTACH(RETURN(1)) == 0, "less than the header");
	report_eq(passes('n', 20), 0);
	report(ATTACH(OP(BPF_LD | BPF_W | BPF_LEN, 0), OP(BPF_ALU | BPF_SUB | BPF_K, 4), OP(BPF_MISC | BPF_TAX, 0),
		      OP(BPF_ST, 3), OP(BPF_LD | BPF_IMM, 7), OP(BPF_LD | BPF_MEM, 3), OP(BPF_ALU | BPF_MUL | BPF_K, 3),
		      OP(BPF_ALU | BPF_DIV | BPF_K, 3), OP(BPF_ALU | BPF_XOR | BPF_X, 0),
		      IF(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), OP(BPF_MISC | BPF_TXA, 0), OP(BPF_RET | BPF_A, 0)) == 0,
	       "arithmetic, memory, both registers");
	report_eq(passes('n', 20), 16);
	report(ATTACH(OP(BPF_LDX | BPF_IMM, 4), OP(BPF_LD | BPF_H | BPF_IND, 0), OP(BPF_RET | BPF_A, 0)) == 0,
	       "UDP's length, by the index register");
	report_eq(passes('n', 20), 20);
	report(ATTACH(OP(BPF_LD | BPF_W | BPF_ABS, 26), RETURN(-1u)) == 0, "a load that goes beyond the end of some");
	report_eq(passes('n', 22), 22);
	report_eq(passes('n', 21), -EAGAIN);
	report(ATTACH(OP(BPF_LDX | BPF_IMM, -1u), OP(BPF_LD | BPF_B | BPF_IND, 9), RETURN(-1u)) == 0,
	       "and one whose sum goes round");
	report_eq(passes('n', 22), 22);
	report(ATTACH(OP(BPF_LD | BPF_IMM, 9), OP(BPF_LDX | BPF_IMM, 0), OP(BPF_ALU | BPF_DIV | BPF_X, 0),
		      RETURN(-1u)) == 0,
	       "a division by a register");
	report_eq(passes('n', 22), -EAGAIN);

	report_eq(ATTACH(OP(BPF_LD | BPF_IMM, 9)), -EINVAL);
	report_eq(ATTACH(OP(BPF_ALU | BPF_DIV | BPF_K, 0), RETURN(0)), -EINVAL);
	report_eq(ATTACH(OP(BPF_ALU | BPF_LSH | BPF_K, 32), RETURN(0)), -EINVAL);
	report_eq(ATTACH(OP(BPF_ST, 16), RETURN(0)), -EINVAL);
	report_eq(ATTACH(OP(BPF_LD | BPF_MEM, 2), RETURN(0)), -EINVAL);
	report_eq(ATTACH(IF(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), OP(BPF_ST, 2), OP(BPF_LD | BPF_MEM, 2), RETURN(0)),
		  -EINVAL);
	report_eq(ATTACH(OP(BPF_JMP | BPF_JA, 1), RETURN(0)), -EINVAL);
	report_eq(ATTACH(OP(BPF_JMP | BPF_JA, -1u), RETURN(0)), -EINVAL);
	report_eq(ATTACH(IF(BPF_JMP | BPF_JGT | BPF_K, 0, 0, 9), RETURN(0)), -EINVAL);
	report_eq(ATTACH(OP(0xffff, 0), RETURN(0)), -EINVAL);
	report_eq(ATTACH(OP(BPF_ALU | 0xb0, 1), RETURN(0)), -EINVAL);
	report_eq(attach(NULL, 0), -EINVAL);
	report_eq(attach(NULL, 3), -EINVAL);
	report_eq(attach((void *)8, 3), -EFAULT);
	report_eq(passes('n', 22), -EAGAIN);

	report(setsockopt(s, SOL_SOCKET, SO_DETACH_FILTER, &v, sizeof(v)) == 0, "it is detached");
	report_eq(passes('n', 22), 22);
	v = 1;
	report(ATTACH(RETURN(-1u)) == 0 && setsockopt(s, SOL_SOCKET, SO_LOCK_FILTER, &v, sizeof(v)) == 0,
	       "one that is locked");
	report_eq(ATTACH(RETURN(0)), -EPERM);
	return report_summary();
}
