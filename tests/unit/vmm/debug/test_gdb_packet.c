/* SPDX-License-Identifier: MIT */
/* test_gdb_packet.c - frames, escapes, checksums, hexadecimal. */
#include "vmm/debug/gdb_packet.h"
#include "unit.h"

static struct gdb_reader reader;

/* Feeds a text; returns the last event that was something. */
static enum gdb_event feed(const char *bytes, size_t len)
{
	enum gdb_event last = GDB_NOTHING;

	for (size_t i = 0; i < len; i++) {
		enum gdb_event e = gdb_read_byte(&reader, (uint8_t)bytes[i]);

		if (e != GDB_NOTHING)
			last = e;
	}
	return last;
}

#define FEED(text) feed(text, sizeof(text) - 1)

static void test_read(void **state)
{
	(void)state;
	assert_int_equal(FEED("+$g#67"), GDB_PACKET);
	assert_string_equal(reader.data, "g");
	assert_int_equal(FEED("$#00"), GDB_PACKET);
	assert_int_equal(reader.len, 0);
	assert_int_equal(FEED("$g#68"), GDB_GARBLED);
	assert_int_equal(FEED("$g#zz"), GDB_GARBLED);
	assert_int_equal(FEED("\x03"), GDB_INTERRUPT);
	/* A new '$' begins again. */
	assert_int_equal(FEED("$gar$m1,2#fc"), GDB_PACKET);
	assert_string_equal(reader.data, "m1,2");
	assert_int_equal(FEED("$\x7d\x03\x7d\x04#01"), GDB_PACKET);
	assert_memory_equal(reader.data, "#$", 2);
}

static void test_too_long(void **state)
{
	char byte = 'a';

	(void)state;
	FEED("$");
	for (int i = 0; i < GDB_PACKET_MAX + 10; i++)
		feed(&byte, 1);
	assert_int_equal(FEED("#00"), GDB_GARBLED);
	assert_int_equal(FEED("$g#67"), GDB_PACKET);
}

static void test_round_trip(void **state)
{
	uint8_t all[256];
	char framed[2 * sizeof(all) + 4];
	size_t len;

	(void)state;
	for (unsigned i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	len = gdb_frame(framed, all, sizeof(all));
	assert_true(len <= sizeof(framed));
	assert_int_equal(feed(framed, len), GDB_PACKET);
	assert_int_equal(reader.len, sizeof(all));
	assert_memory_equal(reader.data, all, sizeof(all));
}

static void test_hex(void **state)
{
	const char *in = "00ffAb1", *number = "1fG";
	uint8_t bytes[3];
	char out[6];
	uint64_t v;

	(void)state;
	assert_true(gdb_take_hex(&in, bytes, 3));
	assert_memory_equal(bytes, "\x00\xff\xab", 3);
	assert_false(gdb_take_hex(&in, bytes, 1));
	assert_ptr_equal(gdb_put_hex(out, bytes, 3), out + 6);
	assert_memory_equal(out, "00ffab", 6);
	assert_true(gdb_take_number(&number, &v));
	assert_int_equal(v, 0x1f);
	assert_int_equal(*number, 'G');
	assert_false(gdb_take_number(&number, &v));
	number = "ffffffffffffffff";
	assert_true(gdb_take_number(&number, &v) && v == UINT64_MAX);
	number = "10000000000000000";
	assert_false(gdb_take_number(&number, &v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_read), cmocka_unit_test(test_too_long),
					   cmocka_unit_test(test_round_trip), cmocka_unit_test(test_hex)};

	return RUN_TESTS(tests);
}
