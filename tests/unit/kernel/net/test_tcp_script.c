/* SPDX-License-Identifier: MIT */
/*
 * Conformance by scripts: tests/net/NAME.tcp, one segment or call a line, exact. See tests/net/README.md for the
 * format. All scripts are run, in order of their names, with a connection each.
 */
// SOURCES: @tcp
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/fs/file.h"
#include "kernel/net/tcp_priv.h"
#include "shim.h"

#define LINE_MAX_BYTES 200
#define OUTS_MAX       64
#define PEER_ISS       5000u
#define OUR_ISS        1000u

struct sent {
	struct tcp_out out;
	uint64_t at_ns;
};

static struct {
	const char *file;
	unsigned line;
	struct tcp_conn c;
	uint64_t start_ns, now_ns;
	struct sent outs[OUTS_MAX]; /* sent and not yet expected by the script */
	unsigned nr_outs;
	bool ts;
	uint32_t peer_ts;
	struct tcp_fast fast; /* what is known of the peer's cookie */
} t;

static int output(struct tcp_conn *c, const struct tcp_out *out)
{
	struct pbuf *p = pbuf_alloc(PBUF_HEADROOM, 0);

	assert_non_null(p);
	if (out->seg.len > 0)
		assert_true(tcp_sndq_attach(&c->sndq, out->seg.seq + !!(out->seg.flags & TCP_SYN), out->seg.len, p));
	pbuf_put(p);
	assert_true(t.nr_outs < OUTS_MAX);
	t.outs[t.nr_outs++] = (struct sent){*out, t.now_ns};
	return 0;
}

static void take_cookie(struct tcp_conn *c, const uint8_t *cookie, unsigned bytes)
{
	(void)c;
	(void)cookie;
	t.fast.bytes = (uint8_t)bytes;
}

static const struct tcp_conn_ops ops = {.output = output, .cookie = take_cookie};

static NORETURN void bad(const char *why, const char *what)
{
	fail_msg("%s:%u: %s: %s", t.file, t.line, why, what);
	abort();
}

/* ---- segments as text: FLAGS seq:end(len) ack N win N <options> ---- */

static void show_flags(uint8_t flags, char *out)
{
	static const struct {
		uint8_t bit;
		char c;
	} names[] = {{TCP_SYN, 'S'}, {TCP_FIN, 'F'}, {TCP_RST, 'R'}, {TCP_PSH, 'P'},
		     {TCP_URG, 'U'}, {TCP_ECE, 'E'}, {TCP_CWR, 'W'}, {TCP_ACK, '.'}};
	char *p = out;

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (flags & names[i].bit)
			*p++ = names[i].c;
	*p = '\0';
}

/* Relative numbers: ours begin at 0 with our SYN, the peer's with its. */
static void show(const struct tcp_out *o, char *out, size_t size)
{
	uint8_t wire[60];
	struct tcp_seg seg;
	char flags[12];
	int n;

	size_t bytes = tcp_wire_build(&o->seg, o->opt, o->opt_bytes, wire);
	assert_true(tcp_wire_parse(&seg, wire, bytes, bytes + o->seg.len));
	show_flags(seg.flags, flags);
	n = snprintf(out, size, "%s %u:%u(%u)", flags, seg.seq - OUR_ISS, seg.seq - OUR_ISS + seg.len, seg.len);
	if (seg.flags & TCP_ACK)
		n += snprintf(out + n, size - (size_t)n, " ack %u", seg.ack - PEER_ISS);
	if (seg.mss != 0)
		n += snprintf(out + n, size - (size_t)n, " mss %u", seg.mss);
	if (seg.sack_ok)
		n += snprintf(out + n, size - (size_t)n, " sackOK");
	if (seg.has_wscale)
		n += snprintf(out + n, size - (size_t)n, " wscale %u", seg.wscale);
	if (o->opt_bytes >= 2 && o->opt[o->opt_bytes - 2] == 34) /* a cookie is asked for */
		n += snprintf(out + n, size - (size_t)n, " cookie 0");
	if (seg.cookie_bytes != 0)
		n += snprintf(out + n, size - (size_t)n, " cookie %u", seg.cookie_bytes);
	for (unsigned i = 0; i < seg.nr_sack; i++)
		n += snprintf(out + n, size - (size_t)n, " sack %u:%u", seg.sack[i].start - PEER_ISS,
			      seg.sack[i].end - PEER_ISS);
}

