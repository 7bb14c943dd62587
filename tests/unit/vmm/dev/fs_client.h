/* SPDX-License-Identifier: MIT */
/* fs_client.h - for tests of the file server: builds FUSE requests, hands them to fs_handle, takes replies apart. */
#ifndef CAY_TESTS_FS_CLIENT_H
#define CAY_TESTS_FS_CLIENT_H

#include <linux/fuse.h>
#include <stdint.h>
#include <string.h>

#include "vmm/dev/fs.h"

struct fs_client {
	struct fs_device *dev;
	_Alignas(8) uint8_t request[70000];
	uint32_t bytes;
	_Alignas(8) uint8_t reply[1 << 17];
	uint32_t reply_bytes; /* with the header */
	uint32_t room;        /* of the reply, 0 = all */
};

static inline void fs_begin(struct fs_client *c, uint32_t opcode, uint64_t node)
{
	struct fuse_in_header h = {.opcode = opcode, .nodeid = node, .unique = 77};

	memcpy(c->request, &h, sizeof(h));
	c->bytes = sizeof(h);
}

static inline void fs_add(struct fs_client *c, const void *data, size_t bytes)
{
	memcpy(c->request + c->bytes, data, bytes);
	c->bytes += (uint32_t)bytes;
}

static inline void fs_add_name(struct fs_client *c, const char *name)
{
	fs_add(c, name, strlen(name) + 1);
}

/* Sends it in odd pieces, so that every field crosses a boundary in one test or another. Returns the reply's error. */
static inline int fs_send(struct fs_client *c)
{
	uint32_t room = c->room != 0 ? c->room : sizeof(c->reply), cut = c->bytes / 3 + 1, out_cut = room / 7 + 1;
	struct virtq_host_seg in[2] = {{c->request, cut}, {c->request + cut, c->bytes - cut}};
	struct virtq_host_seg out[2] = {{c->reply, out_cut}, {c->reply + out_cut, room - out_cut}};
	struct fuse_out_header h;

	memcpy(c->request, &c->bytes, sizeof(c->bytes));
	c->reply_bytes = (uint32_t)fs_handle(c->dev, in, 2, out, 2);
	if (c->reply_bytes == 0)
		return 1;
	memcpy(&h, c->reply, sizeof(h));
	return h.len == c->reply_bytes && h.unique == 77 ? h.error : 2;
}

static inline void *fs_payload(struct fs_client *c)
{
	return c->reply + sizeof(struct fuse_out_header);
}

static inline uint32_t fs_payload_bytes(const struct fs_client *c)
{
	return c->reply_bytes - (uint32_t)sizeof(struct fuse_out_header);
}

static inline int fs_lookup(struct fs_client *c, uint64_t dir, const char *name, uint64_t *node)
{
	struct fuse_entry_out e;
	int err;

	fs_begin(c, FUSE_LOOKUP, dir);
	fs_add_name(c, name);
	err = fs_send(c);
	if (err == 0) {
		memcpy(&e, fs_payload(c), sizeof(e));
		*node = e.nodeid;
	}
	return err;
}

static inline int fs_open(struct fs_client *c, uint32_t opcode, uint64_t node, int flags, uint64_t *fh)
{
	struct fuse_open_in a = {.flags = (uint32_t)flags};
	int err;

	fs_begin(c, opcode, node);
	fs_add(c, &a, sizeof(a));
	err = fs_send(c);
	if (err == 0)
		memcpy(fh, fs_payload(c), sizeof(*fh));
	return err;
}

static inline int fs_read(struct fs_client *c, uint32_t opcode, uint64_t node, uint64_t fh, uint64_t offset,
			  uint32_t bytes)
{
	struct fuse_read_in a = {.fh = fh, .offset = offset, .size = bytes};

	fs_begin(c, opcode, node);
	fs_add(c, &a, sizeof(a));
	return fs_send(c);
}

static inline int fs_write(struct fs_client *c, uint64_t fh, uint64_t offset, const void *data, uint32_t bytes,
			   uint32_t flags)
{
	struct fuse_write_in a = {.fh = fh, .offset = offset, .size = bytes, .flags = flags};

	fs_begin(c, FUSE_WRITE, 0);
	fs_add(c, &a, sizeof(a));
	fs_add(c, data, bytes);
	return fs_send(c);
}

static inline int fs_release(struct fs_client *c, uint64_t fh)
{
	struct fuse_release_in a = {.fh = fh};

	fs_begin(c, FUSE_RELEASE, 0);
	fs_add(c, &a, sizeof(a));
	return fs_send(c);
}

static inline int fs_getattr(struct fs_client *c, uint64_t node, struct fuse_attr *attr)
{
	struct fuse_getattr_in a = {0};
	int err;

	fs_begin(c, FUSE_GETATTR, node);
	fs_add(c, &a, sizeof(a));
	err = fs_send(c);
	if (err == 0)
		*attr = ((struct fuse_attr_out *)fs_payload(c))->attr;
	return err;
}

#endif
