/* SPDX-License-Identifier: MIT */
/* io_uring: rings and their indices, chains, drains, timeouts, cancellation, polls, lifetime. */
#include "report.h"

#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct io_uring_sqe *next(struct io_uring *ring, uint64_t data)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	io_uring_prep_nop(sqe);
	sqe->user_data = data;
	return sqe;
}

/* The next completion's result, which must be for `data`; -999 if it is not, or none comes. */
static int result_of(struct io_uring *ring, uint64_t data)
{
	struct __kernel_timespec limit = {.tv_sec = 20};
	struct io_uring_cqe *cqe;
	int res = -999;

	if (io_uring_wait_cqe_timeout(ring, &cqe, &limit) != 0)
		return -999;
	if (cqe->user_data == data)
		res = cqe->res;
	else
		fprintf(stderr, "completion of %llu (%d) instead of %llu\n", cqe->user_data, cqe->res,
			(unsigned long long)data);
	io_uring_cqe_seen(ring, cqe);
	return res;
}

static uint32_t flags_of_next(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;

	return io_uring_wait_cqe(ring, &cqe) == 0 ? cqe->flags : ~0u;
}

static bool nothing_more(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;

	return io_uring_peek_cqe(ring, &cqe) == -EAGAIN;
}

static int setup(unsigned entries, struct io_uring_params *p)
{
	return (int)syscall(SYS_io_uring_setup, entries, p);
}

/* What io_uring_submit does before its system call. */
static void publish(struct io_uring *ring)
{
	unsigned tail = *ring->sq.ktail;

	for (; ring->sq.sqe_head != ring->sq.sqe_tail; ring->sq.sqe_head++, tail++)
		ring->sq.array[tail & *ring->sq.kring_mask] = ring->sq.sqe_head & *ring->sq.kring_mask;
	__atomic_store_n(ring->sq.ktail, tail, __ATOMIC_RELEASE);
}

static int enter(int fd, unsigned submit, unsigned want, unsigned flags, const void *arg, size_t size)
{
	return (int)syscall(SYS_io_uring_enter, fd, submit, want, flags, arg, size);
}

static int setup_with(unsigned entries, unsigned flags, unsigned cq)
{
	struct io_uring_params p = {.flags = flags, .cq_entries = cq};
	int fd = setup(entries, &p);

	if (fd >= 0)
		close(fd);
	return fd >= 0 ? (int)p.cq_entries : -errno;
}

static void setups(void)
{
	struct io_uring_params p = {0};
	int fd;

	report_eq(setup_with(0, 0, 0), -EINVAL);
	report_eq(setup_with(5, 0, 0), 16);
	report_eq(setup_with(32769, 0, 0), -EINVAL);
	report_eq(setup_with(40000, IORING_SETUP_CLAMP, 0), 65536);
	report_eq(setup_with(8, IORING_SETUP_CQSIZE, 100), 128);
	report_eq(setup_with(8, IORING_SETUP_CQSIZE, 4), -EINVAL);
	report_eq(setup_with(8, IORING_SETUP_CQSIZE, 0), -EINVAL);
	report_eq(setup_with(8, 1u << 31, 0), -EINVAL);
	report_errno(setup(8, NULL), EFAULT);
	p.resv[1] = 1;
	report_errno(setup(8, &p), EINVAL);
	report_errno(enter(0, 0, 0, 0, NULL, 0), EOPNOTSUPP);
	report_errno(enter(-1, 0, 0, 0, NULL, 0), EBADF);
	p = (struct io_uring_params){0};
	fd = setup(4, &p);
	report_true(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
	report_true((p.features &
		     (IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG | IORING_FEAT_FAST_POLL)) ==
		    (IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG | IORING_FEAT_FAST_POLL));
	report_errno(enter(fd, 0, 0, 1u << 30, NULL, 0), EINVAL);
	report_errno(enter(fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &p, 3), EINVAL);
	report_true(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0x18000000) == MAP_FAILED);
	/* The mappings outlive the descriptor. */
	uint32_t *sq = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
	report_true(sq != MAP_FAILED && sq[p.sq_off.ring_entries / 4] == 4 && sq[p.cq_off.ring_entries / 4] == 8);
	close(fd);
	report_eq(sq[p.sq_off.ring_mask / 4], 3);
	munmap(sq, 4096);
}

