/* SPDX-License-Identifier: MIT */
/* fs_wire.c - see fs_wire.h. */
#include "vmm/dev/fs_wire.h"

#include <errno.h>
#include <string.h>

void fs_cursor_init(struct fs_cursor *c, const struct virtq_host_seg *seg, unsigned nr)
{
	*c = (struct fs_cursor){.seg = seg, .nr = nr};
	for (unsigned i = 0; i < nr; i++)
		c->left += seg[i].bytes;
}

/* The next contiguous piece of at most `bytes`, and advances. bytes <= c->left, both not 0. */
static struct iovec next_piece(struct fs_cursor *c, size_t bytes)
{
	struct iovec piece;

	while (c->at == c->seg->bytes) {
		c->seg++;
		c->nr--;
		c->at = 0;
	}
	piece.iov_base = (uint8_t *)c->seg->base + c->at;
	piece.iov_len = MIN(bytes, (size_t)(c->seg->bytes - c->at));
	c->at += (uint32_t)piece.iov_len;
	c->left -= piece.iov_len;
	return piece;
}

bool fs_take(struct fs_cursor *c, void *dst, size_t bytes)
{
	if (bytes > c->left)
		return false;
	while (bytes != 0) {
		struct iovec piece = next_piece(c, bytes);

		memcpy(dst, piece.iov_base, piece.iov_len);
		dst = (uint8_t *)dst + piece.iov_len;
		bytes -= piece.iov_len;
	}
	return true;
}

bool fs_put(struct fs_cursor *c, const void *src, size_t bytes)
{
	if (bytes > c->left)
		return false;
	while (bytes != 0) {
		struct iovec piece = next_piece(c, bytes);

		memcpy(piece.iov_base, src, piece.iov_len);
		src = (const uint8_t *)src + piece.iov_len;
		bytes -= piece.iov_len;
	}
	return true;
}

int fs_take_string(struct fs_cursor *c, char *dst, size_t size)
{
	size_t got = 0;

	while (c->left != 0) {
		struct iovec piece = next_piece(c, MIN(c->left, size - got));
		char *end;

		memcpy(dst + got, piece.iov_base, piece.iov_len);
		end = memchr(dst + got, '\0', piece.iov_len);
		if (end != NULL) {
			/* Give back what lies behind the NUL: it is still in this segment. */
			size_t surplus = (size_t)(dst + got + piece.iov_len - end - 1);

			c->at -= (uint32_t)surplus;
			c->left += surplus;
			return (int)(end - dst);
		}
		got += piece.iov_len;
		if (got == size)
			return -ENAMETOOLONG;
	}
	return -EINVAL;
}

int fs_take_name(struct fs_cursor *c, char name[FS_NAME_MAX + 1])
{
	int len = fs_take_string(c, name, FS_NAME_MAX + 1);

	if (len < 0)
		return len;
	if (len == 0 || strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EINVAL;
	return 0;
}

unsigned fs_iovec(struct fs_cursor *c, size_t bytes, struct iovec *iov, unsigned max)
{
	unsigned n = 0;

	bytes = MIN(bytes, c->left);
	while (bytes != 0 && n < max) {
		iov[n] = next_piece(c, bytes);
		bytes -= iov[n++].iov_len;
	}
	return n;
}