static uint8_t flags_of(const char *word)
{
	uint8_t flags = 0;

	for (; *word != '\0'; word++)
		flags |= *word == 'S'   ? TCP_SYN
			 : *word == 'F' ? TCP_FIN
			 : *word == 'R' ? TCP_RST
			 : *word == 'P' ? TCP_PSH
			 : *word == 'U' ? TCP_URG
			 : *word == 'E' ? TCP_ECE
			 : *word == 'W' ? TCP_CWR
			 : *word == '.' ? TCP_ACK
					: 0;
	return flags;
}

static struct tcp_seg parse(char *text)
{
	struct tcp_seg seg = {.wnd = 65535};
	uint32_t seq, end, len;
	char *word = strtok(text, " ");

	if (word == NULL)
		bad("no segment", "");
	seg.flags = flags_of(word);
	word = strtok(NULL, " ");
	if (word == NULL || sscanf(word, "%u:%u(%u)", &seq, &end, &len) != 3)
		bad("no sequence", word != NULL ? word : "");
	seg.seq = seq + PEER_ISS;
	seg.len = len;
	while ((word = strtok(NULL, " ")) != NULL) {
		char *value = strcmp(word, "sackOK") == 0 || strcmp(word, "ce") == 0 ? "" : strtok(NULL, " ");
		if (value == NULL)
			bad("no value", word);
		uint32_t n = (uint32_t)strtoul(value, NULL, 10);
		if (strcmp(word, "ack") == 0) {
			seg.ack = n + OUR_ISS;
		} else if (strcmp(word, "win") == 0) {
			seg.wnd = (uint16_t)n;
		} else if (strcmp(word, "mss") == 0) {
			seg.mss = (uint16_t)n;
		} else if (strcmp(word, "sackOK") == 0) {
			seg.sack_ok = true;
		} else if (strcmp(word, "ce") == 0) {
			seg.ce = true;
		} else if (strcmp(word, "cookie") == 0) {
			seg.cookie_bytes = (uint8_t)n;
		} else if (strcmp(word, "urg") == 0) {
			seg.urg = (uint16_t)n;
		} else if (strcmp(word, "wscale") == 0) {
			seg.has_wscale = true;
			seg.wscale = (uint8_t)n;
		} else if (strcmp(word, "ts") == 0) { /* its clock; it echoes our present one unless told otherwise */
			seg.has_ts = true;
			seg.ts_val = n;
			seg.ts_ecr = (uint32_t)(t.now_ns / TCP_MS);
		} else if (strcmp(word, "ecr") == 0) { /* ms since the script began */
			seg.ts_ecr = n == 0 ? 0 : (uint32_t)(t.start_ns / TCP_MS) + n;
		} else if (strcmp(word, "sack") == 0 && seg.nr_sack < TCP_SACK_MAX) {
			uint32_t from, to;
			if (sscanf(value, "%u:%u", &from, &to) != 2)
				bad("bad block", value);
			seg.sack[seg.nr_sack++] = (struct tcp_sack_block){from + OUR_ISS, to + OUR_ISS};
		} else {
			bad("unknown word", word);
		}
	}
	return seg;
}

/* ---- steps ---- */

static void settle(void)
{
	tcp_conn_push(&t.c, t.now_ns);
}

static void advance(uint64_t to_ns)
{
	while (tcp_conn_deadline(&t.c) <= to_ns) {
		t.now_ns = MAX(t.now_ns, tcp_conn_deadline(&t.c));
		tcp_conn_timer(&t.c, t.now_ns);
		settle();
	}
	t.now_ns = to_ns;
}

static void step_in(char *text)
{
	struct tcp_seg seg = parse(text);
	struct pbuf *p = seg.len > 0 ? pbuf_alloc(0, seg.len) : NULL;

	if (p != NULL)
		memset(p->data, 'x', seg.len);
	tcp_conn_input(&t.c, &seg, p, t.now_ns);
	settle();
}

