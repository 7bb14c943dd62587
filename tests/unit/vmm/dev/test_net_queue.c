/* SPDX-License-Identifier: MIT */
/* test_net_queue.c - frames that the backend brings late (net_impair.c), into receive buffers that are too few for
 * them.
 */
// SOURCES: vmm/dev/net_queue.c vmm/dev/net_pace.c vmm/dev/net_header.c lib/virtq_device.c
#include "unit.h"

#include <stdarg.h>
#include <string.h>
#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vmm/core/log.h"
#include "vmm/core/vm.h"
#include "vmm/dev/net_impair.h"
#include "vmm/dev/net_pcap.h"
#include "vmm/dev/net_priv.h"

#define NR        4u
#define BUF_BYTES 2048u

/* What the queues need of the rest of the VMM: nothing of it may happen here. */
void log_error(const char *fmt, ...)
{
	fail_msg("%s", fmt);
}
void vm_fail(struct vm *vm, const char *fmt, ...)
{
	(void)vm;
	fail_msg("%s", fmt);
}
void vm_raise_event_soon(struct vm *vm, unsigned event)
{
	(void)vm;
	(void)event;
}
int io_rewatch(struct io_thread *io, struct io_watch *w, uint32_t events)
{
	(void)io;
	(void)w;
	(void)events;
	return 0;
}
void io_unwatch(struct io_thread *io, struct io_watch *w)
{
	(void)io;
	(void)w;
}
int net_user_greeting(struct net_device *dev)
{
	(void)dev;
	return 0;
}
void net_impair_send(struct net_impair *im, struct net_pair *p, const struct iovec *iov, unsigned nr, size_t bytes)
{
	(void)im;
	(void)p;
	(void)iov;
	(void)nr;
	(void)bytes;
}
int net_impair_receive(struct net_impair *im, struct net_pair *p)
{
	(void)im;
	(void)p;
	return 0;
}
bool net_impair_poll(struct net_impair *im, struct net_pair *p)
{
	(void)im;
	(void)p;
	return false;
}
void net_pcap_write(int fd, const struct iovec *iov, unsigned nr, uint32_t bytes)
{
	(void)fd;
	(void)iov;
	(void)nr;
	(void)bytes;
}

/* A receive queue with NR buffers of the guest. */
static struct rig {
	struct vring_desc desc[NR];
	_Alignas(64) uint8_t avail[64], used[64];
	uint8_t buf[NR][BUF_BYTES];
	struct net_device dev;
} rig;

static void *translate(void *ctx, uint64_t gpa, uint32_t bytes)
{
	(void)ctx;
	(void)bytes;
	return (void *)(uintptr_t)gpa;
}

/* These cases give frames by hand. */
static const struct net_backend_ops no_backend;

static struct net_pair *rig_init(uint16_t mtu)
{
	static const struct net_options opt = {.pcap_fd = -1};
	struct vring_avail *avail = (void *)rig.avail;
	struct net_pair *p = &rig.dev.pair[0];

	memset(&rig, 0, sizeof(rig));
	rig.dev.opt = &opt;
	rig.dev.ops = &no_backend;
	rig.dev.rx_frame_max = CAY_NET_HDR_BYTES + 18u + mtu;
	p->dev = &rig.dev;
	p->fd = -1;
	virtq_device_init(&p->rx, NR, rig.desc, rig.avail, rig.used, translate, NULL);
	for (uint16_t i = 0; i < NR; i++) {
		rig.desc[i] = (struct vring_desc){(uintptr_t)rig.buf[i], BUF_BYTES, VRING_DESC_F_WRITE, 0};
		avail->ring[i] = i;
	}
	avail->idx = NR;
	return p;
}

static void test_deliver(void **state)
{
	static uint8_t frame[3000];
	struct net_pair *p = rig_init(4000); /* takes two buffers ahead */
	const struct vring_used *used = (const void *)rig.used;

	(void)state;
	memset(frame, 7, sizeof(frame));
	assert_true(net_pair_deliver(p, frame, sizeof(frame)));
	assert_int_equal(p->count.rx_frames, 1);
	assert_int_equal(used->idx, 2);
	assert_int_equal(used->ring[0].len, BUF_BYTES);
	assert_int_equal(used->ring[1].len, sizeof(frame) - BUF_BYTES);
	assert_int_equal(rig.buf[0][10], 2); /* num_buffers */
	assert_int_equal(rig.buf[1][sizeof(frame) - BUF_BYTES - 1], 7);
	assert_int_equal(rig.buf[1][sizeof(frame) - BUF_BYTES], 0);
}

/* With mtu= below the tap's own: what comes needs more buffers than were taken. */
static void test_too_long(void **state)
{
	static uint8_t frame[CAY_NET_HDR_BYTES + CAY_NET_FRAME_MAX];
	struct net_pair *p = rig_init(1500);

	(void)state;
	assert_true(net_pair_deliver(p, frame, sizeof(frame)));
	assert_int_equal(p->count.rx_dropped, 1);
	assert_int_equal(p->count.rx_frames, 0);
	assert_int_equal(p->nr_pool, 1);
	assert_true(net_pair_deliver(p, frame, 1000)); /* the buffer is still good */
	assert_int_equal(p->count.rx_frames, 1);
}

static void test_no_buffers(void **state)
{
	static uint8_t frame[1000];
	struct net_pair *p = rig_init(1500);

	(void)state;
	for (unsigned i = 0; i < NR; i++)
		assert_true(net_pair_deliver(p, frame, sizeof(frame)));
	assert_false(net_pair_deliver(p, frame, sizeof(frame)));
	assert_int_equal(p->count.rx_frames, NR);
}

