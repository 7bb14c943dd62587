/* SPDX-License-Identifier: MIT */
/* gdb_session.c - gdb's packets (gdb manual, "Remote Protocol": packets, general query packets), the ones a simple
 * target needs. */
#include "vmm/debug/gdb_session.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define RFLAGS_TF   0x100u
#define PAYLOAD_MAX (2 * CAY_DEBUG_DATA_BYTES + 512)

/* Only the architecture: gdb knows its registers. */
static const char target_xml[] =
	"<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target version=\"1.0\">"
	"<architecture>i386:x86-64</architecture><osabi>GNU/Linux</osabi></target>";

/* Register numbers of gdb's x86-64: 16 general, rip, eflags, then six segments; these are what `g` has. */
#define NR_RIP    16
#define NR_EFLAGS 17
#define NR_REGS   24
static const uint32_t segments[6] = {0x33, 0x2b, 0, 0, 0, 0}; /* what Linux programs see */

static void reply_bytes(struct gdb_session *s, const void *payload, size_t len)
{
	if (sizeof(s->out) - s->out_len >= 2 * len + 4)
		s->out_len += gdb_frame(s->out + s->out_len, payload, len);
}

static void reply(struct gdb_session *s, const char *text)
{
	reply_bytes(s, text, strlen(text));
}

