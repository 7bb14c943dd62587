/* SPDX-License-Identifier: MIT */
/* test_gdb_session.c - packets in, replies and requests out. */
// SOURCES: vmm/debug/gdb_session.c vmm/debug/gdb_packet.c
#include "unit.h"

#include <signal.h>
#include <stdio.h>

#include "vmm/debug/gdb_session.h"

static struct gdb_session s;
static char replied[4096]; /* payload of the last reply */

static int setup(void **state)
{
	(void)state;
	memset(&s, 0, sizeof(s));
	s.no_ack = true;
	s.signo = SIGTRAP;
	s.tid = s.selected = s.tids[0] = 1;
	s.tids[1] = 0x1f;
	s.nr_tids = 2;
	for (unsigned i = 0; i < 16; i++)
		s.regs.gpr[i] = i + 1;
	s.regs.rip = 0x401000;
	s.regs.rflags = 0x246;
	return 0;
}

/* Undoes the frame of what was said; there must be at most one. */
static void take_reply(void)
{
	struct gdb_reader r = {0};
	unsigned packets = 0;

	for (size_t i = 0; i < s.out_len; i++)
		if (gdb_read_byte(&r, (uint8_t)s.out[i]) == GDB_PACKET)
			packets++;
	assert_true(packets <= 1);
	memcpy(replied, r.data, r.len);
	replied[packets ? r.len : 0] = '\0';
	s.out_len = 0;
}

static enum gdb_action ask_bytes(const void *packet, size_t len)
{
	char framed[GDB_PACKET_MAX];
	size_t n = gdb_frame(framed, packet, len);
	enum gdb_action action = GDB_READ_BYTES;

	for (size_t i = 0; i < n; i++)
		action = gdb_session_byte(&s, (uint8_t)framed[i]);
	take_reply();
	return action;
}

static enum gdb_action ask(const char *packet)
{
	return ask_bytes(packet, strlen(packet));
}

static void test_registers(void **state)
{
	(void)state;
	assert_int_equal(ask("g"), GDB_READ_BYTES);
	assert_int_equal(strlen(replied), 2 * (17 * 8 + 7 * 4));
	assert_memory_equal(replied, "01000000000000000200000000000000", 32);
	assert_memory_equal(replied + 256, "001040000000000046020000", 24);
	ask("p10");
	assert_string_equal(replied, "0010400000000000");
	ask("p11");
	assert_string_equal(replied, "46020000");
	ask("p39");
	assert_string_equal(replied, "xxxxxxxxxxxxxxxx");
	ask("P7=8877665544332211");
	assert_string_equal(replied, "OK");
	assert_int_equal(s.regs.gpr[7], 0x1122334455667788);
	ask("P7=88");
	assert_string_equal(replied, "E01");
	ask("P39=ffffffffffffffff"); /* orig_rax: not ours */
	assert_string_equal(replied, "OK");
	ask("Gff00000000000000ee");
	assert_int_equal(s.regs.gpr[0], 0xff);
	assert_int_equal(s.regs.gpr[1], 2); /* cut off: kept */
}

static void test_memory(void **state)
{
	(void)state;
	assert_int_equal(ask("m401000,4"), GDB_READ);
	assert_int_equal(s.addr, 0x401000);
	assert_int_equal(s.bytes, 4);
	memcpy(s.data, "\x01\x02\xfe\xff", 4);
	gdb_session_result(&s, GDB_READ, 3);
	take_reply();
	assert_string_equal(replied, "0102fe"); /* what could be read */
	gdb_session_result(&s, GDB_READ, 0);
	take_reply();
	assert_string_equal(replied, "E14");
	gdb_session_result(&s, GDB_READ, 5); /* more than asked: a lying kernel */
	take_reply();
	assert_string_equal(replied, "E14");
	assert_int_equal(ask("mffff0000,ffffffff"), GDB_READ);
	assert_int_equal(s.bytes, CAY_DEBUG_DATA_BYTES);
	assert_int_equal(ask("M10,2:abcd"), GDB_WRITE);
	assert_memory_equal(s.data, "\xab\xcd", 2);
	gdb_session_result(&s, GDB_WRITE, 0);
	take_reply();
	assert_string_equal(replied, "OK");
	assert_int_equal(ask("X10,0:"), GDB_READ_BYTES);
	assert_string_equal(replied, "OK");
	assert_int_equal(ask_bytes("X10,3:#}\xcc", 9), GDB_WRITE);
	assert_memory_equal(s.data, "#}\xcc", 3);
}

static void test_malformed(void **state)
{
	static const char *const packets[] = {"m",
					      "m1",
					      "m1,",
					      "mx,1",
					      "M1,2",
					      "M1,2:a",
					      "M1,2:abc",
					      "M1,ffff:00",
					      "X1,5:ab",
					      "X1,1",
					      "p",
					      "P",
					      "P1",
					      "P1=",
					      "qXfer:auxv:read::",
					      "qXfer:auxv:read::1",
					      "qXfer:features:read:target.xml:x,1",
					      "m11111111111111111,1"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
		if (ask(packets[i]) != GDB_READ_BYTES || strcmp(replied, "E01") != 0)
			fail_msg("%s: replied %s", packets[i], replied);
	}
}

