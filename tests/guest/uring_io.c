/* SPDX-License-Identifier: MIT */
/* io_uring: files, sockets, registered files and buffers, buffers that the kernel chooses. */
#include "report.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct io_uring ring;

/* Submits what was prepared last and gives its result. */
static struct io_uring_cqe last;
static int run(struct io_uring_sqe *sqe)
{
	struct io_uring_cqe *cqe;

	sqe->user_data = 77;
	if (io_uring_submit(&ring) < 0 || io_uring_wait_cqe(&ring, &cqe) != 0)
		return -999;
	last = *cqe;
	io_uring_cqe_seen(&ring, cqe);
	return last.user_data == 77 ? last.res : -998;
}

static int wait_for(uint64_t data)
{
	struct __kernel_timespec limit = {.tv_sec = 20};
	struct io_uring_cqe *cqe;

	if (io_uring_wait_cqe_timeout(&ring, &cqe, &limit) != 0)
		return -999;
	last = *cqe;
	io_uring_cqe_seen(&ring, cqe);
	return last.user_data == data ? last.res : -998;
}

#define SQE (sqe = io_uring_get_sqe(&ring))

static void files(void)
{
	struct io_uring_sqe *sqe;
	char buf[64] = "";
	struct iovec iov[2] = {{buf, 3}, {buf + 3, 60}};
	struct statx stx;
	int fd;

	io_uring_prep_openat(SQE, AT_FDCWD, "uring.tmp", O_RDWR | O_CREAT | O_TRUNC, 0600);
	fd = run(sqe);
	report_true(fd >= 0);
	io_uring_prep_write(SQE, fd, "hello world", 11, 0);
	report_eq(run(sqe), 11);
	io_uring_prep_read(SQE, fd, buf, 5, 6);
	report_true(run(sqe) == 5 && memcmp(buf, "world", 5) == 0);
	io_uring_prep_readv(SQE, fd, iov, 2, 0);
	report_true(run(sqe) == 11 && memcmp(buf, "hello world", 11) == 0);
	/* The file's own position. */
	io_uring_prep_write(SQE, fd, "HEL", 3, -1);
	report_eq(run(sqe), 3);
	report_eq(lseek(fd, 0, SEEK_CUR), 3);
	iov[0] = (struct iovec){"ab", 2};
	io_uring_prep_writev(SQE, fd, iov, 1, 11);
	report_eq(run(sqe), 2);
	io_uring_prep_fsync(SQE, fd, IORING_FSYNC_DATASYNC);
	report_eq(run(sqe), 0);
	io_uring_prep_fallocate(SQE, fd, 0, 0, 100);
	report_eq(run(sqe), 0);
	io_uring_prep_statx(SQE, AT_FDCWD, "uring.tmp", 0, STATX_SIZE, &stx);
	report_true(run(sqe) == 0 && stx.stx_size == 100);
	io_uring_prep_fadvise(SQE, fd, 0, 100, POSIX_FADV_WILLNEED);
	report_eq(run(sqe), 0);
	io_uring_prep_read(SQE, fd, (void *)8, 5, 0);
	report_eq(run(sqe), -EFAULT);
	io_uring_prep_readv(SQE, fd, (void *)8, 5, 0);
	report_eq(run(sqe), -EFAULT);
	io_uring_prep_read(SQE, fd, buf, 5, 100);
	report_eq(run(sqe), 0);
	io_uring_prep_renameat(SQE, AT_FDCWD, "uring.tmp", AT_FDCWD, "uring.2", 0);
	report_eq(run(sqe), 0);
	io_uring_prep_mkdirat(SQE, AT_FDCWD, "uring.d", 0700);
	report_eq(run(sqe), 0);
	io_uring_prep_symlinkat(SQE, "x", AT_FDCWD, "uring.d/link");
	report_eq(run(sqe), 0);
	io_uring_prep_linkat(SQE, AT_FDCWD, "uring.2", AT_FDCWD, "uring.d/hard", 0);
	report_eq(run(sqe), 0);
	unlink("uring.d/link");
	unlink("uring.d/hard");
	io_uring_prep_unlinkat(SQE, AT_FDCWD, "uring.d", AT_REMOVEDIR);
	report_eq(run(sqe), 0);
	io_uring_prep_close(SQE, fd);
	report_eq(run(sqe), 0);
	io_uring_prep_close(SQE, fd);
	report_eq(run(sqe), -EBADF);
	io_uring_prep_close(SQE, ring.ring_fd);
	report_eq(run(sqe), -EBADF);
	io_uring_prep_openat(SQE, AT_FDCWD, "nowhere/x", O_RDONLY, 0);
	report_eq(run(sqe), -ENOENT);
	/* A short read ends a chain. */
	fd = open("uring.2", O_RDWR);
	io_uring_prep_read(SQE, fd, buf, 64, 90);
	sqe->flags = IOSQE_IO_LINK;
	sqe->user_data = 1;
	io_uring_prep_nop(SQE);
	sqe->user_data = 2;
	io_uring_submit(&ring);
	report(wait_for(1) == 10 && wait_for(2) == -ECANCELED, "a short read ends a chain");
	close(fd);
	unlink("uring.2");
}