static void nops(void)
{
	struct io_uring ring;
	bool ok = true;

	report_eq(io_uring_queue_init(8, &ring, 0), 0);
	for (unsigned i = 0; i < 8; i++)
		next(&ring, i);
	report_true(io_uring_get_sqe(&ring) == NULL);
	report_eq(io_uring_submit_and_wait(&ring, 8), 8);
	for (unsigned i = 0; i < 8; i++)
		ok &= result_of(&ring, i) == 0;
	report(ok && nothing_more(&ring), "eight entries, eight completions in order");
	for (unsigned i = 0; i < 1000; i++) {
		next(&ring, i);
		ok &= io_uring_submit(&ring) == 1 && result_of(&ring, i) == 0;
	}
	report(ok, "the indices go round");
	next(&ring, 5)->opcode = 200;
	report_eq(io_uring_submit(&ring), 1);
	report_eq(result_of(&ring, 5), -EINVAL);
	next(&ring, 6)->flags = 1u << 7;
	report_eq(io_uring_submit(&ring), 1);
	report_eq(result_of(&ring, 6), -EINVAL);
	next(&ring, 7)->personality = 9;
	io_uring_submit(&ring);
	report_eq(result_of(&ring, 7), -EINVAL);
	next(&ring, 8)->flags = IOSQE_CQE_SKIP_SUCCESS;
	next(&ring, 9);
	io_uring_submit(&ring);
	report_eq(result_of(&ring, 9), 0);
	next(&ring, 10)->flags = IOSQE_ASYNC;
	io_uring_submit(&ring);
	report_eq(result_of(&ring, 10), 0);
	io_uring_queue_exit(&ring);
}

/* More completions than the queue has room for: none is lost. */
static void overflow(void)
{
	struct io_uring_params p = {.flags = IORING_SETUP_CQSIZE, .cq_entries = 4};
	struct io_uring ring;
	bool ok = true;

	report_eq(io_uring_queue_init_params(4, &ring, &p), 0);
	for (unsigned i = 0; i < 12; i++) {
		next(&ring, i);
		io_uring_submit(&ring);
	}
	report_true(io_uring_cq_ready(&ring) == 4 && (*ring.sq.kflags & IORING_SQ_CQ_OVERFLOW));
	for (unsigned i = 0; i < 12; i++)
		ok &= result_of(&ring, i) == 0;
	report(ok, "all twelve came");
	report_true(!(*ring.sq.kflags & IORING_SQ_CQ_OVERFLOW));
	io_uring_queue_exit(&ring);
}

/* Indices that cannot be. */
static void hostile(void)
{
	struct io_uring ring;

	io_uring_queue_init(4, &ring, 0);
	next(&ring, 1);
	publish(&ring);
	ring.sq.array[0] = 77;
	report_eq(enter(ring.ring_fd, 1, 0, 0, NULL, 0), 0);
	report_eq(*ring.sq.kdropped, 1);
	*ring.cq.khead += 1000000;
	next(&ring, 2);
	publish(&ring);
	report_true(enter(ring.ring_fd, 1, 0, 0, NULL, 0) <= 1);
	*ring.sq.ktail += 3000000;
	report_true(enter(ring.ring_fd, 100, 0, 0, NULL, 0) <= 100);
	memset((void *)ring.sq.array, 0xff, 16);
	*ring.sq.ktail += 3000000;
	report_true(enter(ring.ring_fd, 100, 0, 0, NULL, 0) <= 100);
	io_uring_queue_exit(&ring);
}

