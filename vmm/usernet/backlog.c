/* SPDX-License-Identifier: MIT */
/* backlog.c - see backlog.h. */
#include "vmm/usernet/backlog.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct backlog_frame {
	struct backlog_frame *next;
	size_t bytes;
	uint8_t data[];
};

bool backlog_add(struct backlog *b, const struct iovec *iov, unsigned nr)
{
	struct backlog_frame *f;
	size_t bytes = 0;

	for (unsigned i = 0; i < nr; i++)
		bytes += iov[i].iov_len;
	if (b->bytes + sizeof(*f) + bytes > BACKLOG_BYTES_MAX)
		return false;
	f = malloc(sizeof(*f) + bytes);
	if (f == NULL)
		return false;
	f->next = NULL;
	f->bytes = 0;
	for (unsigned i = 0; i < nr; i++) {
		memcpy(f->data + f->bytes, iov[i].iov_base, iov[i].iov_len);
		f->bytes += iov[i].iov_len;
	}
	if (b->first == NULL)
		b->first = f;
	else
		b->last->next = f;
	b->last = f;
	b->bytes += sizeof(*f) + bytes;
	return true;
}

int backlog_send(struct backlog *b, int fd)
{
	while (b->first != NULL) {
		struct backlog_frame *f = b->first;

		if (write(fd, f->data, f->bytes) < 0)
			return errno == EAGAIN ? 0 : -errno;
		b->first = f->next;
		b->bytes -= sizeof(*f) + f->bytes;
		free(f);
	}
	return 0;
}
