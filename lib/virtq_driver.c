/* SPDX-License-Identifier: MIT */
/*
 * virtq_driver.c - see virtq_driver.h.
 *
 * Memory order. Each barrier here has its partner in virtq_device.c:
 *  publish  ring entries, then avail.idx (release)     | avail.idx (acquire), then ring entries          message
 * passing pop      used.idx (acquire), then used entries      | used entries, then used.idx (release)           message
 * passing publish  avail.idx, fence, read avail_event         | avail_event, fence, read avail.idx (arm)        store
 * buffering arm      used_event, fence, read used.idx           | used.idx, fence, read used_event (push)         store
 * buffering Store buffering: with a full fence between the store and the load on both sides, it cannot be that both
 * loads miss the other side's store. So either the sleeper sees the new entry, or the other side sees that it must
 * ring.
 */
#include "lib/virtq_driver.h"

#include <errno.h>

static void used_event_write(struct virtq_driver *vq, uint16_t event)
{
	vq->used_event = event;
	__atomic_store_n(virtq_used_event(vq->avail, vq->nr), event, __ATOMIC_RELAXED);
}

void virtq_driver_init(struct virtq_driver *vq, unsigned nr, void *desc, void *avail, void *used,
		       struct virtq_slot *slot)
{
	*vq = (struct virtq_driver){
		.desc = desc,
		.avail = avail,
		.used = used,
		.slot = slot,
		.nr = (uint16_t)nr,
		.nr_free = (uint16_t)nr,
		.armed = true,
	};
	for (unsigned i = 0; i < nr; i++)
		slot[i] = (struct virtq_slot){.next = (uint16_t)(i + 1)};
	vq->avail->flags = 0;
	vq->avail->idx = 0;
	used_event_write(vq, 0);
}

static bool chain_is_wellformed(const struct virtq_seg *seg, unsigned nr_segs)
{
	bool writable = false;

	for (unsigned i = 0; i < nr_segs; i++) {
		if (seg[i].bytes == 0 || (writable && !seg[i].writable))
			return false;
		writable = seg[i].writable;
	}
	return nr_segs != 0;
}

int virtq_driver_add(struct virtq_driver *vq, const struct virtq_seg *seg, unsigned nr_segs, void *cookie)
{
	uint16_t head = vq->free_head, at = head;

	if (cookie == NULL || !chain_is_wellformed(seg, nr_segs))
		return -EINVAL;
	if (nr_segs > vq->nr_free)
		return -ENOSPC;
	for (unsigned i = 0; i < nr_segs; i++) {
		struct vring_desc *d = &vq->desc[at];
		uint16_t next = vq->slot[at].next;
		bool last = i + 1 == nr_segs;

		d->addr = seg[i].addr;
		d->len = seg[i].bytes;
		d->flags = (uint16_t)((seg[i].writable ? VRING_DESC_F_WRITE : 0) | (last ? 0 : VRING_DESC_F_NEXT));
		d->next = last ? 0 : next;
		at = next;
	}
	vq->free_head = at;
	vq->nr_free = (uint16_t)(vq->nr_free - nr_segs);
	vq->slot[head].count = (uint16_t)nr_segs;
	vq->slot[head].cookie = cookie;
	vq->avail->ring[vq->avail_next & (vq->nr - 1)] = head;
	vq->avail_next++;
	return 0;
}

bool virtq_driver_publish(struct virtq_driver *vq)
{
	uint16_t from = vq->avail_published, event;

	if (vq->avail_next == from)
		return false;
	vq->avail_published = vq->avail_next;
	__atomic_store_n(&vq->avail->idx, vq->avail_next, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* partner: virtq_device_arm */
	event = __atomic_load_n(virtq_avail_event(vq->used, vq->nr), __ATOMIC_RELAXED);
	return virtq_event_passed(event, vq->avail_next, from);
}

static void chain_free(struct virtq_driver *vq, uint16_t head)
{
	uint16_t last = head;

	for (unsigned i = 1; i < vq->slot[head].count; i++)
		last = vq->slot[last].next;
	vq->slot[last].next = vq->free_head;
	vq->free_head = head;
	vq->nr_free = (uint16_t)(vq->nr_free + vq->slot[head].count);
	vq->slot[head].count = 0;
	vq->slot[head].cookie = NULL;
}

bool virtq_driver_has_used(const struct virtq_driver *vq)
{
	return __atomic_load_n(&vq->used->idx, __ATOMIC_ACQUIRE) != vq->used_last;
}

bool virtq_driver_is_drained(const struct virtq_driver *vq)
{
	return __atomic_load_n(&vq->used->idx, __ATOMIC_RELAXED) == vq->avail_published;
}

void *virtq_driver_pop(struct virtq_driver *vq, uint32_t *bytes)
{
	while (virtq_driver_has_used(vq)) {
		struct vring_used_elem *e = &vq->used->ring[vq->used_last & (vq->nr - 1)];
		uint32_t id = READ_ONCE(e->id);
		void *cookie;

		*bytes = READ_ONCE(e->len);
		vq->used_last++;
		if (!vq->armed && (uint16_t)(vq->used_last - vq->used_event) > VIRTQ_EVENT_LAG_MAX)
			used_event_write(vq, virtq_event_never(vq->used_last, vq->nr));
		if (id >= vq->nr || vq->slot[id].count == 0) {
			vq->nr_bogus_used++;
			continue;
		}
		cookie = vq->slot[id].cookie;
		chain_free(vq, (uint16_t)id);
		return cookie;
	}
	return NULL;
}

bool virtq_driver_arm(struct virtq_driver *vq)
{
	vq->armed = true;
	used_event_write(vq, vq->used_last);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* partner: virtq_device_should_notify */
	return virtq_driver_has_used(vq);
}

void virtq_driver_disarm(struct virtq_driver *vq)
{
	vq->armed = false;
	used_event_write(vq, virtq_event_never(vq->used_last, vq->nr));
}
