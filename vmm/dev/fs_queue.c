/* SPDX-License-Identifier: MIT */
/* fs_queue.c - the file device in a VM: its queue, served by the I/O thread, and its mappings in the window. */
#include <errno.h>
#include <unistd.h>

#include "abi/layout.h"
#include "vmm/core/gmem.h"
#include "vmm/core/io_thread.h"
#include "vmm/core/vm.h"
#include "vmm/core/window.h"
#include "vmm/dev/fs_priv.h"

/* Requests served before the other sources of the I/O thread have their turn. */
#define BATCH 64u

/* RAM only: data in the window belong to files that may shrink under us. */
static void *translate(void *ctx, uint64_t gpa, uint32_t bytes)
{
	return gmem_ptr(&((struct vm *)ctx)->mem, gpa, bytes);
}

static bool poll_queue(void *ctx)
{
	struct virtq_host_seg seg[CAY_HOSTFS_MAX_SEGS];
	struct virtq_chain c = {.seg = seg, .max_segs = CAY_HOSTFS_MAX_SEGS};
	struct fs_device *dev = ctx;
	bool worked = false;

	for (unsigned n = 0; n < BATCH && virtq_device_has_avail(&dev->queue); n++) {
		size_t bytes;

		if (virtq_device_pop(&dev->queue, &c) != VIRTQ_POPPED) {
			vm_fail(dev->vm, "the guest broke the ring of its file device (%s)",
				virtq_result_name(dev->queue.broken));
			break;
		}
		bytes = fs_handle(dev, seg, c.nr_read, seg + c.nr_read, c.nr_write);
		virtq_device_push(&dev->queue, c.head, (uint32_t)bytes);
		/* At once, not at the batch's end: somebody may wait for just this one. */
		if (virtq_device_should_notify(&dev->queue))
			vm_raise_event(dev->vm, dev->event);
		worked = true;
	}
	return worked;
}

static void arm_queue(void *ctx, bool sleep)
{
	struct fs_device *dev = ctx;

	if (!sleep)
		virtq_device_disarm(&dev->queue);
	else
		(void)!virtq_device_arm(&dev->queue); /* what is there already is found by the poll that follows */
}

static void describe_shares(const struct fs_device *dev, struct cay_device_info *info)
{
	for (unsigned i = 0; i < dev->nr_shares; i++) {
		if (dev->share[i].flags & FS_SHARE_RDONLY)
			info->config[CAY_HOSTFS_CONFIG_RDONLY] |= 1ull << i;
		if (dev->share[i].flags & FS_SHARE_STABLE)
			info->config[CAY_HOSTFS_CONFIG_STABLE] |= 1ull << i;
	}
}

int fs_attach(struct fs_device *dev, struct vm *vm)
{
	struct io_source src = {.poll = poll_queue, .arm = arm_queue, .ctx = dev};
	struct cay_device_info *info = vm_add_device(vm, CAY_DEV_FS, 1, CAY_HOSTFS_QUEUE_NR);
	const struct cay_queue_info *q;
	int err;

	if (info == NULL)
		return -ENOSPC;
	q = &info->queue[0];
	src.doorbell = (uint32_t)q->doorbell;
	describe_shares(dev, info);
	dev->vm = vm;
	dev->event = q->event;
	virtq_device_init(&dev->queue, q->nr, gmem_ptr(&vm->mem, q->desc_gpa, virtq_desc_bytes(q->nr)),
			  gmem_ptr(&vm->mem, q->avail_gpa, virtq_avail_bytes(q->nr)),
			  gmem_ptr(&vm->mem, q->used_gpa, virtq_used_bytes(q->nr)), translate, vm);
	dev->window = window_create(vm->window_hva, CAY_WINDOW_BYTES, vm->window_mirror);
	if (dev->window == NULL)
		return -ENOMEM;
	err = io_add_source(vm->io, &src);
	if (err == 0)
		vm->fs = dev;
	return err;
}

int64_t fs_map_file(struct fs_device *dev, uint64_t fh, uint64_t offset, uint64_t bytes, bool writable)
{
	int fd = fs_open_dup(&dev->opens, fh, writable);
	int64_t at;

	if (fd < 0)
		return fd;
	at = window_map(dev->window, fd, offset, bytes, writable);
	close(fd);
	return at;
}

int64_t fs_map_fd(struct fs_device *dev, int fd, uint64_t bytes)
{
	return window_map(dev->window, fd, 0, bytes, true);
}

int64_t fs_unmap_file(struct fs_device *dev, uint64_t offset, uint64_t bytes)
{
	return window_unmap(dev->window, offset, bytes);
}

bool fs_window_is_short(struct fs_device *dev)
{
	return window_is_short(dev->window);
}

uint64_t fs_mend_window(struct fs_device *dev)
{
	return window_mend(dev->window);
}
