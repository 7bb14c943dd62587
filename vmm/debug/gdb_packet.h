/* SPDX-License-Identifier: MIT */
/*
 * gdb_packet.h - the frames of gdb's remote protocol (gdb manual, appendix "Remote Protocol": overview), and
 * hexadecimal. Pure: bytes in, bytes out. What comes from gdb is not trusted: any bytes are survived.
 */
#ifndef CAY_VMM_DEBUG_GDB_PACKET_H
#define CAY_VMM_DEBUG_GDB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

#define GDB_PACKET_MAX 4096

enum gdb_event {
	GDB_NOTHING,   /* needs more bytes */
	GDB_PACKET,    /* reader.data[0, len) is a packet, NUL behind it; valid until the next byte */
	GDB_GARBLED,   /* a packet with a wrong checksum or too long: to be answered with '-' */
	GDB_INTERRUPT, /* Ctrl-C */
};

struct gdb_reader {
	enum { GDB_OUTSIDE, GDB_INSIDE, GDB_ESCAPED, GDB_SUM1, GDB_SUM2 } state;
	size_t len;
	bool too_long;
	uint8_t sum, sent_sum;
	char data[GDB_PACKET_MAX + 1];
};

/* A reader begins as all zeros. */
enum gdb_event gdb_read_byte(struct gdb_reader *r, uint8_t byte);

/*
 * Frames a payload: '$', escapes, '#', checksum. out has room for 2 * len + 4. Returns the bytes written.
 */
size_t gdb_frame(char *out, const void *payload, size_t len);

/* Lower-case digits, no NUL. Returns out + 2 * len. */
char *gdb_put_hex(char *out, const void *bytes, size_t len);
/* Takes len bytes of hexadecimal from *in and moves it; false when there are not so many digits. */
MUST_CHECK bool gdb_take_hex(const char **in, void *bytes, size_t len);
/* A number, big end first, at least one digit; false when none, or it needs more than 64 bits. */
MUST_CHECK bool gdb_take_number(const char **in, uint64_t *value);

#endif
