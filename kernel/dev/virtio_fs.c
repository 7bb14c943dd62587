/* SPDX-License-Identifier: MIT */
/*
 * virtio_fs.c - see virtio_fs.h. A caller polls the used ring for a while, because an answer from the host's page cache
 * takes 2-5 us and being woken by an event 20-30; then it sleeps and is woken by the device's event.
 */
#include "kernel/dev/virtio_fs.h"

#include <errno.h>

#include "abi/gate.h"
#include "abi/hostfs.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/log.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/plat/cay/events.h"
#include "kernel/plat/cay/gpa.h"
#include "kernel/sched/wait.h"
#include "kernel/time/clock.h"

/*
 * Longer than an answer from memory takes, as long as an event costs: then sleeping has lost at most as much as it
 * could win. Large data take their time: 4 bytes per ns is half of what a host copies.
 */
#define POLL_NS           50000u
#define POLL_BYTES_PER_NS 4u

static struct {
	bool present;
	unsigned device;
	struct spinlock lock; /* vq, slots, nr_sleepers */
	struct virtq_driver vq;
	struct virtq_slot slots[CAY_HOSTFS_QUEUE_NR];
	uint64_t doorbell;
	uint64_t config[4];
	uint64_t unique;
	unsigned nr_sleepers;  /* while there are any, the queue is armed */
	struct waitq done_wq;  /* callers of fsq_wait */
	struct waitq space_wq; /* for descriptors */
} q = {.lock = SPINLOCK_INIT("file queue")};

static struct fsq_call *pop(void)
{
	struct fsq_call *c;
	uint32_t bytes;

	spin_lock(&q.lock);
	c = virtq_driver_pop(&q.vq, &bytes);
	spin_unlock(&q.lock);
	return c;
}

/* Finishes what the server has answered. Any context. */
static void drain(void)
{
	struct fsq_call *c;
	bool any = false;

	while ((c = pop()) != NULL) {
		void (*done)(struct fsq_call * c) = c->done;

		any = true;
		__atomic_store_n(&c->in_flight, false, __ATOMIC_RELEASE); /* who waits for it may go, and c with him */
		if (done != NULL)
			done(c);
	}
	if (any) {
		waitq_wake(&q.done_wq, 0);
		waitq_wake(&q.space_wq, 0);
	}
}

/*
 * The queue asks for events only while a thread sleeps: what completes otherwise (read ahead, closed files) is not
 * waited for, and an event that interrupts the program costs as much as reading 256 KiB.
 */
static void drain_and_arm(int more_sleepers)
{
	bool again;

	do {
		drain();
		spin_lock(&q.lock);
		q.nr_sleepers += (unsigned)more_sleepers;
		more_sleepers = 0;
		again = q.nr_sleepers > 0 && virtq_driver_arm(&q.vq);
		if (q.nr_sleepers == 0)
			virtq_driver_disarm(&q.vq);
		spin_unlock(&q.lock);
	} while (again);
}

#define sleep_until(wq, cond)                                                                                          \
	do {                                                                                                           \
		drain_and_arm(1);                                                                                      \
		wait_event(wq, cond);                                                                                  \
		drain_and_arm(-1);                                                                                     \
	} while (0)

static void on_event(void *arg)
{
	(void)arg;
	drain_and_arm(0);
}

static const struct cay_device_info *find_device(void)
{
	for (unsigned i = 0; i < boot_info->nr_devices; i++) {
		if (boot_info->devices[i].kind == CAY_DEV_FS) {
			q.device = i;
			return &boot_info->devices[i];
		}
	}
	return NULL;
}

static bool say_hello(void)
{
	struct fuse_init_in a = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = CAY_HOSTFS_MAX_IO,
		.flags = FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_DONT_MASK | FUSE_DO_READDIRPLUS | FUSE_MAX_PAGES,
	};
	struct fuse_init_out reply = {0};
	struct fsq_call c;
	int err;

	fsq_begin(&c, FUSE_INIT, 0);
	fsq_in(&c, &a, sizeof(a));
	fsq_out(&c, &reply, sizeof(reply));
	err = fsq_call(&c);
	if (err == 0 && (reply.major != FUSE_KERNEL_VERSION || reply.max_write < CAY_HOSTFS_MAX_IO))
		err = -EPROTO;
	if (err != 0)
		klog("the file server does not answer as it should: error %d", -err);
	return err == 0;
}

bool fsq_init(void)
{
	const struct cay_device_info *dev;
	const struct cay_queue_info *info;

	if (q.present)
		return true;
	dev = find_device();
	if (dev == NULL || dev->queue[0].nr > CAY_HOSTFS_QUEUE_NR)
		return false;
	info = &dev->queue[0];
	virtq_driver_init(&q.vq, info->nr, pa_to_virt(PA(info->desc_gpa)), pa_to_virt(PA(info->avail_gpa)),
			  pa_to_virt(PA(info->used_gpa)), q.slots);
	q.doorbell = info->doorbell;
	for (unsigned i = 0; i < ARRAY_SIZE(q.config); i++)
		q.config[i] = dev->config[i];
	waitq_init(&q.done_wq);
	waitq_init(&q.space_wq);
	event_register(info->event, on_event, NULL);
	q.present = say_hello();
	return q.present;
}

bool fsq_share_has(unsigned share, unsigned config_word)
{
	return share < 64 && (q.config[config_word] >> share & 1);
}

