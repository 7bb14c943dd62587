/* SPDX-License-Identifier: MIT */
/* epoll reports what is ready, once or as long as asked for, forgets files that die, and costs what is ready. */
// SOURCES: kernel/fs/epoll.c kernel/fs/epoll_nest.c kernel/fs/epoll_set.c shim/kmalloc.c shim/klock.c shim/log.c shim/uaccess.c shim/sched.c
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "kernel/fs/epoll.h"
#include "kernel/fs/vfs.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/linux/signal.h"
#include "kernel/time/timespec.h"
#include "shim.h"

/* What epoll needs of the rest of the kernel: a descriptor table, and masks and clocks that do nothing. */
#define NR_FDS 256
static struct file *table[NR_FDS];

struct file *file_get(struct file *f)
{
	f->refs++;
	return f;
}

bool file_try_get(struct file *f)
{
	return f->refs > 0 && file_get(f) != NULL;
}

void file_put(struct file *f)
{
	if (f == NULL || --f->refs > 0)
		return;
	if (!list_empty(&f->epoll_links))
		epoll_file_released(f);
	if (f->ops->release != NULL)
		f->ops->release(f);
	free(f);
}

struct file *file_anon(const struct file_ops *ops, void *priv, unsigned mode, unsigned flags, const char *name,
		       uint32_t st_mode)
{
	struct file *f = calloc(1, sizeof(*f));

	(void)name;
	(void)st_mode;
	*f = (struct file){.ops = ops, .refs = 1, .mode = mode, .flags = flags, .priv = priv};
	list_init(&f->epoll_links);
	return f;
}

struct file *fd_get(int fd)
{
	return fd >= 0 && fd < NR_FDS && table[fd] != NULL ? file_get(table[fd]) : NULL;
}

int fd_install(struct file *f, int min, bool cloexec)
{
	(void)cloexec;
	while (table[min] != NULL)
		min++;
	table[min] = f;
	return min;
}

static void close_fd(int fd)
{
	struct file *f = table[fd];

	table[fd] = NULL;
	file_put(f);
}

int signal_begin_temp_mask(const void *usigmask, size_t sigsetsize)
{
	(void)usigmask;
	(void)sigsetsize;
	return 0;
}

void signal_end_temp_mask(bool interrupted)
{
	(void)interrupted;
}

int timespec_from_user(const void *uts, uint64_t *ns)
{
	return timespec_to_ns(uts, ns);
}

uint64_t deadline_after(uint64_t ns)
{
	return ns + 1;
}

/* A file that is ready as the test says. */
struct thing {
	uint32_t ready;
	unsigned nr_polls;
	struct waitq wq;
};

static uint32_t thing_poll(struct file *f, struct poll_table *pt)
{
	struct thing *t = f->priv;

	poll_wait(f, &t->wq, pt);
	t->nr_polls++;
	return t->ready;
}

static const struct file_ops thing_ops = {.poll = thing_poll};
static const struct file_ops regular_ops = {0};

static int open_thing(struct thing *t)
{
	*t = (struct thing){0};
	waitq_init(&t->wq);
	return fd_install(file_anon(&thing_ops, t, FILE_READ, 0, "", 0), 0, false);
}

static void becomes(struct thing *t, uint32_t ready)
{
	t->ready = ready;
	waitq_wake(&t->wq, ready);
}

static long ctl(int ep, int op, int fd, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.u64 = (uint64_t)fd};

	return sys_epoll_ctl(ep, op, fd, &e);
}

/* Waits without sleeping. The one event's bits, 0 for none. */
static uint32_t wait_one(int ep, int fd)
{
	struct epoll_event e = {0};
	long n = sys_epoll_wait(ep, &e, 1, 0);

	assert_true(n == 0 || n == 1);
	if (n == 1)
		assert_int_equal(e.data.u64, fd);
	return n == 1 ? e.events : 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int fd = 0; fd < NR_FDS; fd++)
		if (table[fd] != NULL)
			close_fd(fd);
	assert_int_equal(kmalloc_bytes_used(), 0);
	return 0;
}

