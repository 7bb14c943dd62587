/* SPDX-License-Identifier: MIT */
/* select.c - select(2) and pselect(2): bit sets of descriptors over poll.h. */
#include <errno.h>
#include <poll.h>

#include "kernel/fs/fdtable.h"
#include "kernel/fs/poll.h"
#include "kernel/linux/signal.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/time/timespec.h"
#include "lib/string.h"

enum { SET_IN, SET_OUT, SET_EX, SET_NR };

/* What makes a descriptor ready in each set, as Linux has it. */
static const uint32_t set_events[SET_NR] = {
	POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR,
	POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR,
	POLLPRI,
};
static const uint32_t set_asks[SET_NR] = {POLLIN | POLLRDNORM | POLLRDBAND, POLLOUT | POLLWRNORM | POLLWRBAND, POLLPRI};

struct fd_sets {
	int nr;
	size_t words; /* of 64 bits, per set */
	uint64_t *asked[SET_NR], *ready[SET_NR];
};

static int scan_one(struct poll_waiter *w, struct fd_sets *s, int fd)
{
	uint64_t bit = 1ull << (fd % 64);
	unsigned word = (unsigned)fd / 64;
	uint32_t asks = 0, found;
	int nr = 0;

	for (unsigned i = 0; i < SET_NR; i++)
		if (s->asked[i][word] & bit)
			asks |= set_asks[i];
	struct file *f = fd_get(fd);
	if (f == NULL)
		return -EBADF;
	found = poll_wait_file(w, f, asks);
	file_put(f);
	for (unsigned i = 0; i < SET_NR; i++) {
		if ((s->asked[i][word] & bit) && (found & set_events[i])) {
			s->ready[i][word] |= bit;
			nr++;
		}
	}
	if (nr > 0)
		w->registering = false;
	return nr;
}

static int scan_sets(struct poll_waiter *w, struct fd_sets *s)
{
	int ready = 0;

	for (size_t word = 0; word < s->words; word++) {
		uint64_t any = s->asked[SET_IN][word] | s->asked[SET_OUT][word] | s->asked[SET_EX][word];
		while (any != 0) {
			int fd = (int)(word * 64) + __builtin_ctzll(any);
			any &= any - 1;
			int n = scan_one(w, s, fd);
			if (n < 0)
				return n;
			ready += n;
		}
	}
	return ready;
}

/* Number of bits set in the answer, or -errno; -EINTR when interrupted. deadline_ns 0: do not wait. */
static int do_select(struct fd_sets *s, uint64_t deadline_ns)
{
	struct poll_waiter w;
	int ready, err = 0;

	poll_wait_init(&w);
	w.registering = deadline_ns != 0;
	for (;;) {
		ready = scan_sets(&w, s);
		if (ready != 0 || err != 0 || deadline_ns == 0)
			break;
		err = poll_wait_sleep(&w, deadline_ns);
		if (err == -EINTR || err == -ENOMEM)
			break;
	}
	poll_wait_done(&w);
	if (ready != 0)
		return ready;
	return err == -ETIMEDOUT ? 0 : err;
}

static int copy_sets_in(struct fd_sets *s, void *const user[SET_NR])
{
	size_t bytes = ((size_t)s->nr + 7) / 8;
	uint64_t *mem = kzalloc(MAX(s->words, (size_t)1) * 8 * 2 * SET_NR);

	if (mem == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < SET_NR; i++) {
		s->asked[i] = mem + i * s->words;
		s->ready[i] = mem + (SET_NR + i) * s->words;
	}
	for (unsigned i = 0; i < SET_NR; i++) {
		if (user[i] != NULL && copy_from_user(s->asked[i], user[i], bytes) != 0) {
			kfree(mem);
			return -EFAULT;
		}
		/* Bits at and above nr are not part of the sets. */
		if (s->words > 0 && s->nr % 64 != 0)
			s->asked[i][s->words - 1] &= (1ull << (s->nr % 64)) - 1;
	}
	return 0;
}

static int copy_sets_out(const struct fd_sets *s, void *const user[SET_NR])
{
	size_t bytes = s->words * 8;

	for (unsigned i = 0; i < SET_NR; i++)
		if (user[i] != NULL && copy_to_user(user[i], s->ready[i], bytes) != 0)
			return -EFAULT;
	return 0;
}

static int select_user(int nr, void *const user[SET_NR], uint64_t deadline_ns)
{
	struct fd_sets s;
	int result, err;

	if (nr < 0)
		return -EINVAL;
	s.nr = MIN(nr, FDTABLE_HARD_MAX);
	s.words = ((size_t)s.nr + 63) / 64;
	err = copy_sets_in(&s, user);
	if (err != 0)
		return err;
	result = do_select(&s, deadline_ns);
	if (result >= 0 && copy_sets_out(&s, user) != 0)
		result = -EFAULT;
	kfree(s.asked[0]);
	return result;
}

static uint64_t ns_left(uint64_t deadline_ns)
{
	uint64_t now = clock_monotonic_ns();

	return deadline_ns > now ? deadline_ns - now : 0;
}

long sys_select(int nr, void *in_user, void *out_user, void *ex_user, void *timeval_user)
{
	void *const user[SET_NR] = {in_user, out_user, ex_user};
	uint64_t deadline = WAIT_FOREVER;
	struct ktimeval tv;

	if (timeval_user != NULL) {
		if (copy_from_user(&tv, timeval_user, sizeof(tv)) != 0)
			return -EFAULT;
		if (tv.sec < 0 || tv.usec < 0)
			return -EINVAL;
		uint64_t sec = MIN((uint64_t)tv.sec + (uint64_t)tv.usec / 1000000, UINT64_MAX / NSEC_PER_SEC - 1);
		uint64_t ns = sec * NSEC_PER_SEC + (uint64_t)tv.usec % 1000000 * 1000;
		deadline = ns == 0 ? 0 : deadline_after(ns);
	}
	int result = select_user(nr, user, deadline);
	if (timeval_user != NULL && deadline != 0 && deadline != WAIT_FOREVER) {
		uint64_t left = ns_left(deadline);
		tv = (struct ktimeval){(int64_t)(left / NSEC_PER_SEC), (int64_t)(left % NSEC_PER_SEC / 1000)};
		(void)!copy_to_user(timeval_user, &tv, sizeof(tv)); /* as for ppoll */
	}
	return result == -EINTR ? -ERESTARTNOHAND : result;
}

long sys_pselect6(int nr, void *in_user, void *out_user, void *ex_user, void *timespec_user, const void *sigmask_user)
{
	void *const user[SET_NR] = {in_user, out_user, ex_user};
	uint64_t deadline = WAIT_FOREVER, ns;
	struct {
		const void *mask;
		size_t bytes;
	} sig = {NULL, 0};
	int result;

	if (timespec_user != NULL) {
		result = timespec_from_user(timespec_user, &ns);
		if (result != 0)
			return result;
		deadline = ns == 0 ? 0 : deadline_after(ns);
	}
	if (sigmask_user != NULL && copy_from_user(&sig, sigmask_user, sizeof(sig)) != 0)
		return -EFAULT;
	result = signal_begin_temp_mask(sig.mask, sig.bytes);
	if (result != 0)
		return result;
	result = select_user(nr, user, deadline);
	signal_end_temp_mask(result == -EINTR);
	if (timespec_user != NULL && deadline != 0 && deadline != WAIT_FOREVER)
		(void)!timespec_to_user(timespec_user, ns_left(deadline));
	return result == -EINTR ? -ERESTARTNOHAND : result;
}