static void replyf(struct gdb_session *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void replyf(struct gdb_session *s, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	reply(s, text);
}

/* gdb numbers signals its own way (include/gdb/signals.def); where it differs from Linux, of those that matter. */
static const struct {
	int linux_nr, gdb_nr;
} signals[] = {{SIGBUS, 10}, {SIGUSR1, 30}, {SIGUSR2, 31}, {SIGCHLD, 20}, {SIGCONT, 19}, {SIGWINCH, 28}};

static int signal_to_gdb(int signo)
{
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (signals[i].linux_nr == signo)
			return signals[i].gdb_nr;
	return signo & 0xff;
}

static int signal_from_gdb(uint64_t nr)
{
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if ((uint64_t)signals[i].gdb_nr == nr)
			return signals[i].linux_nr;
	return nr <= SIGTERM ? (int)nr : 0;
}

static void *register_at(struct gdb_session *s, uint64_t nr, size_t *bytes)
{
	struct cay_debug_regs *regs = s->selected == s->tid ? &s->regs : &s->other;

	*bytes = nr <= NR_RIP ? 8 : 4;
	if (nr < NR_RIP)
		return &regs->gpr[nr];
	if (nr == NR_RIP)
		return &regs->rip;
	return nr == NR_EFLAGS ? &regs->rflags : NULL;
}

static void read_registers(struct gdb_session *s)
{
	char text[512], *to = text;

	for (unsigned i = 0; i < NR_REGS; i++) {
		size_t bytes;
		const void *reg = register_at(s, i, &bytes);

		to = gdb_put_hex(to, reg ? reg : &segments[i - NR_EFLAGS - 1], bytes);
	}
	reply_bytes(s, text, (size_t)(to - text));
}

static void write_registers(struct gdb_session *s, const char *hex)
{
	if (s->selected != s->tid) {
		reply(s, "E01");
		return;
	}
	for (unsigned i = 0; i < NR_REGS; i++) {
		uint8_t value[8];
		size_t bytes;
		void *reg = register_at(s, i, &bytes);

		if (!gdb_take_hex(&hex, value, bytes))
			break; /* gdb may send fewer */
		if (reg)
			memcpy(reg, value, bytes);
	}
	reply(s, "OK");
}

static void read_register(struct gdb_session *s, const char *p)
{
	char text[16];
	uint64_t nr;
	size_t bytes;

	if (!gdb_take_number(&p, &nr)) {
		reply(s, "E01");
		return;
	}
	const void *reg = register_at(s, nr, &bytes);

	if (!reg && nr < NR_REGS)
		reg = &segments[nr - NR_EFLAGS - 1];
	if (reg)
		reply_bytes(s, text, (size_t)(gdb_put_hex(text, reg, bytes) - text));
	else
		reply(s, "xxxxxxxxxxxxxxxx"); /* not available */
}

static void write_register(struct gdb_session *s, const char *p)
{
	uint64_t nr;
	uint8_t value[8];
	size_t bytes;

	if (s->selected != s->tid || !gdb_take_number(&p, &nr) || *p++ != '=') {
		reply(s, "E01");
		return;
	}
	void *reg = register_at(s, nr, &bytes);

	/* What we do not have (orig_rax, which gdb sets to -1 before a call of its own) can be set to nothing but
	 * itself. */
	if (reg && !gdb_take_hex(&p, value, bytes)) {
		reply(s, "E01");
		return;
	}
	if (reg)
		memcpy(reg, value, bytes);
	reply(s, "OK");
}

/* ADDR,BYTES: false and an error reply if malformed. More bytes than fit are cut for reads, refused for writes. */
static bool take_range(struct gdb_session *s, const char **p, bool cut)
{
	uint64_t bytes;

	if (!gdb_take_number(p, &s->addr) || *(*p)++ != ',' || !gdb_take_number(p, &bytes) ||
	    (bytes > CAY_DEBUG_DATA_BYTES && !cut)) {
		reply(s, "E01");
		return false;
	}
	s->bytes = (uint32_t)MIN(bytes, (uint64_t)CAY_DEBUG_DATA_BYTES);
	return true;
}

static enum gdb_action read_memory(struct gdb_session *s, const char *p)
{
	return take_range(s, &p, true) ? GDB_READ : GDB_READ_BYTES;
}

/* M: hexadecimal. X: binary, of which the reader has undone the escapes. */
static enum gdb_action write_memory(struct gdb_session *s, const char *p, bool binary)
{
	const char *end = s->reader.data + s->reader.len;

	if (!take_range(s, &p, false))
		return GDB_READ_BYTES;
	if (p >= end || *p++ != ':') {
		reply(s, "E01");
		return GDB_READ_BYTES;
	}
	if (binary ? (size_t)(end - p) != s->bytes : !gdb_take_hex(&p, s->data, s->bytes)) {
		reply(s, "E01");
		return GDB_READ_BYTES;
	}
	if (binary)
		memcpy(s->data, p, s->bytes);
	if (s->bytes == 0) {
		reply(s, "OK"); /* gdb's probe for X */
		return GDB_READ_BYTES;
	}
	return GDB_WRITE;
}

/* qXfer:OBJECT:read:ANNEX:OFFSET,LENGTH for an object that we have whole. */
static void transfer(struct gdb_session *s, const char *p, const void *object, size_t size)
{
	char out[1 + PAYLOAD_MAX / 2];
	uint64_t offset, len;

	if (!gdb_take_number(&p, &offset) || *p++ != ',' || !gdb_take_number(&p, &len)) {
		reply(s, "E01");
		return;
	}
	if (offset >= size) {
		reply(s, "l");
		return;
	}
	len = MIN(len, MIN(size - offset, sizeof(out) - 1));
	out[0] = offset + len < size ? 'm' : 'l';
	memcpy(out + 1, (const char *)object + offset, len);
	reply_bytes(s, out, len + 1);
}

static bool starts(const char **p, const char *prefix)
{
	size_t len = strlen(prefix);

	if (strncmp(*p, prefix, len) != 0)
		return false;
	*p += len;
	return true;
}

static bool thread_exists(const struct gdb_session *s, uint64_t tid)
{
	for (unsigned i = 0; i < s->nr_tids; i++)
		if (s->tids[i] == tid)
			return true;
	return false;
}

static void list_threads(struct gdb_session *s)
{
	char text[CAY_DEBUG_TIDS * 9 + 2] = "m";
	size_t len = 1;

	for (unsigned i = 0; i < s->nr_tids; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%x", i ? "," : "", s->tids[i]);
	reply_bytes(s, text, len);
}

/* H: for which thread registers are read (g); what is resumed (c) is always everything. 0 and -1 mean any. */
static enum gdb_action select_thread(struct gdb_session *s, const char *p)
{
	uint64_t tid;

	if (p[1] != 'g' || p[2] == '-' || strcmp(p + 2, "0") == 0) {
		reply(s, "OK");
		return GDB_READ_BYTES;
	}
	p += 2;
	if (!gdb_take_number(&p, &tid) || !thread_exists(s, tid)) {
		reply(s, "E03");
		return GDB_READ_BYTES;
	}
	if (tid == s->tid) {
		s->selected = s->tid;
		reply(s, "OK");
		return GDB_READ_BYTES;
	}
	s->addr = tid;
	return GDB_SELECT;
}

static void thread_alive(struct gdb_session *s, const char *p)
{
	uint64_t tid;

	reply(s, gdb_take_number(&p, &tid) && thread_exists(s, tid) ? "OK" : "E03");
}

static void query(struct gdb_session *s, const char *p)
{
	if (starts(&p, "qSupported"))
		replyf(s, "PacketSize=%x;qXfer:auxv:read+;qXfer:features:read+;QStartNoAckMode+",
		       2 * CAY_DEBUG_DATA_BYTES);
	else if (starts(&p, "qXfer:features:read:target.xml:"))
		transfer(s, p, target_xml, sizeof(target_xml) - 1);
	else if (starts(&p, "qXfer:auxv:read::"))
		transfer(s, p, s->auxv, s->auxv_bytes);
	else if (starts(&p, "qAttached"))
		reply(s, "1"); /* gdb's quit lets the program go on */
	else if (starts(&p, "qfThreadInfo"))
		list_threads(s);
	else if (starts(&p, "qsThreadInfo"))
		reply(s, "l");
	else if (strcmp(p, "qC") == 0)
		replyf(s, "QC%x", s->tid);
	else
		reply(s, "");
}

/* c, s, and with a signal C, S. The address to go on at, which may follow, is obsolete. */
static enum gdb_action resume(struct gdb_session *s, const char *p, bool step)
{
	uint64_t signo = 0;

	if ((*p == 'C' || *p == 'S') && (p++, !gdb_take_number(&p, &signo)))
		signo = 0;
	s->deliver = signal_from_gdb(signo);
	s->regs.rflags &= ~(uint64_t)RFLAGS_TF;
	if (step)
		s->regs.rflags |= RFLAGS_TF;
	return GDB_RESUME;
}

static enum gdb_action packet(struct gdb_session *s)
{
	const char *p = s->reader.data;

	switch (*p) {
	case '?':
		gdb_session_stopped(s, true);
		break;
	case 'g':
		read_registers(s);
		break;
	case 'G':
		write_registers(s, p + 1);
		break;
	case 'p':
		read_register(s, p + 1);
		break;
	case 'P':
		write_register(s, p + 1);
		break;
	case 'm':
		return read_memory(s, p + 1);
	case 'M':
	case 'X':
		return write_memory(s, p + 1, *p == 'X');
	case 'c':
	case 'C':
		return resume(s, p, false);
	case 's':
	case 'S':
		return resume(s, p, true);
	case 'D':
		reply(s, "OK");
		resume(s, p, false);
		return GDB_DETACH;
	case 'k':
		return GDB_KILL;
	case 'H':
		return select_thread(s, p);
	case 'T':
		thread_alive(s, p + 1);
		break;
	case 'q':
		query(s, p);
		break;
	case 'Q':
		if (strcmp(p, "QStartNoAckMode") == 0) {
			reply(s, "OK");
			s->no_ack = true;
			break;
		}
		reply(s, "");
		break;
	default:
		reply(s, ""); /* "not supported" */
	}
	return GDB_READ_BYTES;
}

void gdb_session_stopped(struct gdb_session *s, bool say)
{
	s->selected = s->tid;
	if (say)
		replyf(s, "T%02xthread:%x;", signal_to_gdb(s->signo), s->tid);
}

enum gdb_action gdb_session_byte(struct gdb_session *s, uint8_t byte)
{
	enum gdb_event event = gdb_read_byte(&s->reader, byte);

	if (event != GDB_PACKET && event != GDB_GARBLED)
		return GDB_READ_BYTES; /* an interrupt of what is stopped already is nothing */
	if (!s->no_ack && s->out_len < sizeof(s->out))
		s->out[s->out_len++] = event == GDB_PACKET ? '+' : '-';
	return event == GDB_PACKET ? packet(s) : GDB_READ_BYTES;
}

void gdb_session_result(struct gdb_session *s, enum gdb_action request, int64_t result)
{
	char text[2 * CAY_DEBUG_DATA_BYTES];

	if (request == GDB_SELECT && result == 0)
		s->selected = (unsigned)s->addr;
	if (request == GDB_WRITE || request == GDB_SELECT)
		reply(s, result == 0 ? "OK" : "E14");
	else if (result <= 0 || result > s->bytes)
		reply(s, "E14"); /* EFAULT */
	else
		reply_bytes(s, text, (size_t)(gdb_put_hex(text, s->data, (size_t)result) - text));
}

void gdb_session_ended(struct gdb_session *s, int wait_status)
{
	if (WIFSIGNALED(wait_status))
		replyf(s, "X%02x", signal_to_gdb(WTERMSIG(wait_status)));
	else
		replyf(s, "W%02x", WEXITSTATUS(wait_status));
}
