/* SPDX-License-Identifier: MIT */
/* virtq_device.c - see virtq_device.h. The memory-order litmus tests and partners are listed in virtq_driver.c. */
#include "lib/virtq_device.h"

static void avail_event_write(struct virtq_device *vq, uint16_t event)
{
	vq->avail_event = event;
	__atomic_store_n(virtq_avail_event(vq->used, vq->nr), event, __ATOMIC_RELAXED);
}

void virtq_device_init(struct virtq_device *vq, unsigned nr, void *desc, void *avail, void *used,
		       virtq_translate_fn translate, void *translate_ctx)
{
	*vq = (struct virtq_device){
		.desc = desc,
		.avail = avail,
		.used = used,
		.translate = translate,
		.translate_ctx = translate_ctx,
		.nr = (uint16_t)nr,
		.armed = true,
	};
	vq->used->flags = 0;
	vq->used->idx = 0;
	avail_event_write(vq, 0);
}

const char *virtq_result_name(enum virtq_result r)
{
	switch (r) {
	case VIRTQ_EMPTY:
		return "empty";
	case VIRTQ_POPPED:
		return "popped";
	case VIRTQ_BAD_AVAIL_IDX:
		return "more available than the queue holds";
	case VIRTQ_BAD_HEAD:
		return "head descriptor out of range";
	case VIRTQ_BAD_NEXT:
		return "next descriptor out of range";
	case VIRTQ_BAD_LOOP:
		return "descriptor chain loops";
	case VIRTQ_TOO_MANY_SEGS:
		return "descriptor chain too long";
	case VIRTQ_BAD_LENGTH:
		return "bad descriptor length";
	case VIRTQ_BAD_ADDRESS:
		return "address outside guest memory";
	case VIRTQ_BAD_ORDER:
		return "readable descriptor after writable";
	case VIRTQ_BAD_FLAGS:
		return "unknown descriptor flags";
	}
	return "unknown";
}

/* One descriptor to one validated segment. The copy makes sure that each field is read from the ring exactly once. */
static enum virtq_result take_desc(struct virtq_device *vq, const struct vring_desc *copy, struct virtq_chain *c)
{
	bool writable = copy->flags & VRING_DESC_F_WRITE;
	uint32_t *total = writable ? &c->write_bytes : &c->read_bytes;
	struct virtq_host_seg *seg;

	if (copy->flags & ~(VRING_DESC_F_WRITE | VRING_DESC_F_NEXT))
		return VIRTQ_BAD_FLAGS;
	if (!writable && c->nr_write != 0)
		return VIRTQ_BAD_ORDER;
	if (copy->len == 0 || __builtin_add_overflow(*total, copy->len, total))
		return VIRTQ_BAD_LENGTH;
	if (c->nr_read + c->nr_write >= c->max_segs)
		return VIRTQ_TOO_MANY_SEGS;
	seg = &c->seg[c->nr_read + c->nr_write];
	seg->bytes = copy->len;
	seg->base = vq->translate(vq->translate_ctx, copy->addr, copy->len);
	if (seg->base == NULL)
		return VIRTQ_BAD_ADDRESS;
	if (writable)
		c->nr_write++;
	else
		c->nr_read++;
	return VIRTQ_POPPED;
}

static enum virtq_result take_chain(struct virtq_device *vq, uint16_t head, struct virtq_chain *c)
{
	uint16_t at = head;

	c->head = head;
	c->nr_read = c->nr_write = 0;
	c->read_bytes = c->write_bytes = 0;
	if (head >= vq->nr)
		return VIRTQ_BAD_HEAD;
	for (unsigned seen = 0; seen < vq->nr; seen++) {
		const struct vring_desc *d = &vq->desc[at];
		struct vring_desc copy = {
			.addr = READ_ONCE(d->addr),
			.len = READ_ONCE(d->len),
			.flags = READ_ONCE(d->flags),
			.next = READ_ONCE(d->next),
		};
		enum virtq_result r = take_desc(vq, &copy, c);

		if (r != VIRTQ_POPPED)
			return r;
		if (!(copy.flags & VRING_DESC_F_NEXT))
			return VIRTQ_POPPED;
		if (copy.next >= vq->nr)
			return VIRTQ_BAD_NEXT;
		at = copy.next;
	}
	return VIRTQ_BAD_LOOP;
}

enum virtq_result virtq_device_pop(struct virtq_device *vq, struct virtq_chain *c)
{
	uint16_t avail, head;
	enum virtq_result r;

	if (vq->broken != 0)
		return vq->broken;
	avail = __atomic_load_n(&vq->avail->idx, __ATOMIC_ACQUIRE);
	if (avail == vq->avail_last)
		return VIRTQ_EMPTY;
	if ((uint16_t)(avail - vq->avail_last) > vq->nr) {
		vq->broken = VIRTQ_BAD_AVAIL_IDX;
		return vq->broken;
	}
	head = READ_ONCE(vq->avail->ring[vq->avail_last & (vq->nr - 1)]);
	vq->avail_last++;
	if (!vq->armed && (uint16_t)(vq->avail_last - vq->avail_event) > VIRTQ_EVENT_LAG_MAX)
		avail_event_write(vq, virtq_event_never(vq->avail_last, vq->nr));
	r = take_chain(vq, head, c);
	if (r != VIRTQ_POPPED)
		vq->broken = r;
	return r;
}

bool virtq_device_has_avail(const struct virtq_device *vq)
{
	return vq->broken == 0 && __atomic_load_n(&vq->avail->idx, __ATOMIC_ACQUIRE) != vq->avail_last;
}

void virtq_device_push(struct virtq_device *vq, uint16_t head, uint32_t bytes)
{
	struct vring_used_elem *e = &vq->used->ring[vq->used_next & (vq->nr - 1)];

	WRITE_ONCE(e->id, head);
	WRITE_ONCE(e->len, bytes);
	vq->used_next++;
	__atomic_store_n(&vq->used->idx, vq->used_next, __ATOMIC_RELEASE);
}

bool virtq_device_should_notify(struct virtq_device *vq)
{
	uint16_t from = vq->used_signalled, event;

	if (from == vq->used_next)
		return false;
	vq->used_signalled = vq->used_next;
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* partner: virtq_driver_arm */
	event = __atomic_load_n(virtq_used_event(vq->avail, vq->nr), __ATOMIC_RELAXED);
	return virtq_event_passed(event, vq->used_next, from);
}

bool virtq_device_arm(struct virtq_device *vq)
{
	vq->armed = true;
	avail_event_write(vq, vq->avail_last);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* partner: virtq_driver_publish */
	return virtq_device_has_avail(vq);
}

void virtq_device_disarm(struct virtq_device *vq)
{
	vq->armed = false;
	avail_event_write(vq, virtq_event_never(vq->avail_last, vq->nr));
}