static void pipes(void)
{
	struct io_uring_sqe *sqe;
	int a[2], b[2];
	char buf[16];

	pipe(a);
	pipe2(b, O_NONBLOCK);
	io_uring_prep_read(SQE, b[0], buf, 4, -1);
	sqe->rw_flags = RWF_NOWAIT;
	report_eq(run(sqe), -EAGAIN);
	/* O_NONBLOCK is about system calls: a request waits. */
	io_uring_prep_read(SQE, b[0], buf, 4, -1);
	sqe->user_data = 9;
	io_uring_submit(&ring);
	write(b[1], "x", 1);
	report_eq(wait_for(9), 1);
	io_uring_prep_read(SQE, a[0], buf, 16, -1);
	sqe->user_data = 1;
	io_uring_submit(&ring);
	write(a[1], "four", 4);
	report_true(wait_for(1) == 4 && memcmp(buf, "four", 4) == 0);
	write(a[1], "spliced", 7);
	io_uring_prep_splice(SQE, a[0], -1, b[1], -1, 16, 0);
	report_eq(run(sqe), 7);
	report_eq(read(b[0], buf, 16), 7);
	write(a[1], "tee", 3);
	io_uring_prep_tee(SQE, a[0], b[1], 16, 0);
	report_eq(run(sqe), 3);
	report_eq(read(b[0], buf, 16), 3);
	report_eq(read(a[0], buf, 16), 3);
	/* One splice that waits. */
	fcntl(b[1], F_SETFL, 0);
	io_uring_prep_splice(SQE, a[0], -1, b[1], -1, 16, 0);
	sqe->user_data = 2;
	io_uring_submit(&ring);
	usleep(5000);
	write(a[1], "late", 4);
	report_eq(wait_for(2), 4);
	int ep = epoll_create1(0);
	struct epoll_event e = {.events = EPOLLIN};
	io_uring_prep_epoll_ctl(SQE, ep, a[0], EPOLL_CTL_ADD, &e);
	report_eq(run(sqe), 0);
	io_uring_prep_epoll_ctl(SQE, ep, a[0], EPOLL_CTL_ADD, &e);
	report_eq(run(sqe), -EEXIST);
	close(ep);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
}

