/* SPDX-License-Identifier: MIT */
/*
 * io_uring: random requests on every kind of file, in processes that end with them in flight; then the same while
 * another thread scribbles over the rings. What the requests say does not matter: the kernel must go on.
 */
#include "report.h"

#include <fcntl.h>
#include <liburing.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR_FILES 11

static uint64_t state;
static char data[65536];
static struct __kernel_timespec soon = {.tv_nsec = 1000000};
static struct iovec iov[4];
static struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};

static unsigned rnd(unsigned below)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(state >> 33) % below;
}

static void *scribble(void *arg)
{
	struct io_uring *ring = arg;

	for (;;) {
		*ring->cq.khead = rnd(1u << 31);
		ring->sq.array[rnd(16)] = rnd(1u << 31);
		((unsigned *)ring->sq.sqes)[rnd(64)] = rnd(1u << 31);
		usleep(50);
	}
	return NULL;
}

static void open_files(int fd[NR_FILES], int ring_fd)
{
	pipe(fd);
	pipe(fd + 2);
	socketpair(AF_UNIX, SOCK_STREAM, 0, fd + 4);
	fd[6] = open("/dev/zero", O_RDWR);
	fd[7] = eventfd(0, 0);
	fd[8] = epoll_create1(0);
	fd[9] = ring_fd;
	fd[10] = socket(AF_INET, SOCK_STREAM, 0);
	for (int i = 0; i < 4; i++)
		fcntl(fd[i], F_SETFL, O_NONBLOCK);
}

static void fill_in(struct io_uring_sqe *sqe, const int fd[NR_FILES])
{
	void *addr[] = {data, iov, &message, &soon, NULL, (void *)8, data + 200};

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = (uint8_t)rnd(50);
	if (sqe->opcode == IORING_OP_MADVISE || (sqe->opcode == IORING_OP_CLOSE && rnd(20) != 0))
		sqe->opcode = IORING_OP_NOP;
	sqe->flags = rnd(3) == 0 ? (uint8_t)rnd(128) : 0;
	sqe->ioprio = rnd(10) == 0 ? (uint16_t)rnd(4) : 0;
	sqe->fd = fd[rnd(NR_FILES)];
	sqe->off = rnd(3) == 0 ? rnd(5000) : rnd(2) == 0 ? 0 : ~0ull;
	sqe->addr = (uint64_t)addr[rnd(7)];
	sqe->len = rnd(4) == 0 ? rnd(70000) : rnd(5);
	sqe->user_data = rnd(8);
	sqe->buf_index = rnd(4) == 0 ? (uint16_t)rnd(3) : 0;
	if (sqe->opcode == IORING_OP_TIMEOUT || sqe->opcode == IORING_OP_LINK_TIMEOUT) {
		sqe->addr = (uint64_t)&soon;
		sqe->off = rnd(3);
		sqe->len = 1;
	} else if (sqe->opcode == IORING_OP_POLL_ADD) {
		sqe->off = sqe->addr = 0;
		sqe->poll32_events = 1 + rnd(5);
		sqe->len = rnd(2);
	} else if (sqe->opcode == IORING_OP_ASYNC_CANCEL) {
		sqe->off = 0;
		sqe->addr = rnd(8);
		sqe->cancel_flags = rnd(64);
	} else if (rnd(4) == 0) {
		sqe->rw_flags = (int)rnd(64);
	}
}

static void one_process(uint64_t seed, bool hostile)
{
	static const unsigned setup[] = {0, IORING_SETUP_SUBMIT_ALL,
					 IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN};
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	pthread_t t;
	int fd[NR_FILES];

	state = seed;
	signal(SIGPIPE, SIG_IGN);
	alarm(5); /* a request may well keep the process waiting */
	if (io_uring_queue_init(16, &ring, setup[rnd(3)]) != 0)
		_exit(1);
	open_files(fd, ring.ring_fd);
	io_uring_register_files(&ring, fd, 8);
	if (hostile)
		pthread_create(&t, NULL, scribble, &ring);
	for (int round = 0; round < 200; round++) {
		for (unsigned nr = 1 + rnd(8); nr > 0; nr--) {
			struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
			if (sqe != NULL)
				fill_in(sqe, fd);
		}
		io_uring_submit(&ring);
		while (!hostile && io_uring_peek_cqe(&ring, &cqe) == 0)
			io_uring_cqe_seen(&ring, cqe);
		read(fd[0], data, 100);
		write(fd[1], "abc", 3);
		send(fd[5], "hello", 5, MSG_DONTWAIT);
		recv(fd[5], data, 5, MSG_DONTWAIT);
	}
	if (rnd(3) == 0)
		io_uring_queue_exit(&ring);
	if (rnd(3) == 0)
		execl("/bin/true", "true", NULL);
	_exit(0);
}

static bool run(unsigned nr, bool hostile)
{
	bool ok = true;

	for (unsigned i = 1; i <= nr; i++) {
		int status = 0;
		pid_t pid = fork();

		if (pid == 0)
			one_process(i * 7919, hostile);
		ok &= waitpid(pid, &status, 0) == pid;
	}
	return ok;
}

int main(void)
{
	for (int i = 0; i < 4; i++)
		iov[i] = (struct iovec){data + i * 100, 100};
	report(run(60, false), "sixty processes end with random requests in flight");
	report(run(30, true), "thirty more, whose rings are scribbled over");
	return report_failures != 0;
}
