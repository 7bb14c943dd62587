/* SPDX-License-Identifier: MIT */
/*
 * fixed.c - registered files and buffers. A request counts the file it uses, so unregistering never waits for anybody.
 * A registered buffer is a checked range of the program's memory: its pages are not pinned, so what the program maps
 * there later is what is used.
 */
#include <errno.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/uring/uring_priv.h"

#define FILES_MAX    32768u
#define BUFFERS_MAX  16384u
#define BUFFER_BYTES (1ull << 30)

/* --- files --- */

struct file *fixed_file(struct uring *ring, unsigned slot)
{
	return slot < ring->nr_files && ring->files[slot] != NULL ? file_get(ring->files[slot]) : NULL;
}

static int put_in_slot(struct uring *ring, struct file *f, unsigned slot)
{
	struct file *old = ring->files[slot];

	ring->files[slot] = f;
	file_put(old);
	return 0;
}

static int free_slot(const struct uring *ring)
{
	for (unsigned i = ring->alloc_from; i < ring->alloc_to && i < ring->nr_files; i++)
		if (ring->files[i] == NULL)
			return (int)i;
	return -ENFILE;
}

int fixed_install(struct uring *ring, struct file *f, uint32_t slot)
{
	int at = -ENXIO;

	/* A ring in itself would keep itself alive. */
	if (uring_of(f) != NULL)
		at = -EBADF;
	else if (ring->nr_files > 0 && slot == IORING_FILE_INDEX_ALLOC)
		at = free_slot(ring);
	else if (ring->nr_files > 0)
		at = slot - 1 < ring->nr_files ? (int)(slot - 1) : -EINVAL;
	if (at < 0) {
		file_put(f);
		return at;
	}
	(void)!put_in_slot(ring, f, (unsigned)at);
	return slot == IORING_FILE_INDEX_ALLOC ? at : 0;
}

int fixed_close(struct uring *ring, uint32_t slot)
{
	if (ring->nr_files == 0)
		return -ENXIO;
	if (slot - 1 >= ring->nr_files)
		return -EINVAL;
	if (ring->files[slot - 1] == NULL)
		return -EBADF;
	return put_in_slot(ring, NULL, slot - 1);
}

/* One descriptor of the program's list: its file counted, NULL for an empty slot. */
static int file_of_list(const void *fds_user, unsigned i, struct file **f, bool *skip)
{
	int32_t fd;

	*f = NULL;
	*skip = false;
	if (fds_user == NULL)
		return 0; /* a sparse table */
	if (get_user_u32((uint32_t *)&fd, (const int32_t *)fds_user + i) != 0)
		return -EFAULT;
	*skip = fd == IORING_REGISTER_FILES_SKIP;
	if (fd == -1 || *skip)
		return 0;
	*f = fd_get(fd);
	if (*f == NULL || uring_of(*f) != NULL) {
		file_put(*f);
		return -EBADF;
	}
	return 0;
}

int fixed_register_files(struct uring *ring, const void *fds_user, unsigned nr)
{
	bool skip;
	int err = 0;

	if (ring->nr_files > 0)
		return -EBUSY;
	if (nr == 0)
		return -EINVAL;
	if (nr > FILES_MAX || nr > process_current()->rlimit[RLIMIT_NOFILE].cur)
		return -EMFILE;
	ring->files = kzalloc(nr * sizeof(*ring->files));
	if (ring->files == NULL)
		return -ENOMEM;
	ring->nr_files = nr;
	ring->alloc_from = 0;
	ring->alloc_to = nr;
	for (unsigned i = 0; i < nr && err == 0; i++)
		err = file_of_list(fds_user, i, &ring->files[i], &skip);
	if (err != 0)
		(void)!fixed_unregister_files(ring);
	return err;
}

int fixed_unregister_files(struct uring *ring)
{
	struct file **files = ring->files;
	unsigned nr = ring->nr_files;

	if (nr == 0)
		return -ENXIO;
	ring->files = NULL;
	ring->nr_files = 0;
	for (unsigned i = 0; i < nr; i++)
		file_put(files[i]);
	kfree(files);
	return 0;
}