static void links(void)
{
	struct io_uring ring;

	io_uring_queue_init(16, &ring, 0);
	for (unsigned i = 1; i <= 4; i++)
		next(&ring, i)->flags = i < 4 ? IOSQE_IO_LINK : 0;
	io_uring_submit(&ring);
	report(result_of(&ring, 1) == 0 && result_of(&ring, 2) == 0 && result_of(&ring, 3) == 0 &&
		       result_of(&ring, 4) == 0,
	       "a chain runs in order");
	/* One in the middle fails when it is run. */
	next(&ring, 1)->flags = IOSQE_IO_LINK;
	io_uring_prep_read(next(&ring, 0), 999, NULL, 1, 0);
	ring.sq.sqes[5].user_data = 2;
	ring.sq.sqes[5].flags = IOSQE_IO_LINK;
	next(&ring, 3)->flags = IOSQE_IO_LINK;
	next(&ring, 4);
	next(&ring, 5);
	io_uring_submit(&ring);
	int r[5];
	bool ok = true;
	for (int i = 0; i < 5; i++) {
		struct io_uring_cqe *cqe;
		io_uring_wait_cqe(&ring, &cqe);
		ok &= cqe->user_data >= 1 && cqe->user_data <= 5;
		r[cqe->user_data - 1] = cqe->res;
		io_uring_cqe_seen(&ring, cqe);
	}
	report(ok && r[0] == 0 && r[1] == -EBADF && r[2] == -ECANCELED && r[3] == -ECANCELED && r[4] == 0,
	       "what is behind a failure is canceled, what is behind the chain is not");
	/* A hard link goes on. */
	struct io_uring_sqe *sqe = next(&ring, 0);
	io_uring_prep_read(sqe, 999, NULL, 1, 0);
	sqe->user_data = 1;
	sqe->flags = IOSQE_IO_HARDLINK;
	next(&ring, 2);
	io_uring_submit(&ring);
	report(result_of(&ring, 1) == -EBADF && result_of(&ring, 2) == 0, "a hard link goes on behind a failure");
	/* One that cannot even be read. */
	next(&ring, 1)->flags = IOSQE_IO_LINK;
	sqe = next(&ring, 2);
	sqe->flags = IOSQE_IO_LINK;
	sqe->opcode = 201;
	io_uring_submit(&ring);
	report(result_of(&ring, 1) == -ECANCELED && result_of(&ring, 2) == -EINVAL,
	       "a chain with an entry that means nothing does not start");
	while (!nothing_more(&ring))
		result_of(&ring, 0);
	io_uring_queue_exit(&ring);
}

static void drains(void)
{
	struct io_uring ring;
	int fd[2];
	char c;

	io_uring_queue_init(8, &ring, 0);
	pipe(fd);
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
	io_uring_prep_read(sqe, fd[0], &c, 1, -1);
	sqe->user_data = 1;
	next(&ring, 2)->flags = IOSQE_IO_DRAIN;
	next(&ring, 3);
	report_eq(io_uring_submit(&ring), 3);
	report_true(nothing_more(&ring));
	write(fd[1], "x", 1);
	report(result_of(&ring, 1) == 1 && result_of(&ring, 2) == 0 && result_of(&ring, 3) == 0,
	       "a drain waits for what is before it, and keeps what is behind it");
	close(fd[0]);
	close(fd[1]);
	io_uring_queue_exit(&ring);
}