/* An optional "+MS" says when it left: since the last expected time stamp of the script, within a millisecond. */
static void step_out(char *text)
{
	char got[LINE_MAX_BYTES] = "nothing";
	uint64_t want_ns = 0;

	if (*text == '+') {
		want_ns = t.start_ns + (uint64_t)(strtod(text + 1, &text) * 1e6);
		while (*text == ' ')
			text++;
	}
	if (t.nr_outs > 0)
		show(&t.outs[0].out, got, sizeof(got));
	if (t.nr_outs == 0 || strcmp(got, text) != 0)
		fail_msg("%s:%u: wanted \"%s\", got \"%s\"", t.file, t.line, text, got);
	if (want_ns != 0 && (t.outs[0].at_ns + TCP_MS < want_ns || t.outs[0].at_ns > want_ns + TCP_MS))
		fail_msg("%s:%u: left at %.3f ms", t.file, t.line, (double)(t.outs[0].at_ns - t.start_ns) / 1e6);
	t.nr_outs--;
	memmove(t.outs, t.outs + 1, t.nr_outs * sizeof(t.outs[0]));
}

static void app_queue(uint32_t n)
{
	static uint8_t zeros[100000];
	struct uio_seg s = {zeros, n};
	struct uio uio = {.segs = &s, .nr_segs = 1, .resid = n, .kernel = true};

	if (tcp_sndq_write(&t.c.sndq, &uio, n) != (ssize_t)n)
		bad("cannot write", "");
}

static void app_write(uint32_t n)
{
	if (!tcp_conn_can_send(&t.c))
		bad("cannot write", "");
	app_queue(n);
	settle();
}

static void app_read(uint32_t n)
{
	if (t.c.rcvq.bytes < n)
		fail_msg("%s:%u: only %u bytes to read", t.file, t.line, t.c.rcvq.bytes);
	tcp_rcvq_take(&t.c.rcvq, n);
	tcp_conn_consumed(&t.c, n, t.now_ns);
	settle();
}

static const char *const states[] = {"",          "ESTABLISHED", "SYN_SENT",   "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",
				     "TIME_WAIT", "CLOSED",      "CLOSE_WAIT", "LAST_ACK", "LISTEN",    "CLOSING"};

static uint32_t value_of(const char *name)
{
	const struct tcp_conn *c = &t.c;

	if (strcmp(name, "cwnd") == 0) /* in segments */
		return c->cwnd / c->mss;
	if (strcmp(name, "ssthresh") == 0)
		return c->ssthresh / c->mss;
	if (strcmp(name, "error") == 0)
		return (uint32_t)c->error;
	if (strcmp(name, "readable") == 0)
		return c->rcvq.bytes;
	if (strcmp(name, "ahead") == 0)
		return c->rcvq.ahead_bytes;
	if (strcmp(name, "ca") == 0)
		return c->ca_state;
	if (strcmp(name, "cookie") == 0)
		return t.fast.bytes;
	if (strcmp(name, "taken") == 0)
		return c->fast_taken;
	bad("unknown value", name);
}

