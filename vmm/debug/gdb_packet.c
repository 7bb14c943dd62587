/* SPDX-License-Identifier: MIT */
/* gdb_packet.c - see gdb_packet.h. */
#include "vmm/debug/gdb_packet.h"

#define ESCAPE     '}'
#define ESCAPE_XOR 0x20

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static void store(struct gdb_reader *r, uint8_t byte)
{
	if (r->len < GDB_PACKET_MAX)
		r->data[r->len++] = (char)byte;
	else
		r->too_long = true;
}

static void begin(struct gdb_reader *r)
{
	r->state = GDB_INSIDE;
	r->len = 0;
	r->sum = 0;
	r->too_long = false;
}

static enum gdb_event end(struct gdb_reader *r, uint8_t byte)
{
	int high = digit((char)r->sent_sum), low = digit((char)byte);

	r->state = GDB_OUTSIDE;
	r->data[r->len] = '\0';
	return r->too_long || high < 0 || low < 0 || (high << 4 | low) != r->sum ? GDB_GARBLED : GDB_PACKET;
}

enum gdb_event gdb_read_byte(struct gdb_reader *r, uint8_t byte)
{
	switch (r->state) {
	case GDB_OUTSIDE:
		if (byte == '$')
			begin(r);
		return byte == 3 ? GDB_INTERRUPT
				 : GDB_NOTHING; /* acknowledgements are noise on a reliable connection */
	case GDB_SUM1:
		r->sent_sum = byte;
		r->state = GDB_SUM2;
		return GDB_NOTHING;
	case GDB_SUM2:
		return end(r, byte);
	case GDB_INSIDE:
		if (byte == '$') {
			begin(r);
			return GDB_NOTHING;
		}
		if (byte == '#') {
			r->state = GDB_SUM1;
			return GDB_NOTHING;
		}
		break;
	case GDB_ESCAPED:
		break;
	}
	r->sum = (uint8_t)(r->sum + byte);
	if (r->state == GDB_INSIDE && byte == ESCAPE) {
		r->state = GDB_ESCAPED;
		return GDB_NOTHING;
	}
	store(r, r->state == GDB_ESCAPED ? byte ^ ESCAPE_XOR : byte);
	r->state = GDB_INSIDE;
	return GDB_NOTHING;
}

size_t gdb_frame(char *out, const void *payload, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const char *in = payload;
	char *to = out;
	uint8_t sum = 0;

	*to++ = '$';
	for (size_t i = 0; i < len; i++) {
		char c = in[i];

		if (c == '$' || c == '#' || c == ESCAPE || c == '*') {
			*to++ = ESCAPE;
			sum = (uint8_t)(sum + ESCAPE);
			c ^= ESCAPE_XOR;
		}
		*to++ = c;
		sum = (uint8_t)(sum + (uint8_t)c);
	}
	*to++ = '#';
	*to++ = digits[sum >> 4];
	*to++ = digits[sum & 15];
	return (size_t)(to - out);
}

char *gdb_put_hex(char *out, const void *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *in = bytes;

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[in[i] >> 4];
		*out++ = digits[in[i] & 15];
	}
	return out;
}

bool gdb_take_hex(const char **in, void *bytes, size_t len)
{
	uint8_t *out = bytes;

	for (size_t i = 0; i < len; i++) {
		int high = digit((*in)[0]), low = high < 0 ? -1 : digit((*in)[1]);

		if (low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
		*in += 2;
	}
	return true;
}

bool gdb_take_number(const char **in, uint64_t *value)
{
	uint64_t v = 0;
	const char *p = *in;

	for (; digit(*p) >= 0; p++) {
		if (v >> 60)
			return false;
		v = v << 4 | (uint64_t)digit(*p);
	}
	if (p == *in)
		return false;
	*in = p;
	*value = v;
	return true;
}