static void test_level(void **state)
{
	static struct thing t;
	int ep = (int)sys_epoll_create1(0), fd = open_thing(&t);

	(void)state;
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN), 0);
	assert_int_equal(wait_one(ep, fd), 0);
	becomes(&t, POLLIN);
	assert_int_equal(wait_one(ep, fd), EPOLLIN);
	assert_int_equal(wait_one(ep, fd), EPOLLIN);
	t.ready = 0;
	assert_int_equal(wait_one(ep, fd), 0);
	/* Not asked for, but always told. */
	becomes(&t, POLLHUP);
	assert_int_equal(wait_one(ep, fd), EPOLLHUP);
}

static void test_edge(void **state)
{
	static struct thing t;
	int ep = (int)sys_epoll_create1(0), fd = open_thing(&t);

	(void)state;
	t.ready = POLLIN;
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET), 0);
	assert_int_equal(wait_one(ep, fd), EPOLLIN);
	assert_int_equal(wait_one(ep, fd), 0);
	becomes(&t, POLLIN);
	assert_int_equal(wait_one(ep, fd), EPOLLIN);
	/* A change of the registration asks again. */
	assert_int_equal(ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLET), 0);
	assert_int_equal(wait_one(ep, fd), EPOLLIN);
	/* An event of another kind is none. */
	becomes(&t, POLLOUT);
	assert_int_equal(wait_one(ep, fd), 0);
}

static void test_one_shot(void **state)
{
	static struct thing t;
	int ep = (int)sys_epoll_create1(0), fd = open_thing(&t);

	(void)state;
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLONESHOT), 0);
	becomes(&t, POLLIN);
	assert_int_equal(wait_one(ep, fd), EPOLLIN);
	becomes(&t, POLLIN);
	assert_int_equal(wait_one(ep, fd), 0);
	assert_int_equal(ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT), 0);
	assert_int_equal(wait_one(ep, fd), EPOLLIN);
}

static void test_errors(void **state)
{
	static struct thing t;
	int ep = (int)sys_epoll_create1(0), fd = open_thing(&t);
	int regular = fd_install(file_anon(&regular_ops, NULL, FILE_READ, 0, "", 0), 0, false);
	struct epoll_event e;

	(void)state;
	assert_int_equal(sys_epoll_create1(1), -EINVAL);
	assert_int_equal(sys_epoll_create(0), -EINVAL);
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, ep, EPOLLIN), -EINVAL);
	assert_int_equal(ctl(fd, EPOLL_CTL_ADD, ep, EPOLLIN), -EINVAL);
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, 99, EPOLLIN), -EBADF);
	assert_int_equal(ctl(99, EPOLL_CTL_ADD, fd, EPOLLIN), -EBADF);
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, regular, EPOLLIN), -EPERM);
	assert_int_equal(ctl(ep, 99, fd, EPOLLIN), -EINVAL);
	assert_int_equal(ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN), -ENOENT);
	assert_int_equal(ctl(ep, EPOLL_CTL_DEL, fd, 0), -ENOENT);
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN), 0);
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN), -EEXIST);
	assert_int_equal(ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLEXCLUSIVE), -EINVAL);
	assert_int_equal(ctl(ep, EPOLL_CTL_DEL, fd, 0), 0);
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT), -EINVAL);
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLEXCLUSIVE), 0);
	assert_int_equal(sys_epoll_wait(ep, &e, 0, 0), -EINVAL);
	assert_int_equal(sys_epoll_wait(fd, &e, 1, 0), -EINVAL);
	assert_int_equal(sys_epoll_wait(99, &e, 1, 0), -EBADF);
	becomes(&t, POLLIN);
	assert_int_equal(sys_epoll_wait(ep, NULL, 1, 0), -EFAULT);
	/* The event was not lost with the bad buffer. */
	assert_int_equal(wait_one(ep, fd), EPOLLIN);
}

static void test_file_dies(void **state)
{
	static struct thing t;
	int ep = (int)sys_epoll_create1(0), fd = open_thing(&t);

	(void)state;
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN), 0);
	becomes(&t, POLLIN);
	close_fd(fd);
	assert_true(list_empty(&t.wq.waiters));
	assert_int_equal(wait_one(ep, fd), 0);
	/* The number may come again with another file. */
	assert_int_equal(open_thing(&t), fd);
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN), 0);
}