void fsq_begin_long(struct fsq_call *c, uint32_t opcode, uint64_t node, struct virtq_seg *seg, unsigned max_segs)
{
	c->in = (struct fuse_in_header){
		.opcode = opcode, .nodeid = node, .unique = __atomic_add_fetch(&q.unique, 1, __ATOMIC_RELAXED)};
	c->out = (struct fuse_out_header){.error = -EIO};
	c->seg = seg;
	c->max_segs = max_segs;
	c->nr_segs = 0;
	c->reply_room = 0;
	c->in_flight = false;
	c->done = NULL;
	fsq_in(c, &c->in, sizeof(c->in));
}

void fsq_begin(struct fsq_call *c, uint32_t opcode, uint64_t node)
{
	fsq_begin_long(c, opcode, node, c->inline_seg, FSQ_INLINE_SEGS);
}

static void add_seg(struct fsq_call *c, uint64_t gpa, uint32_t bytes, bool writable)
{
	if (bytes == 0)
		return;
	ASSERT(c->nr_segs < c->max_segs);
	c->seg[c->nr_segs++] = (struct virtq_seg){.addr = gpa, .bytes = bytes, .writable = writable};
}

void fsq_in_pa(struct fsq_call *c, pa_t pa, uint32_t bytes)
{
	add_seg(c, pa.v, bytes, false);
	c->in.len += bytes;
}

void fsq_in(struct fsq_call *c, const void *data, uint32_t bytes)
{
	fsq_in_pa(c, PA(kernel_gpa(data)), bytes);
}

void fsq_out_header(struct fsq_call *c)
{
	add_seg(c, kernel_gpa(&c->out), sizeof(c->out), true);
}

void fsq_out_pa(struct fsq_call *c, pa_t pa, uint32_t bytes)
{
	if (!c->seg[c->nr_segs - 1].writable)
		fsq_out_header(c);
	add_seg(c, pa.v, bytes, true);
	c->reply_room += bytes;
}

void fsq_out(struct fsq_call *c, void *data, uint32_t bytes)
{
	fsq_out_pa(c, PA(kernel_gpa(data)), bytes);
}

void fsq_publish(void)
{
	bool ring;

	spin_lock(&q.lock);
	ring = virtq_driver_publish(&q.vq);
	spin_unlock(&q.lock);
	if (ring)
		doorbell_ring(q.doorbell);
}

/* All or nothing. */
static bool add_chain(struct fsq_call *const *c, unsigned nr, unsigned nr_segs)
{
	bool fits;

	spin_lock(&q.lock);
	fits = q.vq.nr_free >= nr_segs;
	for (unsigned i = 0; fits && i < nr; i++) {
		int err = c[i] != NULL ? virtq_driver_add(&q.vq, c[i]->seg, c[i]->nr_segs, c[i]) : 0;

		ASSERT(err == 0);
	}
	spin_unlock(&q.lock);
	return fits;
}

void fsq_submit_chain(struct fsq_call *const *c, unsigned nr)
{
	unsigned nr_segs = 0;

	for (unsigned i = 0; i < nr; i++) {
		if (c[i] == NULL)
			continue;
		stat_count(CAY_C_FS_REQUESTS);
		c[i]->in_flight = true;
		nr_segs += c[i]->nr_segs;
	}
	while (!add_chain(c, nr, nr_segs)) {
		fsq_publish();
		sleep_until(&q.space_wq, READ_ONCE(q.vq.nr_free) >= nr_segs);
	}
}

void fsq_submit(struct fsq_call *c)
{
	fsq_submit_chain(&c, 1);
}

static bool is_done(const struct fsq_call *c)
{
	return !__atomic_load_n(&c->in_flight, __ATOMIC_ACQUIRE); /* pairs with drain */
}

static void poll_briefly(struct fsq_call *c)
{
	uint64_t end;

	if (boot_info->flags & CAY_BOOT_NO_POLL)
		return;
	end = clock_monotonic_ns() + POLL_NS + (c->in.len + c->reply_room) / POLL_BYTES_PER_NS;
	do {
		if (virtq_driver_has_used(&q.vq))
			drain();
		if (is_done(c))
			break;
		cpu_relax();
	} while (clock_monotonic_ns() < end);
	if (READ_ONCE(q.nr_sleepers) > 0)
		drain_and_arm(0); /* what was popped here may have been what they had armed for */
}

int fsq_result(const struct fsq_call *c)
{
	int32_t error = READ_ONCE(c->out.error);

	return error <= 0 && error > -4096 ? error : -EIO;
}

int fsq_wait(struct fsq_call *c)
{
	if (is_done(c))
		return fsq_result(c); /* and what else is queued goes on waiting for company */
	fsq_publish();
	if (!is_done(c))
		poll_briefly(c);
	if (!is_done(c))
		sleep_until(&q.done_wq, is_done(c));
	return fsq_result(c);
}

int fsq_call(struct fsq_call *c)
{
	if (!c->seg[c->nr_segs - 1].writable)
		fsq_out_header(c);
	fsq_submit(c);
	return fsq_wait(c);
}

uint32_t fsq_reply_bytes(const struct fsq_call *c)
{
	uint32_t len = READ_ONCE(c->out.len);

	if (len < sizeof(c->out))
		return 0;
	return MIN(len - (uint32_t)sizeof(c->out), c->reply_room);
}

int64_t fsq_map_file(uint64_t fh, uint64_t offset, uint64_t bytes, bool writable)
{
	return gate_call(CAY_GATE_MAP_FILE, q.device, fh, offset, bytes, writable);
}

void fsq_unmap_file(uint64_t window_offset, uint64_t bytes)
{
	int64_t err = gate_call(CAY_GATE_UNMAP_FILE, window_offset, bytes, 0, 0, 0);

	if (err != 0)
		klog("unmapping %lx bytes of the file window failed: error %d", (unsigned long)bytes, (int)-err);
}