static void step_app(char *text)
{
	char *word = strtok(text, " "), *arg = strtok(NULL, " ");
	uint32_t n = arg != NULL ? (uint32_t)strtoul(arg, NULL, 10) : 0;

	if (strcmp(word, "connect") == 0) {
		tcp_conn_connect(&t.c, OUR_ISS, 0, t.now_ns);
	} else if (strcmp(word, "fastopen") == 0) { /* with so many bytes and a cookie; without: asks for one */
		tcp_conn_connect(&t.c, OUR_ISS, 0, t.now_ns);
		t.fast.bytes = n > 0 ? 8 : 0;
		t.c.fast = &t.fast;
		app_queue(n);
	} else if (strcmp(word, "accepted") == 0) { /* as a listener would, with all options but timestamps, or none */
		bool plain = arg != NULL && strcmp(arg, "plain") == 0;
		struct tcp_agreed a = {.iss = OUR_ISS,
				       .irs = PEER_ISS,
				       .snd_wnd = plain ? 65535 : 1024,
				       .rcv_wnd = 65535,
				       .mss_peer = 1000,
				       .sack_ok = !plain,
				       .wscale_ok = !plain,
				       .snd_wscale = plain ? 0 : 6,
				       .rcv_wscale = plain ? 0 : 6,
				       .ecn_ok = arg != NULL && strcmp(arg, "ecn") == 0};
		tcp_conn_accepted(&t.c, &a, t.now_ns);
		tcp_conn_set_cc(&t.c, &tcp_reno);
		tcp_rtt_sample(&t.c, 100 * TCP_MS);
	} else if (strcmp(word, "write") == 0) {
		app_write(n);
	} else if (strcmp(word, "read") == 0) {
		app_read(n);
	} else if (strcmp(word, "shutdown") == 0) {
		tcp_conn_shutdown(&t.c, t.now_ns);
	} else if (strcmp(word, "close") == 0) {
		tcp_conn_close(&t.c, t.now_ns);
	} else if (strcmp(word, "nodelay") == 0) {
		t.c.nodelay = true;
	} else if (strcmp(word, "noquick") == 0) {
		t.c.quick_acks = 0;
	} else if (strcmp(word, "rcvbuf") == 0) {
		t.c.rcvbuf = n;
		t.c.rcvbuf_locked = true;
	} else if (strcmp(word, "mem") == 0) {
		t.c.mem_level = strcmp(arg, "full") == 0       ? TCP_MEM_FULL
				: strcmp(arg, "pressure") == 0 ? TCP_MEM_PRESSURE
							       : TCP_MEM_ENOUGH;
	} else if (strcmp(word, "prune") == 0) {
		tcp_conn_prune(&t.c);
	} else if (strcmp(word, "mtu") == 0) {
		tcp_conn_set_mss_path(&t.c, (uint16_t)(n - 40));
	} else {
		bad("unknown call", word);
	}
	settle();
}

static void step_check(char *text)
{
	char *word = strtok(text, " "), *arg = strtok(NULL, " ");

	if (strcmp(word, "state") == 0) {
		if (strcmp(states[t.c.state], arg) != 0)
			bad("state is", states[t.c.state]);
	} else if (value_of(word) != strtoul(arg, NULL, 10)) {
		fail_msg("%s:%u: %s is %u", t.file, t.line, word, value_of(word));
	}
}

static void run_line(char *line)
{
	switch (*line) {
	case '<':
		step_in(line + 2);
		break;
	case '>':
		step_out(line + 2);
		break;
	case '=':
		step_check(line + 2);
		break;
	case '@': /* ms since the beginning */
		advance(t.start_ns + (uint64_t)(strtod(line + 1, NULL) * 1e6));
		break;
	default:
		step_app(line);
	}
}

static void finish(void)
{
	char got[LINE_MAX_BYTES];

	if (t.nr_outs > 0) {
		show(&t.outs[0].out, got, sizeof(got));
		bad("sent and not expected", got);
	}
	tcp_conn_free(&t.c);
	assert_int_equal(shim_pages_in_use(), 0);
}

static void run_script(const char *path)
{
	char line[LINE_MAX_BYTES];
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	memset(&t, 0, sizeof(t));
	t.file = path;
	t.start_ns = t.now_ns = 100 * TCP_SEC;
	tcp_conn_init(&t.c, &ops, 1460);
	while (fgets(line, sizeof(line), f) != NULL) {
		t.line++;
		line[strcspn(line, "#\n")] = '\0';
		for (size_t n = strlen(line); n > 0 && line[n - 1] == ' ';)
			line[--n] = '\0';
		/* Whatever was sent must be expected before the next thing happens. */
		char got[LINE_MAX_BYTES];
		if (line[0] != '\0' && line[0] != '>' && line[0] != '=' && t.nr_outs > 0) {
			show(&t.outs[0].out, got, sizeof(got));
			bad("sent and not expected", got);
		}
		if (line[0] != '\0')
			run_line(line);
	}
	fclose(f);
	finish();
}

static int is_script(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return dot != NULL && strcmp(dot, ".tcp") == 0;
}

static void test_scripts(void **state)
{
	struct dirent **names;
	int nr = scandir("tests/net", &names, is_script, alphasort);

	(void)state;
	assert_true(nr > 0);
	for (int i = 0; i < nr; i++) {
		char path[300];
		snprintf(path, sizeof(path), "tests/net/%s", names[i]->d_name);
		run_script(path);
		free(names[i]);
	}
	free(names);
	print_message("%d scripts\n", nr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_scripts)};
	return RUN_TESTS(tests);
}