static void timeouts(void)
{
	struct __kernel_timespec ts = {.tv_nsec = 20000000}, later = {.tv_sec = 100}, bad = {.tv_nsec = -1};
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *sqe;
	struct timespec now;
	int fd[2];
	char c;

	io_uring_queue_init(8, &ring, 0);
	pipe(fd);
	io_uring_prep_timeout(next(&ring, 0), &ts, 0, 0);
	ring.sq.sqes[0].user_data = 1;
	io_uring_submit(&ring);
	report_eq(result_of(&ring, 1), -ETIME);
	io_uring_prep_timeout(sqe = next(&ring, 0), &bad, 0, 0);
	sqe->user_data = 2;
	io_uring_submit(&ring);
	report_eq(result_of(&ring, 2), -EINVAL);
	/* After two completions. */
	io_uring_prep_timeout(sqe = next(&ring, 0), &later, 2, 0);
	sqe->user_data = 3;
	next(&ring, 4);
	next(&ring, 5);
	io_uring_submit(&ring);
	int seen[3] = {0};
	for (int i = 0; i < 3; i++) {
		io_uring_wait_cqe(&ring, &cqe);
		if (cqe->user_data >= 3 && cqe->user_data <= 5 && cqe->res == 0)
			seen[cqe->user_data - 3]++;
		io_uring_cqe_seen(&ring, cqe);
	}
	report(seen[0] == 1 && seen[1] == 1 && seen[2] == 1, "a timeout may count completions");
	clock_gettime(CLOCK_MONOTONIC, &now);
	ts = (struct __kernel_timespec){now.tv_sec, now.tv_nsec};
	io_uring_prep_timeout(sqe = next(&ring, 0), &ts, 0, IORING_TIMEOUT_ABS);
	sqe->user_data = 6;
	io_uring_submit(&ring);
	report_eq(result_of(&ring, 6), -ETIME);
	/* Removing and changing. */
	io_uring_prep_timeout(sqe = next(&ring, 0), &later, 0, 0);
	sqe->user_data = 7;
	io_uring_prep_timeout_remove(sqe = next(&ring, 0), 7, 0);
	sqe->user_data = 8;
	io_uring_prep_timeout_remove(sqe = next(&ring, 0), 7, 0);
	sqe->user_data = 9;
	io_uring_submit(&ring);
	int removed = 0, canceled = 0, missing = 0;
	for (int i = 0; i < 3; i++) {
		io_uring_wait_cqe(&ring, &cqe);
		removed += cqe->user_data == 8 && cqe->res == 0;
		canceled += cqe->user_data == 7 && cqe->res == -ECANCELED;
		missing += cqe->user_data == 9 && cqe->res == -ENOENT;
		io_uring_cqe_seen(&ring, cqe);
	}
	report(removed && canceled && missing, "a timeout is removed once");
	io_uring_prep_timeout(sqe = next(&ring, 0), &later, 0, 0);
	sqe->user_data = 10;
	io_uring_submit(&ring);
	ts = (struct __kernel_timespec){0, 1000000};
	io_uring_prep_timeout_update(sqe = next(&ring, 0), &ts, 10, 0);
	sqe->user_data = 11;
	io_uring_submit(&ring);
	report(result_of(&ring, 11) == 0 && result_of(&ring, 10) == -ETIME, "a timeout is moved");
	/* Watching another request. */
	io_uring_prep_read(sqe = next(&ring, 0), fd[0], &c, 1, -1);
	sqe->user_data = 12;
	sqe->flags = IOSQE_IO_LINK;
	io_uring_prep_link_timeout(sqe = next(&ring, 0), &ts, 0);
	sqe->user_data = 13;
	io_uring_submit(&ring);
	int first = 0, second = 0;
	for (int i = 0; i < 2; i++) {
		io_uring_wait_cqe(&ring, &cqe);
		first += cqe->user_data == 12 && cqe->res == -ECANCELED;
		second += cqe->user_data == 13 && cqe->res == -ETIME;
		io_uring_cqe_seen(&ring, cqe);
	}
	report(first && second, "a link timeout ends the read it watches");
	write(fd[1], "x", 1);
	io_uring_prep_read(sqe = next(&ring, 0), fd[0], &c, 1, -1);
	sqe->user_data = 14;
	sqe->flags = IOSQE_IO_LINK;
	io_uring_prep_link_timeout(sqe = next(&ring, 0), &later, 0);
	sqe->user_data = 15;
	io_uring_submit(&ring);
	report(result_of(&ring, 14) == 1 && result_of(&ring, 15) == -ECANCELED, "and goes with one that ends in time");
	io_uring_prep_link_timeout(sqe = next(&ring, 0), &later, 0);
	sqe->user_data = 16;
	io_uring_submit(&ring);
	report_eq(result_of(&ring, 16), -EINVAL);
	/* The call's own. */
	struct __kernel_timespec soon = {.tv_nsec = 5000000};
	report_eq(io_uring_wait_cqe_timeout(&ring, &cqe, &soon), -ETIME);
	close(fd[0]);
	close(fd[1]);
	io_uring_queue_exit(&ring);
}