static int listener(struct sockaddr_in *addr)
{
	socklen_t len = sizeof(*addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*addr = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	bind(fd, (struct sockaddr *)addr, sizeof(*addr));
	listen(fd, 16);
	getsockname(fd, (struct sockaddr *)addr, &len);
	return fd;
}

static void sockets(void)
{
	struct io_uring_sqe *sqe;
	struct sockaddr_in addr, peer;
	socklen_t peer_len = sizeof(peer);
	int l = listener(&addr), c, s = -1, ok;
	char buf[64] = "";

	io_uring_prep_socket(SQE, AF_INET, SOCK_STREAM, 0, 0);
	c = run(sqe);
	report_true(c >= 0);
	io_uring_prep_accept(SQE, l, (struct sockaddr *)&peer, &peer_len, SOCK_CLOEXEC);
	sqe->user_data = 1;
	io_uring_prep_connect(SQE, c, (struct sockaddr *)&addr, sizeof(addr));
	sqe->user_data = 2;
	io_uring_submit(&ring);
	ok = 0;
	for (int i = 0; i < 2; i++) {
		struct io_uring_cqe *cqe;
		io_uring_wait_cqe(&ring, &cqe);
		if (cqe->user_data == 1)
			s = cqe->res;
		else
			ok = cqe->res == 0;
		io_uring_cqe_seen(&ring, cqe);
	}
	report(ok && s >= 0 && (fcntl(s, F_GETFD) & FD_CLOEXEC) && peer_len == sizeof(peer) &&
		       peer.sin_family == AF_INET,
	       "accept and connect meet");
	io_uring_prep_recv(SQE, s, buf, sizeof(buf), 0);
	sqe->user_data = 3;
	io_uring_submit(&ring);
	io_uring_prep_send(SQE, c, "data", 4, 0);
	sqe->user_data = 4;
	io_uring_submit(&ring);
	ok = 0;
	for (int i = 0; i < 2; i++) {
		int data = 3;
		struct io_uring_cqe *cqe;
		io_uring_wait_cqe(&ring, &cqe);
		data = (int)cqe->user_data;
		ok += (data == 3 || data == 4) && cqe->res == 4;
		io_uring_cqe_seen(&ring, cqe);
	}
	report(ok == 2 && memcmp(buf, "data", 4) == 0, "a receive waits for a send");
	io_uring_prep_recv(SQE, s, buf, 8, MSG_WAITALL);
	sqe->user_data = 5;
	io_uring_submit(&ring);
	send(c, "1234", 4, 0);
	usleep(2000);
	send(c, "5678", 4, 0);
	report_true(wait_for(5) == 8 && memcmp(buf, "12345678", 8) == 0);
	io_uring_prep_recv(SQE, s, buf, 8, MSG_DONTWAIT);
	report_eq(run(sqe), -EAGAIN);
	/* Messages, with a descriptor in one. */
	int u[2];
	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, u);
	struct iovec iov = {"msg", 3}, in = {buf, 64};
	char control[64] = {0}, got[64];
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(4)};
	struct msghdr r = {.msg_iov = &in, .msg_iovlen = 1, .msg_control = got, .msg_controllen = sizeof(got)};
	*CMSG_FIRSTHDR(&m) =
		(struct cmsghdr){.cmsg_len = CMSG_LEN(4), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &u[0], 4);
	io_uring_prep_recvmsg(SQE, u[1], &r, 0);
	sqe->user_data = 6;
	io_uring_submit(&ring);
	io_uring_prep_sendmsg(SQE, u[0], &m, 0);
	sqe->user_data = 7;
	io_uring_submit(&ring);
	ok = 0;
	for (int i = 0; i < 2; i++) {
		struct io_uring_cqe *cqe;
		io_uring_wait_cqe(&ring, &cqe);
		ok += cqe->res == 3;
		io_uring_cqe_seen(&ring, cqe);
	}
	int passed = -1;
	if (CMSG_FIRSTHDR(&r) != NULL)
		memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&r)), 4);
	report(ok == 2 && passed >= 0 && fcntl(passed, F_GETFD) >= 0, "a message brings a descriptor");
	close(passed);
	close(u[0]);
	close(u[1]);
	/* Refusal. */
	int dead = socket(AF_INET, SOCK_STREAM, 0);
	close(l);
	io_uring_prep_connect(SQE, dead, (struct sockaddr *)&addr, sizeof(addr));
	report_eq(run(sqe), -ECONNREFUSED);
	close(dead);
	io_uring_prep_shutdown(SQE, c, SHUT_WR);
	report_eq(run(sqe), 0);
	io_uring_prep_recv(SQE, s, buf, 8, 0);
	report_eq(run(sqe), 0);
	io_uring_prep_recv(SQE, 0, buf, 8, 0);
	report_eq(run(sqe), -ENOTSOCK);
	close(s);
	/* No signal for a peer that has gone. */
	io_uring_prep_send(SQE, c, "x", 1, 0);
	report_eq(run(sqe), -EPIPE);
	close(c);
}