static void test_resume(void **state)
{
	(void)state;
	assert_int_equal(ask("s"), GDB_RESUME);
	assert_true(s.regs.rflags & 0x100);
	assert_int_equal(s.deliver, 0);
	assert_int_equal(ask("c"), GDB_RESUME);
	assert_false(s.regs.rflags & 0x100);
	assert_int_equal(ask("C0b"), GDB_RESUME);
	assert_int_equal(s.deliver, SIGSEGV);
	assert_int_equal(ask("C1e"), GDB_RESUME); /* gdb's 30 */
	assert_int_equal(s.deliver, SIGUSR1);
	assert_int_equal(ask("Cff"), GDB_RESUME);
	assert_int_equal(s.deliver, 0);
	assert_int_equal(ask("D"), GDB_DETACH);
	assert_string_equal(replied, "OK");
	assert_int_equal(ask("k"), GDB_KILL);
}

static void test_stops(void **state)
{
	(void)state;
	gdb_session_stopped(&s, false);
	take_reply();
	assert_string_equal(replied, "");
	ask("?");
	assert_string_equal(replied, "T05thread:1;");
	s.signo = SIGBUS;
	gdb_session_stopped(&s, true);
	take_reply();
	assert_string_equal(replied, "T0athread:1;");
	gdb_session_ended(&s, 5 << 8);
	take_reply();
	assert_string_equal(replied, "W05");
	gdb_session_ended(&s, SIGKILL);
	take_reply();
	assert_string_equal(replied, "X09");
}

static void test_queries(void **state)
{
	(void)state;
	ask("qSupported:multiprocess+;swbreak+");
	assert_non_null(strstr(replied, "qXfer:auxv:read+"));
	ask("vMustReplyEmpty");
	assert_string_equal(replied, "");
	ask("Z0,401000,1");
	assert_string_equal(replied, "");
	ask("qfThreadInfo");
	assert_string_equal(replied, "m1,1f");
	ask("qXfer:features:read:target.xml:0,10");
	assert_int_equal(replied[0], 'm');
	assert_int_equal(strlen(replied), 17);
	s.auxv_bytes = 32;
	memcpy(s.auxv, "abcdefghijklmnopqrstuvwxyzabcdef", 32);
	ask("qXfer:auxv:read::10,100");
	assert_string_equal(replied, "lqrstuvwxyzabcdef");
	ask("qXfer:auxv:read::20,100");
	assert_string_equal(replied, "l");
	ask("qXfer:auxv:read::ffffffffffffffff,ffffffffffffffff");
	assert_string_equal(replied, "l");
}

static void test_threads(void **state)
{
	(void)state;
	assert_int_equal(ask("Hc1f"), GDB_READ_BYTES);
	assert_string_equal(replied, "OK");
	ask("Hg2");
	assert_string_equal(replied, "E03");
	ask("T2");
	assert_string_equal(replied, "E03");
	ask("T1f");
	assert_string_equal(replied, "OK");
	assert_int_equal(ask("Hg1f"), GDB_SELECT);
	assert_int_equal(s.addr, 0x1f);
	s.other.rip = 0x77;
	gdb_session_result(&s, GDB_SELECT, 0);
	take_reply();
	assert_string_equal(replied, "OK");
	ask("p10");
	assert_string_equal(replied, "7700000000000000");
	ask("P10=0000000000000000"); /* only the one that stopped */
	assert_string_equal(replied, "E01");
	ask("Hg1");
	ask("p10");
	assert_string_equal(replied, "0010400000000000");
	assert_int_equal(ask("Hg1f"), GDB_SELECT);
	gdb_session_result(&s, GDB_SELECT, -3); /* it ended meanwhile */
	take_reply();
	assert_string_equal(replied, "E14");
	ask("p10");
	assert_string_equal(replied, "0010400000000000");
}

static void test_acknowledgement(void **state)
{
	(void)state;
	s.no_ack = false;
	gdb_session_byte(&s, '$');
	gdb_session_byte(&s, 'g');
	gdb_session_byte(&s, '#');
	gdb_session_byte(&s, '0');
	gdb_session_byte(&s, '0');
	assert_int_equal(s.out_len, 1);
	assert_int_equal(s.out[0], '-');
	take_reply();
	ask("QStartNoAckMode");
	assert_string_equal(replied, "OK");
	assert_true(s.no_ack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_registers, setup), cmocka_unit_test_setup(test_memory, setup),
		cmocka_unit_test_setup(test_malformed, setup), cmocka_unit_test_setup(test_resume, setup),
		cmocka_unit_test_setup(test_stops, setup),     cmocka_unit_test_setup(test_queries, setup),
		cmocka_unit_test_setup(test_threads, setup),   cmocka_unit_test_setup(test_acknowledgement, setup),
	};

	return RUN_TESTS(tests);
}