static void cancels(void)
{
	struct io_uring ring;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	int fd[2], got = 0, count = 0;
	char c[3];

	io_uring_queue_init(8, &ring, 0);
	pipe(fd);
	io_uring_prep_read(sqe = next(&ring, 0), fd[0], c, 1, -1);
	sqe->user_data = 1;
	io_uring_submit(&ring);
	io_uring_prep_cancel64(sqe = next(&ring, 0), 1, 0);
	sqe->user_data = 2;
	io_uring_submit(&ring);
	for (int i = 0; i < 2; i++) {
		io_uring_wait_cqe(&ring, &cqe);
		got += cqe->user_data == 1 && cqe->res == -ECANCELED;
		got += cqe->user_data == 2 && cqe->res == 0;
		io_uring_cqe_seen(&ring, cqe);
	}
	report(got == 2, "a waiting read is canceled");
	io_uring_prep_cancel64(sqe = next(&ring, 0), 1, 0);
	sqe->user_data = 3;
	io_uring_submit(&ring);
	report_eq(result_of(&ring, 3), -ENOENT);
	for (int i = 0; i < 3; i++) {
		io_uring_prep_read(sqe = next(&ring, 0), fd[0], c + i, 1, -1);
		sqe->user_data = 4;
	}
	io_uring_submit(&ring);
	io_uring_prep_cancel_fd(sqe = next(&ring, 0), fd[0], IORING_ASYNC_CANCEL_ALL);
	sqe->user_data = 5;
	io_uring_submit(&ring);
	for (int i = 0; i < 4; i++) {
		io_uring_wait_cqe(&ring, &cqe);
		got += cqe->user_data == 4 && cqe->res == -ECANCELED;
		if (cqe->user_data == 5)
			count = cqe->res;
		io_uring_cqe_seen(&ring, cqe);
	}
	report(got == 5 && count == 3, "all requests of a descriptor are canceled");
	/* One that a worker is blocked in. */
	io_uring_prep_read(sqe = next(&ring, 0), fd[0], c, 1, -1);
	sqe->user_data = 6;
	sqe->flags = IOSQE_ASYNC;
	io_uring_submit(&ring);
	usleep(20000);
	io_uring_prep_cancel64(sqe = next(&ring, 0), 6, 0);
	sqe->user_data = 7;
	io_uring_submit(&ring);
	got = 0;
	for (int i = 0; i < 2; i++) {
		io_uring_wait_cqe(&ring, &cqe);
		got += cqe->user_data == 6 && (cqe->res == -ECANCELED || cqe->res == -EINTR);
		got += cqe->user_data == 7 && (cqe->res == 0 || cqe->res == -EALREADY);
		io_uring_cqe_seen(&ring, cqe);
	}
	report(got == 2, "a read that a worker waits in is canceled");
	close(fd[0]);
	close(fd[1]);
	io_uring_queue_exit(&ring);
}