/* A send that does not fit: it waits for room, and nobody else does. */
static void big_send(void)
{
	static char data[1 << 20];
	struct io_uring_sqe *sqe;
	size_t got = 0;
	int u[2], sent = 0;

	socketpair(AF_UNIX, SOCK_STREAM, 0, u);
	io_uring_prep_send(SQE, u[0], data, sizeof(data), MSG_WAITALL);
	sqe->user_data = 1;
	io_uring_submit(&ring);
	while (got < sizeof(data)) {
		ssize_t n = recv(u[1], data, 65536, 0);
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	sent = wait_for(1);
	report(sent == sizeof(data) && got == sizeof(data), "a megabyte goes through a socket with less room");
	close(u[0]);
	close(u[1]);
}

static void registered(void)
{
	static char area[2][4096];
	struct iovec iov[2] = {{area[0], 4096}, {area[1], 100}}, bad = {(void *)8, 4096};
	struct io_uring_sqe *sqe;
	int fd = open("uring.tmp", O_RDWR | O_CREAT | O_TRUNC, 0600), list[3] = {fd, -1, fd};

	report_eq(io_uring_unregister_buffers(&ring), -ENXIO);
	report_eq(io_uring_register_buffers(&ring, &bad, 1), -EFAULT);
	report_eq(io_uring_register_buffers(&ring, iov, 2), 0);
	report_eq(io_uring_register_buffers(&ring, iov, 2), -EBUSY);
	strcpy(area[0] + 10, "fixed");
	io_uring_prep_write_fixed(SQE, fd, area[0] + 10, 5, 0, 0);
	report_eq(run(sqe), 5);
	io_uring_prep_read_fixed(SQE, fd, area[1] + 50, 50, 0, 1);
	report_true(run(sqe) == 5 && memcmp(area[1] + 50, "fixed", 5) == 0);
	io_uring_prep_read_fixed(SQE, fd, area[1] + 51, 50, 0, 1);
	report_eq(run(sqe), -EFAULT);
	io_uring_prep_read_fixed(SQE, fd, area[1], 50, 0, 2);
	report_eq(run(sqe), -EFAULT);
	report_eq(io_uring_unregister_buffers(&ring), 0);

	report_eq(io_uring_unregister_files(&ring), -ENXIO);
	report_eq(io_uring_register_files(&ring, list, 3), 0);
	close(fd);
	io_uring_prep_read(SQE, 2, area[0], 5, 0);
	sqe->flags = IOSQE_FIXED_FILE;
	report_eq(run(sqe), 5);
	io_uring_prep_read(SQE, 1, area[0], 5, 0);
	sqe->flags = IOSQE_FIXED_FILE;
	report_eq(run(sqe), -EBADF);
	io_uring_prep_read(SQE, 3, area[0], 5, 0);
	sqe->flags = IOSQE_FIXED_FILE;
	report_eq(run(sqe), -EBADF);
	list[0] = -1;
	report_eq(io_uring_register_files_update(&ring, 2, list, 1), 1);
	io_uring_prep_read(SQE, 2, area[0], 5, 0);
	sqe->flags = IOSQE_FIXED_FILE;
	report_eq(run(sqe), -EBADF);
	/* Opened into the table, used in the same chain. */
	io_uring_prep_openat_direct(SQE, AT_FDCWD, "uring.tmp", O_RDONLY, 0, 1);
	sqe->flags = IOSQE_IO_LINK;
	sqe->user_data = 1;
	io_uring_prep_read(SQE, 1, area[0], 5, 0);
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->user_data = 2;
	io_uring_submit(&ring);
	report(wait_for(1) == 0 && wait_for(2) == 5, "a chain uses a file that it opened itself");
	io_uring_prep_close_direct(SQE, 1);
	report_eq(run(sqe), 0);
	io_uring_prep_close_direct(SQE, 1);
	report_eq(run(sqe), -EBADF);
	list[0] = ring.ring_fd;
	report_eq(io_uring_register_files_update(&ring, 2, list, 1), -EBADF);
	report_eq(io_uring_unregister_files(&ring), 0);
	report_eq(io_uring_register_files_sparse(&ring, 4), 0);
	report_eq(io_uring_unregister_files(&ring), 0);
	unlink("uring.tmp");
}

static void chosen_buffers(void)
{
	static char area[4][64];
	struct io_uring_sqe *sqe;
	int u[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, u);
	io_uring_prep_recv(SQE, u[1], NULL, 64, 0);
	sqe->flags = IOSQE_BUFFER_SELECT;
	sqe->buf_group = 7;
	send(u[0], "x", 1, 0);
	report_eq(run(sqe), -ENOBUFS);
	io_uring_prep_provide_buffers(SQE, area, 64, 2, 7, 10);
	report_true(run(sqe) >= 0);
	io_uring_prep_recv(SQE, u[1], NULL, 64, 0);
	sqe->flags = IOSQE_BUFFER_SELECT;
	sqe->buf_group = 7;
	report_true(run(sqe) == 1 && (last.flags & IORING_CQE_F_BUFFER) && last.flags >> 16 >= 10 &&
		    last.flags >> 16 <= 11 && area[(last.flags >> 16) - 10][0] == 'x');
	io_uring_prep_remove_buffers(SQE, 5, 7);
	report_eq(run(sqe), 1);
	/* A ring of them, and one request that receives again and again. */
	struct io_uring_buf_ring *br;
	if (posix_memalign((void **)&br, 4096, 4096) != 0)
		return;
	struct io_uring_buf_reg reg = {.ring_addr = (uint64_t)br, .ring_entries = 4, .bgid = 8};
	memset(br, 0, 4096);
	report_eq(io_uring_register_buf_ring(&ring, &reg, 0), 0);
	report_eq(io_uring_register_buf_ring(&ring, &reg, 0), -EEXIST);
	io_uring_buf_ring_init(br);
	for (unsigned short i = 0; i < 4; i++)
		io_uring_buf_ring_add(br, area[i], 64, i, io_uring_buf_ring_mask(4), i);
	io_uring_buf_ring_advance(br, 4);
	io_uring_prep_recv(SQE, u[1], NULL, 0, 0);
	sqe->ioprio = IORING_RECV_MULTISHOT;
	sqe->flags = IOSQE_BUFFER_SELECT;
	sqe->buf_group = 8;
	sqe->user_data = 1;
	io_uring_submit(&ring);
	int ok = 0;
	for (int i = 0; i < 4; i++) {
		send(u[0], "abc", 3, 0);
		ok += wait_for(1) == 3 && (last.flags & IORING_CQE_F_MORE) && (last.flags & IORING_CQE_F_BUFFER) &&
		      last.flags >> 16 == (unsigned)i;
	}
	report(ok == 4, "one request receives four times into buffers of a ring");
	send(u[0], "abc", 3, 0);
	report_true(wait_for(1) == -ENOBUFS && !(last.flags & IORING_CQE_F_MORE));
	report_eq(io_uring_unregister_buf_ring(&ring, 8), 0);
	report_eq(io_uring_unregister_buf_ring(&ring, 8), -ENOENT);
	free(br);
	close(u[0]);
	close(u[1]);
}

static void multishot_accept(void)
{
	struct io_uring_sqe *sqe;
	struct sockaddr_in addr;
	int l = listener(&addr), c[3], ok = 0;

	io_uring_prep_multishot_accept(SQE, l, NULL, NULL, 0);
	sqe->user_data = 1;
	io_uring_submit(&ring);
	for (int i = 0; i < 3; i++) {
		c[i] = socket(AF_INET, SOCK_STREAM, 0);
		connect(c[i], (struct sockaddr *)&addr, sizeof(addr));
		int fd = wait_for(1);
		ok += fd >= 0 && (last.flags & IORING_CQE_F_MORE);
		close(fd);
		close(c[i]);
	}
	report(ok == 3, "one accept takes three connections");
	io_uring_prep_cancel64(SQE, 1, 0);
	sqe->user_data = 2;
	io_uring_submit(&ring);
	ok = 0;
	for (int i = 0; i < 2; i++) {
		struct io_uring_cqe *cqe;
		io_uring_wait_cqe(&ring, &cqe);
		ok += cqe->user_data == 1 && cqe->res == -ECANCELED && !(cqe->flags & IORING_CQE_F_MORE);
		ok += cqe->user_data == 2 && cqe->res == 0;
		io_uring_cqe_seen(&ring, cqe);
	}
	report(ok == 2, "and is canceled");
	close(l);
}

static void messages(void)
{
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	struct io_uring other;

	io_uring_queue_init(4, &other, 0);
	io_uring_prep_msg_ring(SQE, other.ring_fd, 123, 456, 0);
	report_eq(run(sqe), 0);
	report_true(io_uring_peek_cqe(&other, &cqe) == 0 && cqe->user_data == 456 && cqe->res == 123);
	io_uring_prep_msg_ring(SQE, 0, 123, 456, 0);
	report_eq(run(sqe), -EBADFD);
	io_uring_queue_exit(&other);
}

/* --- what another thread does to a file that is waited for --- */

#define ROUNDS 300
static int to_other[2], from_other[2];

static void *answer(void *arg)
{
	char c;

	while (read(to_other[0], &c, 1) == 1)
		if (write(from_other[1], &c, 1) != 1)
			return "write";
	return arg;
}

static void another_thread(void)
{
	struct io_uring_sqe *sqe;
	bool right = true;
	pthread_t t;

	pipe(to_other);
	pipe(from_other);
	pthread_create(&t, NULL, answer, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		char c = 0, sent = (char)i;

		right &= write(to_other[1], &sent, 1) == 1;
		if (i % 2) {
			io_uring_prep_poll_add(SQE, from_other[0], POLLIN);
			right &= run(sqe) == POLLIN && read(from_other[0], &c, 1) == 1;
		} else {
			io_uring_prep_read(SQE, from_other[0], &c, 1, 0);
			right &= run(sqe) == 1;
		}
		right &= c == sent;
	}
	close(to_other[1]);
	pthread_join(t, NULL);
	report(right, "another thread's writes end polls and reads");
}

int main(void)
{
	report_eq(io_uring_queue_init(32, &ring, 0), 0);
	files();
	pipes();
	sockets();
	big_send();
	registered();
	chosen_buffers();
	multishot_accept();
	messages();
	another_thread();
	io_uring_queue_exit(&ring);
	return report_failures != 0;
}