static void test_set_dies_first(void **state)
{
	static struct thing t;
	int ep = (int)sys_epoll_create1(0), fd = open_thing(&t);

	(void)state;
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN), 0);
	close_fd(ep);
	assert_true(list_empty(&t.wq.waiters));
	becomes(&t, POLLIN);
}

/* A wait looks at what may be ready, not at all that is watched; and every ready one gets its turn. */
static void test_many(void **state)
{
	static struct thing things[200];
	struct epoll_event e[3];
	int ep = (int)sys_epoll_create1(0), fd[200];
	unsigned seen[200] = {0};

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		fd[i] = open_thing(&things[i]);
		assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd[i], EPOLLIN), 0);
		things[i].nr_polls = 0;
	}
	for (unsigned i = 0; i < 9; i++)
		becomes(&things[i * 20], POLLIN);
	for (unsigned round = 0; round < 3; round++) {
		assert_int_equal(sys_epoll_wait(ep, e, 3, 0), 3);
		for (unsigned i = 0; i < 3; i++)
			seen[e[i].data.u64 % 200]++;
	}
	unsigned distinct = 0, polls = 0;
	for (unsigned i = 0; i < 200; i++) {
		distinct += seen[i] > 0;
		polls += things[i].nr_polls;
	}
	assert_int_equal(distinct, 9);
	assert_int_equal(polls, 9);
}

static void test_nested(void **state)
{
	static struct thing t;
	int inner = (int)sys_epoll_create1(0), outer = (int)sys_epoll_create1(0), fd = open_thing(&t);

	(void)state;
	assert_int_equal(ctl(inner, EPOLL_CTL_ADD, fd, EPOLLIN), 0);
	assert_int_equal(ctl(outer, EPOLL_CTL_ADD, inner, EPOLLIN), 0);
	assert_int_equal(ctl(inner, EPOLL_CTL_ADD, outer, EPOLLIN), -ELOOP);
	assert_int_equal(wait_one(outer, inner), 0);
	becomes(&t, POLLIN);
	assert_int_equal(wait_one(outer, inner), EPOLLIN);
	assert_int_equal(wait_one(inner, fd), EPOLLIN);
	t.ready = 0;
	assert_int_equal(wait_one(outer, inner), 0);
}

static void test_nesting_has_an_end(void **state)
{
	int ep[6];

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		ep[i] = (int)sys_epoll_create1(0);
	for (unsigned i = 0; i + 1 < 6; i++)
		assert_int_equal(ctl(ep[i + 1], EPOLL_CTL_ADD, ep[i], EPOLLIN), i < 4 ? 0 : -ELOOP);
	assert_int_equal(ctl(ep[0], EPOLL_CTL_ADD, ep[4], EPOLLIN), -ELOOP);
}

static void test_no_memory(void **state)
{
	static struct thing t;
	int ep = (int)sys_epoll_create1(0), fd = open_thing(&t);

	(void)state;
	shim_kmalloc_fail_after(0);
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN), -ENOMEM);
	assert_int_equal(sys_epoll_create1(0), -ENOMEM);
	shim_kmalloc_fail_after(1);
	assert_int_equal(sys_epoll_create1(0), -ENOMEM);
	shim_kmalloc_fail_after(-1);
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_level, teardown),
		cmocka_unit_test_teardown(test_edge, teardown),
		cmocka_unit_test_teardown(test_one_shot, teardown),
		cmocka_unit_test_teardown(test_errors, teardown),
		cmocka_unit_test_teardown(test_file_dies, teardown),
		cmocka_unit_test_teardown(test_set_dies_first, teardown),
		cmocka_unit_test_teardown(test_many, teardown),
		cmocka_unit_test_teardown(test_nested, teardown),
		cmocka_unit_test_teardown(test_nesting_has_an_end, teardown),
		cmocka_unit_test_teardown(test_no_memory, teardown),
	};

	return RUN_TESTS(tests);
}