static void polls(void)
{
	struct io_uring ring;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	int fd[2], got = 0;
	char c;

	io_uring_queue_init(8, &ring, 0);
	pipe(fd);
	io_uring_prep_poll_add(sqe = next(&ring, 0), fd[1], POLLOUT);
	sqe->user_data = 1;
	io_uring_submit(&ring);
	report_true((result_of(&ring, 1) & POLLOUT) != 0);
	io_uring_prep_poll_add(sqe = next(&ring, 0), fd[0], POLLIN);
	sqe->user_data = 2;
	io_uring_submit(&ring);
	report_true(nothing_more(&ring));
	write(fd[1], "x", 1);
	report_eq(result_of(&ring, 2), POLLIN);
	read(fd[0], &c, 1);
	io_uring_prep_poll_multishot(sqe = next(&ring, 0), fd[0], POLLIN);
	sqe->user_data = 3;
	io_uring_submit(&ring);
	for (int i = 0; i < 3; i++) {
		write(fd[1], "x", 1);
		uint32_t flags = flags_of_next(&ring);
		got += result_of(&ring, 3) == POLLIN && (flags & IORING_CQE_F_MORE);
		read(fd[0], &c, 1);
	}
	report(got == 3 && nothing_more(&ring), "a multishot poll tells of each event once");
	io_uring_prep_poll_remove(sqe = next(&ring, 0), 3);
	sqe->user_data = 4;
	io_uring_submit(&ring);
	got = 0;
	for (int i = 0; i < 2; i++) {
		io_uring_wait_cqe(&ring, &cqe);
		got += cqe->user_data == 3 && cqe->res == -ECANCELED && !(cqe->flags & IORING_CQE_F_MORE);
		got += cqe->user_data == 4 && cqe->res == 0;
		io_uring_cqe_seen(&ring, cqe);
	}
	report(got == 2, "it is removed");
	io_uring_prep_poll_remove(sqe = next(&ring, 0), 3);
	sqe->user_data = 5;
	io_uring_submit(&ring);
	report_eq(result_of(&ring, 5), -ENOENT);
	/* The other end goes. */
	io_uring_prep_poll_add(sqe = next(&ring, 0), fd[0], POLLIN);
	sqe->user_data = 6;
	io_uring_submit(&ring);
	close(fd[1]);
	report_eq(result_of(&ring, 6), POLLHUP);
	/* A request that waits for its own ring, directly and through an epoll set. */
	int ep = epoll_create1(0);
	struct epoll_event e = {.events = EPOLLIN};
	epoll_ctl(ep, EPOLL_CTL_ADD, ring.ring_fd, &e);
	io_uring_prep_poll_add(sqe = next(&ring, 0), ring.ring_fd, POLLIN);
	sqe->user_data = 8;
	io_uring_prep_poll_add(sqe = next(&ring, 0), ep, POLLIN);
	sqe->user_data = 8;
	next(&ring, 9);
	io_uring_submit(&ring);
	report_eq(result_of(&ring, 9), 0);
	report_eq(result_of(&ring, 8), POLLIN);
	report_eq(result_of(&ring, 8), POLLIN);
	close(ep);
	/* A ring can be polled itself, and tells an eventfd. */
	int event = eventfd(0, EFD_NONBLOCK);
	uint64_t n = 0;
	struct pollfd p = {ring.ring_fd, POLLIN, 0};
	report_eq(io_uring_register_eventfd(&ring, event), 0);
	report_eq(io_uring_register_eventfd(&ring, event), -EBUSY);
	report_eq(poll(&p, 1, 0), 0);
	next(&ring, 7);
	io_uring_submit(&ring);
	report_eq(poll(&p, 1, 0), 1);
	report_true(read(event, &n, 8) == 8 && n == 1);
	report_eq(result_of(&ring, 7), 0);
	report_eq(io_uring_unregister_eventfd(&ring), 0);
	report_eq(io_uring_unregister_eventfd(&ring), -ENXIO);
	close(event);
	close(fd[0]);
	io_uring_queue_exit(&ring);
}

/* Nobody is in io_uring_enter: the completion comes all the same, into memory that is only looked at. */
static void without_entering(void)
{
	struct io_uring ring;
	struct io_uring_sqe *sqe;
	int fd[2];
	char c = 0;

	io_uring_queue_init(8, &ring, 0);
	pipe(fd);
	io_uring_prep_read(sqe = next(&ring, 0), fd[0], &c, 1, -1);
	sqe->user_data = 1;
	io_uring_submit(&ring);
	if (fork() == 0) {
		usleep(10000);
		write(fd[1], "y", 1);
		_exit(0);
	}
	for (int i = 0; i < 20000 && io_uring_cq_ready(&ring) == 0; i++)
		usleep(1000);
	report(io_uring_cq_ready(&ring) == 1 && c == 'y', "a completion comes to a program that only looks");
	wait(NULL);
	close(fd[0]);
	close(fd[1]);
	io_uring_queue_exit(&ring);
}

