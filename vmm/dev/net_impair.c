/* SPDX-License-Identifier: MIT */
/* net_impair.c - one queue per direction, in order of the time when a frame is due. */
#include "vmm/dev/net_impair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vmm/core/timing.h"
#include "vmm/dev/net_priv.h"

/* As long as the queue of netem(8): what comes on top is lost. */
#define IMPAIR_FRAMES_MAX 1000u
/* Frames that are due and find no room, in the guest's buffers or in the backend, are tried again so often. */
#define RETRY_NS 1000000

struct frame {
	struct frame *next;
	uint64_t due_ns;
	uint32_t bytes;
	uint8_t data[];
};

struct direction {
	struct frame *first;
	unsigned nr;
	uint64_t line_free_ns; /* when the line has sent what it has, at its rate */
	uint64_t random;
};

struct net_impair {
	struct net_impairment how;
	struct direction out, in;
	int timer_fd;
	uint64_t timer_ns; /* what it is set to; 0 = off */
	uint8_t buffer[CAY_NET_HDR_BYTES + CAY_NET_FRAME_MAX];
};

/* xorshift64*: a few bits that look random, the same each time. */
static uint32_t draw(struct direction *d, uint32_t below)
{
	d->random ^= d->random >> 12;
	d->random ^= d->random << 25;
	d->random ^= d->random >> 27;
	return (uint32_t)((d->random * 0x2545f4914f6cdd1dull >> 32) * below >> 32);
}

struct net_impair *net_impair_create(const struct net_impairment *how)
{
	struct net_impair *im = calloc(1, sizeof(*im));

	if (im == NULL)
		return NULL;
	im->how = *how;
	im->out.random = how->seed * 2 + 1;
	im->in.random = (how->seed * 2 + 1) ^ 0x9e3779b97f4a7c15ull;
	im->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (im->timer_fd >= 0)
		return im;
	free(im);
	return NULL;
}

static void drop_all(struct direction *d)
{
	while (d->first != NULL) {
		struct frame *f = d->first;

		d->first = f->next;
		free(f);
	}
}

void net_impair_destroy(struct net_impair *im)
{
	if (im == NULL)
		return;
	drop_all(&im->out);
	drop_all(&im->in);
	close(im->timer_fd);
	free(im);
}

int net_impair_fd(const struct net_impair *im)
{
	return im->timer_fd;
}

void net_impair_fired(struct net_impair *im)
{
	uint64_t count;

	(void)!read(im->timer_fd, &count, sizeof(count));
	im->timer_ns = 0;
}

/* When a frame that comes now is due; reordered ones at once. */
static uint64_t due_time(struct net_impair *im, struct direction *d, uint64_t now, size_t bytes)
{
	uint64_t due = now;

	if (im->how.rate_bps != 0) {
		d->line_free_ns = MAX(d->line_free_ns, now) + bytes * 8 * 1000000000ull / im->how.rate_bps;
		due = d->line_free_ns;
	}
	if (draw(d, 1000000) < im->how.reorder_ppm)
		return due;
	return due + im->how.delay_ns;
}

static void insert(struct direction *d, struct frame *f)
{
	struct frame **at = &d->first;

	while (*at != NULL && (*at)->due_ns <= f->due_ns)
		at = &(*at)->next;
	f->next = *at;
	*at = f;
	d->nr++;
}

/* False: lost. */
static bool enqueue(struct net_impair *im, struct direction *d, const struct iovec *iov, unsigned nr, size_t bytes)
{
	struct frame *f;
	size_t at = 0;

	if (draw(d, 1000000) < im->how.loss_ppm || d->nr >= IMPAIR_FRAMES_MAX)
		return false;
	f = malloc(sizeof(*f) + bytes);
	if (f == NULL)
		return false;
	for (unsigned i = 0; i < nr && at < bytes; i++) {
		size_t n = MIN(iov[i].iov_len, bytes - at);

		memcpy(f->data + at, iov[i].iov_base, n);
		at += n;
	}
	f->bytes = (uint32_t)at;
	f->due_ns = due_time(im, d, timing_now_ns(), bytes - CAY_NET_HDR_BYTES);
	insert(d, f);
	return true;
}

void net_impair_send(struct net_impair *im, struct net_pair *p, const struct iovec *iov, unsigned nr, size_t bytes)
{
	if (!enqueue(im, &im->out, iov, nr, bytes))
		p->count.tx_dropped++;
}

int net_impair_receive(struct net_impair *im, struct net_pair *p)
{
	struct iovec iov = {im->buffer, sizeof(im->buffer)};
	ssize_t n = p->dev->ops->recv(p, &iov, 1);

	if (n < 0)
		return (int)n;
	if (n >= (ssize_t)CAY_NET_HDR_BYTES + 14 && n <= (ssize_t)sizeof(im->buffer) &&
	    !enqueue(im, &im->in, &iov, 1, (size_t)n))
		p->count.rx_dropped++;
	return 0;
}

static void take_first(struct direction *d)
{
	struct frame *f = d->first;

	d->first = f->next;
	d->nr--;
	free(f);
}

/* False: the backend has no room. */
static bool pass_out(struct net_pair *p, const struct frame *f)
{
	struct iovec iov = {(void *)(uintptr_t)f->data, f->bytes};
	int err = p->dead ? 0 : p->dev->ops->send(p, &iov, 1);

	if (err != 0 && err != -EAGAIN)
		net_pair_died(p);
	return err != -EAGAIN;
}

static void set_timer(struct net_impair *im, uint64_t now)
{
	struct itimerspec t = {0};
	uint64_t at = UINT64_MAX;

	if (im->out.first != NULL)
		at = im->out.first->due_ns;
	if (im->in.first != NULL)
		at = MIN(at, im->in.first->due_ns);
	if (at <= now) /* a timer in the past would go off without end */
		at = im->timer_ns > now ? im->timer_ns : now + RETRY_NS;
	if (at == UINT64_MAX || at == im->timer_ns)
		return;
	im->timer_ns = at;
	t.it_value.tv_sec = (time_t)(at / 1000000000);
	t.it_value.tv_nsec = (long)(at % 1000000000);
	(void)!timerfd_settime(im->timer_fd, TFD_TIMER_ABSTIME, &t, NULL);
}

bool net_impair_poll(struct net_impair *im, struct net_pair *p)
{
	bool moved = false;
	uint64_t now;

	if (im->out.first == NULL && im->in.first == NULL)
		return false;
	now = timing_now_ns();
	while (im->out.first != NULL && im->out.first->due_ns <= now && pass_out(p, im->out.first)) {
		take_first(&im->out);
		moved = true;
	}
	while (im->in.first != NULL && im->in.first->due_ns <= now &&
	       net_pair_deliver(p, im->in.first->data, im->in.first->bytes)) {
		take_first(&im->in);
		moved = true;
	}
	set_timer(im, now);
	return moved;
}
