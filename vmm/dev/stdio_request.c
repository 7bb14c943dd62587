/* SPDX-License-Identifier: MIT */
/* stdio_request.c - see stdio_request.h. */
#include "vmm/dev/stdio_request.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

struct ioctl_sizes {
	unsigned cmd;
	uint8_t in, out;
};

static const struct ioctl_sizes *find_ioctl(int64_t cmd)
{
	static const struct ioctl_sizes table[] = {
#define ROW(nr, bytes_in, bytes_out) {nr, bytes_in, bytes_out},
		CAY_STDIO_IOCTLS(ROW)
#undef ROW
	};

	for (unsigned i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].cmd == cmd)
			return &table[i];
	return NULL;
}

/* What is between header and status, as one direction's data. */
static int take_data(const struct virtq_host_seg *seg, unsigned nr, struct stdio_request *r)
{
	if (nr > CAY_STDIO_DATA_SEGS)
		return -EINVAL;
	for (unsigned i = 0; i < nr; i++) {
		r->data[i] = (struct iovec){seg[i].base, seg[i].bytes};
		r->data_bytes += seg[i].bytes; /* the sum was checked by virtq_device_pop */
	}
	r->nr_data = (int)nr;
	return 0;
}

static int check_poll(const struct cay_stdio_req *q)
{
	if (q->arg2 == CAY_STDIO_WAIT)
		return q->arg == POLLIN || q->arg == POLLOUT ? 0 : -EINVAL;
	return q->arg2 == 0 && (q->arg & ~(POLLIN | POLLOUT)) == 0 ? 0 : -EINVAL;
}

/* The sizes of in (device-readable) and out (device-writable) data that each operation goes with. */
static int check_operation(const struct stdio_request *r, uint32_t in, uint32_t out)
{
	const struct ioctl_sizes *ioc;

	switch (r->req.op) {
	case CAY_STDIO_READ:
		return in == 0 && out > 0 && r->req.arg >= -1 ? 0 : -EINVAL;
	case CAY_STDIO_WRITE:
		return in > 0 && out == 0 && r->req.arg >= -1 ? 0 : -EINVAL;
	case CAY_STDIO_STAT:
		return in == 0 && out == sizeof(struct cay_stdio_stat) && r->nr_data == 1 ? 0 : -EINVAL;
	case CAY_STDIO_POLL:
		return in == 0 && out == 0 ? check_poll(&r->req) : -EINVAL;
	case CAY_STDIO_SEEK:
	case CAY_STDIO_SYNC:
	case CAY_STDIO_CLOSE:
		return in == 0 && out == 0 ? 0 : -EINVAL;
	case CAY_STDIO_IOCTL:
		ioc = find_ioctl(r->req.arg);
		return ioc != NULL && in == ioc->in && out == ioc->out && r->nr_data <= 1 ? 0 : -EINVAL;
	}
	return -EINVAL;
}

int stdio_decode(const struct virtq_chain *c, struct stdio_request *r)
{
	const struct virtq_host_seg *read = c->seg, *write = c->seg + c->nr_read;

	*r = (struct stdio_request){.status = NULL};
	if (c->nr_write == 0 || write[c->nr_write - 1].bytes != sizeof(struct cay_stdio_status))
		return -EINVAL;
	r->status = write[c->nr_write - 1].base;
	if (c->nr_read == 0 || read[0].bytes != sizeof(r->req))
		return -EINVAL;
	memcpy(&r->req, read[0].base, sizeof(r->req));
	if (r->req.fd >= CAY_STDIO_FDS)
		return -EINVAL;
	/* Data in one direction only. */
	if (c->nr_read > 1 && c->nr_write > 1)
		return -EINVAL;
	int err = c->nr_read > 1 ? take_data(read + 1, c->nr_read - 1, r) : take_data(write, c->nr_write - 1, r);
	if (err != 0)
		return err;
	return check_operation(r, c->nr_read > 1 ? r->data_bytes : 0, c->nr_read > 1 ? 0 : r->data_bytes);
}

static int64_t do_stat(struct stdio_host *h, const struct stdio_request *r)
{
	struct cay_stdio_stat st;
	int err = stdio_host_stat(h, r->req.fd, &st);

	if (err == 0)
		memcpy(r->data[0].iov_base, &st, sizeof(st));
	return err;
}

static int64_t do_ioctl(struct stdio_host *h, const struct stdio_request *r)
{
	uint8_t payload[CAY_STDIO_PAYLOAD_MAX] = {0};
	const struct ioctl_sizes *ioc = find_ioctl(r->req.arg);

	if (ioc->in > 0)
		memcpy(payload, r->data[0].iov_base, ioc->in);
	int result = stdio_host_ioctl(h, r->req.fd, ioc->cmd, payload, r->req.arg2);
	if (result >= 0 && ioc->out > 0)
		memcpy(r->data[0].iov_base, payload, ioc->out);
	return result;
}

int64_t stdio_execute(struct stdio_host *h, const struct stdio_request *r)
{
	const struct cay_stdio_req *q = &r->req;

	switch (q->op) {
	case CAY_STDIO_READ:
		return stdio_host_read(h, q->fd, r->data, r->nr_data, q->arg);
	case CAY_STDIO_WRITE:
		return stdio_host_write(h, q->fd, r->data, r->nr_data, q->arg);
	case CAY_STDIO_POLL:
		return stdio_host_poll(h, q->fd, (short)q->arg);
	case CAY_STDIO_STAT:
		return do_stat(h, r);
	case CAY_STDIO_SEEK:
		/* A whence that lseek does not know is its -EINVAL; do not let it wrap into one that it does. */
		return q->arg2 == (int)q->arg2 ? stdio_host_seek(h, q->fd, q->arg, (int)q->arg2) : -EINVAL;
	case CAY_STDIO_SYNC:
		return stdio_host_sync(h, q->fd);
	case CAY_STDIO_IOCTL:
		return do_ioctl(h, r);
	case CAY_STDIO_CLOSE:
		return stdio_host_shut(h, q->fd);
	}
	return -EINVAL;
}

void stdio_set_status(void *status, int64_t result)
{
	struct cay_stdio_status s = {.result = result};

	memcpy(status, &s, sizeof(s));
}