/* Processes that end, or close the ring, with requests in flight. */
static void lifetime(void)
{
	struct io_uring ring;
	struct io_uring_sqe *sqe;
	int fd[2], status = 0;
	char c;

	pipe(fd);
	for (int how = 0; how < 3; how++) {
		pid_t pid = fork();
		if (pid == 0) {
			struct __kernel_timespec later = {.tv_sec = 100};
			io_uring_queue_init(8, &ring, 0);
			io_uring_prep_read(next(&ring, 0), fd[0], &c, 1, -1);
			io_uring_prep_read(sqe = next(&ring, 0), fd[0], &c, 1, -1);
			sqe->flags = IOSQE_ASYNC | IOSQE_IO_LINK;
			next(&ring, 3);
			io_uring_prep_timeout(next(&ring, 0), &later, 0, 0);
			io_uring_submit(&ring);
			if (how == 1)
				io_uring_queue_exit(&ring);
			if (how == 2)
				execl("/bin/true", "true", NULL);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		report(status == 0, "a process ends with requests in flight, way %d", how);
	}
	/* Killed with more waiting calls than workers get to. */
	pid_t many = fork();
	if (many == 0) {
		io_uring_queue_init(256, &ring, 0);
		for (int i = 0; i < 200; i++) {
			io_uring_prep_read(sqe = next(&ring, 0), fd[0], &c, 1, -1);
			sqe->flags = IOSQE_ASYNC;
		}
		io_uring_submit(&ring);
		raise(SIGKILL);
	}
	waitpid(many, &status, 0);
	report(WIFSIGNALED(status), "a process is killed with 200 reads in workers");
	/* Nothing holds the pipe any more but this process. */
	close(fd[1]);
	report_eq(read(fd[0], &c, 1), 0);
	close(fd[0]);
	/* A child shares the ring with its parent. */
	io_uring_queue_init(8, &ring, 0);
	if (fork() == 0) {
		next(&ring, 21);
		_exit(io_uring_submit(&ring) == 1 ? 0 : 1);
	}
	wait(&status);
	report(status == 0 && result_of(&ring, 21) == 0, "a child's completion is its parent's as well");
	io_uring_queue_exit(&ring);
}

static void *submitter(void *arg)
{
	struct io_uring *ring = arg;

	next(ring, 1);
	return (void *)(long)io_uring_submit(ring);
}

static void setup_flags(void)
{
	struct io_uring_sqe *sqe;
	struct io_uring ring;
	pthread_t t;
	void *res;

	report_eq(io_uring_queue_init(8, &ring, IORING_SETUP_R_DISABLED), 0);
	next(&ring, 1);
	report_eq(io_uring_submit(&ring), -EBADFD);
	report_eq(io_uring_enable_rings(&ring), 0);
	report_eq(io_uring_submit(&ring), 1);
	report_eq(result_of(&ring, 1), 0);
	io_uring_queue_exit(&ring);
	report_eq(io_uring_queue_init(8, &ring, IORING_SETUP_SINGLE_ISSUER), 0);
	pthread_create(&t, NULL, submitter, &ring);
	pthread_join(t, &res);
	report_eq((int)(long)res, -EEXIST);
	io_uring_queue_exit(&ring);
	report_eq(io_uring_queue_init(8, &ring, IORING_SETUP_DEFER_TASKRUN), -EINVAL);
	report_eq(io_uring_queue_init(8, &ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN), 0);
	int fd[2];
	char c;
	pipe(fd);
	io_uring_prep_read(next(&ring, 0), fd[0], &c, 1, -1);
	io_uring_submit(&ring);
	write(fd[1], "x", 1);
	report_eq(result_of(&ring, 0), 1);
	/* One that waits for the ring itself holds up nobody. */
	io_uring_prep_poll_add(sqe = next(&ring, 0), ring.ring_fd, POLLIN);
	sqe->user_data = 2;
	next(&ring, 1);
	io_uring_submit(&ring);
	report_eq(result_of(&ring, 1), 0);
	io_uring_queue_exit(&ring);
	struct io_uring_probe *probe = io_uring_get_probe();
	report_true(probe != NULL && io_uring_opcode_supported(probe, IORING_OP_RECVMSG) &&
		    io_uring_opcode_supported(probe, IORING_OP_SOCKET));
	io_uring_free_probe(probe);
}

int main(void)
{
	setups();
	nops();
	overflow();
	hostile();
	links();
	drains();
	timeouts();
	cancels();
	polls();
	without_entering();
	lifetime();
	setup_flags();
	return report_failures != 0;
}