static struct virtq_device tx_queue(void)
{
	static struct vring_desc desc[NR];
	static _Alignas(64) uint8_t avail[64], used[64];
	struct virtq_device vq;

	virtq_device_init(&vq, NR, desc, avail, used, translate, NULL);
	virtq_device_disarm(&vq);
	return vq;
}

/* While frames flow no doorbell is asked for, but the thread wakes by itself, and the guest is told; and so only for a
 * while. */
static void test_naps(void **state)
{
	struct net_pair *p = rig_init(1500);
	uint32_t napping = 0;

	(void)state;
	p->dev->napping = &napping;
	p->tx = tx_queue();
	p->nap = (struct io_watch){.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), .ctx = p};
	p->naps_left = 2;
	for (unsigned i = 0; i < 2; i++) {
		net_pair_arm(p, true);
		assert_int_equal(p->naps_left, 1 - i);
		assert_false(p->tx.armed);
		assert_int_equal(napping, 1);
		/* A timer that was set ends, however late this thread looks. */
		assert_int_equal(poll(&(struct pollfd){.fd = p->nap.fd, .events = POLLIN}, 1, 60000), 1);
		net_pair_nap_over(&p->nap, 0);
	}
	net_pair_arm(p, true);
	assert_true(p->tx.armed);
	assert_int_equal(napping, 0);
	close(p->nap.fd);
}

/* Rounds that each moved `frames` of `bytes` in all. */
static void rounds(struct net_pair *p, unsigned nr, uint64_t frames, uint64_t bytes)
{
	for (unsigned i = 0; i < nr; i++) {
		struct net_counters before = p->count;

		p->count.rx_frames += frames;
		p->count.rx_bytes += bytes;
		p->count.polls_hit++;
		net_pace(p, &before, true);
	}
}

static struct net_pair *carrying_rig(uint32_t *napping, uint32_t *carried)
{
	struct net_pair *p = rig_init(1500);

	p->dev->napping = napping;
	p->dev->carried = carried;
	p->dev->cpus_scarce = p->may_carry = true;
	p->tx = tx_queue();
	p->nap = (struct io_watch){.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), .ctx = p};
	return p;
}

/* Many small frames at once are carried by the vCPU's thread; few at once, and long ones, are not. */
static void test_who_carries(void **state)
{
	uint32_t napping = 0, carried = 0;
	struct net_pair *p = carrying_rig(&napping, &carried);

	(void)state;
	rounds(p, 100, 1, 60);
	assert_int_equal(carried, 0);
	assert_int_equal(p->linger, IO_LINGER_SHORT);
	rounds(p, 100, 5, 5 * 100ull);
	assert_int_equal(carried, 1);
	assert_true(atomic_load(&p->carried.on));
	assert_int_equal(p->linger, IO_LINGER_NONE);
	rounds(p, 100, 5, 5 * 60000ull);
	assert_int_equal(carried, 0);
	rounds(p, 100, 5, 5 * 100ull);
	assert_int_equal(carried, 1);
	rounds(p, 100, 1, 60);
	assert_int_equal(carried, 0);
	close(p->nap.fd);
}

/* The I/O thread, asleep, looks now and then whether the guest computes all the time, and takes over when nothing has
 * come for a while; but not from a thread that sleeps itself. */
static void test_guard(void **state)
{
	uint32_t napping = 0, carried = 0;
	struct net_pair *p = carrying_rig(&napping, &carried);

	(void)state;
	rounds(p, 100, 5, 5 * 100ull);
	p->naps_left = 0;
	for (unsigned i = 0; i < 5; i++) {
		net_pair_arm(p, true);
		assert_true(atomic_load(&p->guarded));
		assert_false(p->tx.armed);
		net_pair_nap_over(&p->nap, 0);
	}
	atomic_store(&p->carried.sleeping, true);
	for (unsigned i = 0; i < 30; i++)
		net_pair_arm(p, true);
	assert_int_equal(carried, 1);
	assert_false(atomic_load(&p->guarded));
	atomic_store(&p->carried.sleeping, false);
	net_pace_guard(p);
	assert_true(atomic_load(&p->guarded));
	for (unsigned i = 0; i < 30 && carried != 0; i++) {
		net_pair_nap_over(&p->nap, 0);
		net_pair_arm(p, true);
	}
	assert_int_equal(carried, 0);
	assert_true(p->tx.armed);
	close(p->nap.fd);
}

/* Requests one at a time are not worth a timer; nor is an acknowledgement that came while we sent worth waiting for. */
static void test_single_requests(void **state)
{
	uint32_t napping = 0, carried = 0;
	struct net_pair *p = carrying_rig(&napping, &carried);
	struct net_counters before;

	(void)state;
	rounds(p, 100, 2, 120);
	assert_int_equal(p->naps_left, 0);
	assert_int_equal(p->linger, IO_LINGER_SHORT);
	before = p->count;
	p->count.tx_frames++;
	p->count.rx_frames++;
	net_pace(p, &before, true);
	assert_int_equal(p->linger, IO_LINGER_NONE);
	net_pair_arm(p, true);
	assert_true(p->tx.armed);
	assert_int_equal(napping, 0);
	rounds(p, 1, 5, 5 * 60000ull);
	assert_true(p->naps_left > 0);
	close(p->nap.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_single_requests),
					   cmocka_unit_test(test_deliver),
					   cmocka_unit_test(test_too_long),
					   cmocka_unit_test(test_no_buffers),
					   cmocka_unit_test(test_naps),
					   cmocka_unit_test(test_who_carries),
					   cmocka_unit_test(test_guard)};

	return RUN_TESTS(tests);
}