int fixed_update_files(struct uring *ring, unsigned from, const void *fds_user, unsigned nr)
{
	unsigned done = 0;
	int err = 0;

	if (ring->nr_files == 0)
		return -ENXIO;
	if (nr == 0 || from > ring->nr_files || nr > ring->nr_files - from)
		return -EINVAL;
	for (; done < nr && err == 0; done++) {
		struct file *f;
		bool skip;

		err = file_of_list(fds_user, done, &f, &skip);
		if (err == 0 && !skip && from + done < ring->nr_files)
			err = put_in_slot(ring, f, from + done);
	}
	return err == 0 ? (int)done : done > 1 ? (int)done - 1 : err;
}

int fixed_set_alloc_range(struct uring *ring, const void *arg_user)
{
	struct io_uring_file_index_range range;

	if (copy_from_user(&range, arg_user, sizeof(range)) != 0)
		return -EFAULT;
	if (range.resv != 0 || range.off > ring->nr_files || range.len > ring->nr_files - range.off)
		return range.resv != 0 || range.off + (uint64_t)range.len <= UINT32_MAX ? -EINVAL : -EOVERFLOW;
	ring->alloc_from = range.off;
	ring->alloc_to = range.off + range.len;
	return 0;
}

/* --- buffers --- */

/* Is all of it memory that may be written? */
static int check_memory(uint64_t addr, uint64_t bytes)
{
	while (bytes > 0) {
		struct phys_seg segs[8];
		size_t covered;
		int nr = user_pin((const void *)addr, MIN(bytes, 1ul << 20), 1, segs, ARRAY_SIZE(segs), &covered);

		if (nr < 0 || covered == 0)
			return -EFAULT;
		user_unpin(segs, (unsigned)nr);
		addr += covered;
		bytes -= covered;
	}
	return 0;
}

static int buffer_of_list(const void *iov_user, unsigned i, struct uring_fixed_buffer *b)
{
	struct iovec iov;

	*b = (struct uring_fixed_buffer){0};
	if (iov_user == NULL)
		return 0;
	if (copy_from_user(&iov, (const struct iovec *)iov_user + i, sizeof(iov)) != 0)
		return -EFAULT;
	if (iov.iov_base == NULL)
		return iov.iov_len == 0 ? 0 : -EFAULT;
	if (iov.iov_len == 0 || iov.iov_len > BUFFER_BYTES)
		return -EFAULT;
	*b = (struct uring_fixed_buffer){(uint64_t)iov.iov_base, iov.iov_len};
	return check_memory(b->addr, b->bytes);
}

int fixed_register_buffers(struct uring *ring, const void *iov_user, unsigned nr)
{
	struct uring_fixed_buffer *buffers;
	int err = 0;

	if (ring->nr_buffers > 0)
		return -EBUSY;
	if (nr == 0 || nr > BUFFERS_MAX)
		return -EINVAL;
	buffers = kmalloc(nr * sizeof(*buffers));
	if (buffers == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < nr && err == 0; i++)
		err = buffer_of_list(iov_user, i, &buffers[i]);
	if (err != 0) {
		kfree(buffers);
		return err;
	}
	ring->buffers = buffers;
	ring->nr_buffers = nr;
	return 0;
}

int fixed_unregister_buffers(struct uring *ring)
{
	if (ring->nr_buffers == 0)
		return -ENXIO;
	kfree(ring->buffers);
	ring->buffers = NULL;
	ring->nr_buffers = 0;
	return 0;
}

int fixed_update_buffers(struct uring *ring, unsigned from, const void *iov_user, unsigned nr)
{
	unsigned done = 0;
	int err = 0;

	if (ring->nr_buffers == 0)
		return -ENXIO;
	if (nr == 0 || from > ring->nr_buffers || nr > ring->nr_buffers - from)
		return -EINVAL;
	while (done < nr) {
		struct uring_fixed_buffer b;

		err = buffer_of_list(iov_user, done, &b);
		if (err != 0)
			break;
		ring->buffers[from + done++] = b;
	}
	return done > 0 ? (int)done : err;
}

bool fixed_buffer_covers(const struct uring *ring, unsigned index, uint64_t addr, uint64_t bytes)
{
	const struct uring_fixed_buffer *b = index < ring->nr_buffers ? &ring->buffers[index] : NULL;

	return b != NULL && addr >= b->addr && addr - b->addr <= b->bytes && bytes <= b->bytes - (addr - b->addr);
}
