/* SPDX-License-Identifier: MIT */
/* ldisc.c - see ldisc.h. Names of flags and characters are those of termios(3). */
#include "kernel/dev/ldisc.h"

#include "lib/compiler.h"
#include "lib/string.h"

#define TAB_COLUMNS 8u
#define ECHO_ROOM   16u /* the most that one byte of input or output makes */
#define DISABLED    0u  /* _POSIX_VDISABLE */

#define PLACE(pos) ((pos) % LDISC_QUEUE)

static bool put(struct ldisc_queue *q, uint8_t c)
{
	if (ldisc_queue_used(q) == LDISC_QUEUE)
		return false;
	q->byte[PLACE(q->tail++)] = c;
	return true;
}

static size_t room(const struct ldisc_queue *q)
{
	return LDISC_QUEUE - ldisc_queue_used(q);
}

static bool is_end(const struct ldisc *l, uint32_t pos)
{
	return l->ends[PLACE(pos) / 8] >> (pos % 8) & 1;
}

static void mark_end(struct ldisc *l, uint32_t pos, bool end)
{
	uint8_t bit = (uint8_t)(1u << (pos % 8));

	l->ends[PLACE(pos) / 8] = (uint8_t)(end ? l->ends[PLACE(pos) / 8] | bit : l->ends[PLACE(pos) / 8] & ~bit);
}

void ldisc_init(struct ldisc *l)
{
	static const uint8_t cc[NCCS] = {
		[VINTR] = 3,     [VQUIT] = 28,   [VERASE] = 127, [VKILL] = 21, [VEOF] = 4,
		[VMIN] = 1,      [VSTART] = 17,  [VSTOP] = 19,   [VSUSP] = 26, [VREPRINT] = 18,
		[VDISCARD] = 15, [VWERASE] = 23, [VLNEXT] = 22,
	};

	memset(l, 0, sizeof(*l));
	l->tio.c_iflag = ICRNL | IXON;
	l->tio.c_oflag = OPOST | ONLCR;
	l->tio.c_cflag = B38400 | CS8 | CREAD;
	l->tio.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
	l->tio.c_ispeed = l->tio.c_ospeed = 38400;
	memcpy(l->tio.c_cc, cc, sizeof(cc));
}

static bool has(const struct ldisc *l, unsigned local_flag)
{
	return l->tio.c_lflag & local_flag;
}

static bool is_char(const struct ldisc *l, unsigned which, uint8_t c)
{
	return l->tio.c_cc[which] == c && c != DISABLED;
}

/* One byte to the screen by c_oflag. There is room. */
static void show(struct ldisc *l, uint8_t c)
{
	unsigned o = l->tio.c_oflag;

	if (!(o & OPOST)) {
		(void)put(&l->out, c);
		return;
	}
	switch (c) {
	case '\n':
		if (o & ONLCR)
			(void)put(&l->out, '\r');
		if (o & (ONLCR | ONLRET))
			l->column = 0;
		break;
	case '\r':
		if ((o & ONOCR) && l->column == 0)
			return;
		if (o & OCRNL)
			c = '\n';
		if (c == '\r' || (o & ONLRET))
			l->column = 0;
		break;
	case '\t': {
		unsigned spaces = TAB_COLUMNS - l->column % TAB_COLUMNS;

		l->column += spaces;
		if ((o & TABDLY) == XTABS) {
			while (spaces-- > 0)
				(void)put(&l->out, ' ');
			return;
		}
		break;
	}
	case '\b':
		l->column -= l->column > 0;
		break;
	default:
		if (c >= 0x20 && c != 0x7f && (c & 0xc0) != 0x80) /* not the rest of a character of UTF-8 */
			l->column++;
	}
	(void)put(&l->out, c);
}

size_t ldisc_write(struct ldisc *l, const uint8_t *data, size_t n)
{
	size_t i = 0;

	if (l->stopped)
		return 0;
	while (i < n && room(&l->out) > ECHO_ROOM)
		show(l, data[i++]);
	return i;
}

static bool is_control(uint8_t c)
{
	return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f;
}

static void echo(struct ldisc *l, uint8_t c)
{
	if (room(&l->out) <= ECHO_ROOM)
		return; /* what nobody reads is lost */
	if (has(l, ECHOCTL) && is_control(c)) {
		show(l, '^');
		show(l, c ^ 0x40);
	} else {
		show(l, c);
	}
}

/* Columns that the byte before `pos` of the line takes; UTF-8: the whole character goes, see erase. */
static unsigned width(const struct ldisc *l, uint8_t c)
{
	if (is_control(c))
		return has(l, ECHOCTL) ? 2 : 0;
	return (c & 0xc0) == 0x80 && (l->tio.c_iflag & IUTF8) ? 0 : 1;
}

/* Where the cursor is behind the line as it is now. */
static unsigned line_width(const struct ldisc *l)
{
	unsigned column = l->line_column;

	for (uint32_t p = l->line_end; p != l->in.tail; p++) {
		uint8_t c = l->in.byte[PLACE(p)];

		column += c == '\t' ? TAB_COLUMNS - column % TAB_COLUMNS : width(l, c);
	}
	return column;
}

static void rub_out(struct ldisc *l, unsigned columns)
{
	while (columns-- > 0 && room(&l->out) > ECHO_ROOM) {
		show(l, '\b');
		show(l, ' ');
		show(l, '\b');
	}
}

/* Takes the last character off the line; false when there is none. */
static bool drop_last(struct ldisc *l, uint8_t *last)
{
	if (l->in.tail == l->line_end)
		return false;
	do
		*last = l->in.byte[PLACE(--l->in.tail)];
	while ((l->tio.c_iflag & IUTF8) && (*last & 0xc0) == 0x80 && l->in.tail != l->line_end);
	return true;
}

static void erase_shown(struct ldisc *l, unsigned before, uint8_t c)
{
	if (!has(l, ECHO))
		return;
	if (!has(l, ECHOE))
		echo(l, c);
	else
		rub_out(l, before - line_width(l));
}

static void erase_char(struct ldisc *l, uint8_t c)
{
	unsigned before = line_width(l);
	uint8_t last;

	if (drop_last(l, &last))
		erase_shown(l, before, c);
}

static bool is_word(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

static void erase_word(struct ldisc *l, uint8_t c)
{
	unsigned before = line_width(l);
	bool in_word = false;
	uint8_t last;

	while (l->in.tail != l->line_end) {
		if (is_word(l->in.byte[PLACE(l->in.tail - 1)]))
			in_word = true;
		else if (in_word)
			break;
		(void)drop_last(l, &last);
	}
	erase_shown(l, before, c);
}

static void kill_line(struct ldisc *l, uint8_t c)
{
	unsigned before = line_width(l);

	l->in.tail = l->line_end;
	if (!has(l, ECHO))
		return;
	if (has(l, ECHOK) && has(l, ECHOKE) && has(l, ECHOE)) {
		rub_out(l, before - line_width(l));
		return;
	}
	echo(l, c);
	if (has(l, ECHOK))
		echo(l, '\n');
}

static void reprint(struct ldisc *l, uint8_t c)
{
	echo(l, c);
	echo(l, '\n');
	l->line_column = 0;
	for (uint32_t p = l->line_end; p != l->in.tail; p++)
		echo(l, l->in.byte[PLACE(p)]);
}

/* Adds a byte to the line; false when the queue is full. */
static bool add(struct ldisc *l, uint8_t c, bool ends_line)
{
	/* In canonical mode one place stays free for the end of the line: typing it must always work. */
	if (room(&l->in) <= (has(l, ICANON) && !ends_line ? 1u : 0u))
		return false;
	if (l->in.tail == l->line_end)
		l->line_column = l->column;
	mark_end(l, l->in.tail, ends_line);
	(void)put(&l->in, c);
	if (ends_line)
		l->line_end = l->in.tail;
	return true;
}

static void echo_typed(struct ldisc *l, uint8_t c)
{
	if (has(l, ECHO) || (c == '\n' && has(l, ECHONL) && has(l, ICANON)))
		echo(l, c);
}

/* Signals, flow control. True: the byte was that. */
static bool is_special(struct ldisc *l, uint8_t c, unsigned *keys)
{
	unsigned key = 0;

	if (l->tio.c_iflag & IXON) {
		if (is_char(l, VSTART, c) || is_char(l, VSTOP, c)) {
			l->stopped = !is_char(l, VSTART, c);
			return true;
		}
		if (l->stopped && (l->tio.c_iflag & IXANY))
			l->stopped = false;
	}
	if (!has(l, ISIG))
		return false;
	if (is_char(l, VINTR, c))
		key = LDISC_SIGINT;
	else if (is_char(l, VQUIT, c))
		key = LDISC_SIGQUIT;
	else if (is_char(l, VSUSP, c))
		key = LDISC_SIGTSTP;
	if (key == 0)
		return false;
	*keys |= key;
	l->stopped = false;
	if (!has(l, NOFLSH)) {
		ldisc_flush_in(l);
		ldisc_flush_out(l);
	}
	if (has(l, ECHO))
		echo(l, c);
	return true;
}

/* Editing of the line. True: the byte was that. */
static bool is_editing(struct ldisc *l, uint8_t c)
{
	if (is_char(l, VERASE, c))
		erase_char(l, c);
	else if (is_char(l, VKILL, c))
		kill_line(l, c);
	else if (has(l, IEXTEN) && is_char(l, VWERASE, c))
		erase_word(l, c);
	else if (has(l, IEXTEN) && has(l, ECHO) && is_char(l, VREPRINT, c))
		reprint(l, c);
	else
		return false;
	return true;
}

static bool receive_literal(struct ldisc *l, uint8_t c)
{
	l->literal_next = false;
	if (!add(l, c, false))
		return false;
	echo_typed(l, c);
	return true;
}

/* False: no room, the byte was not taken. */
static bool receive(struct ldisc *l, uint8_t c, unsigned *keys)
{
	unsigned i = l->tio.c_iflag;

	if (i & ISTRIP)
		c &= 0x7f;
	if (l->literal_next)
		return receive_literal(l, c);
	if (is_special(l, c, keys))
		return true;
	if (c == '\r' && (i & IGNCR))
		return true;
	if (c == '\r' && (i & ICRNL))
		c = '\n';
	else if (c == '\n' && (i & INLCR))
		c = '\r';
	if (has(l, IEXTEN) && has(l, ICANON) && is_char(l, VLNEXT, c)) {
		l->literal_next = true;
		if (has(l, ECHO) && has(l, ECHOCTL) && room(&l->out) > ECHO_ROOM) {
			(void)put(&l->out, '^');
			(void)put(&l->out, '\b');
		}
		return true;
	}
	if (!has(l, ICANON)) {
		if (!add(l, c, false))
			return false;
		l->line_end = l->in.tail;
		echo_typed(l, c);
		return true;
	}
	if (is_editing(l, c))
		return true;
	if (is_char(l, VEOF, c))
		return add(l, 0, true);
	if (c == '\n' || is_char(l, VEOL, c) || (has(l, IEXTEN) && is_char(l, VEOL2, c))) {
		if (!add(l, c, true))
			return false;
		echo_typed(l, c);
		return true;
	}
	if (!add(l, c, false)) {
		if (l->in.head != l->line_end)
			return false; /* complete lines wait for their reader */
		echo(l, '\a'); /* the line is too long: the byte is lost, but the end of the line must come through */
		return true;
	}
	echo_typed(l, c);
	return true;
}

size_t ldisc_receive(struct ldisc *l, const uint8_t *data, size_t n, unsigned *keys)
{
	size_t i = 0;

	while (i < n && receive(l, data[i], keys))
		i++;
	return i;
}

bool ldisc_has_room(const struct ldisc *l)
{
	return room(&l->in) > 1 || (has(l, ICANON) && l->in.head == l->line_end);
}

size_t ldisc_available(const struct ldisc *l)
{
	return (has(l, ICANON) ? l->line_end : l->in.tail) - l->in.head;
}

bool ldisc_readable(const struct ldisc *l)
{
	return ldisc_available(l) > 0;
}

size_t ldisc_read(struct ldisc *l, uint8_t *buf, size_t n)
{
	size_t available = ldisc_available(l), got = 0;

	while (got < n && available-- > 0) {
		uint32_t pos = l->in.head++;
		uint8_t c = l->in.byte[PLACE(pos)];
		bool end = has(l, ICANON) && is_end(l, pos);

		if (end && c == 0)
			break;
		buf[got++] = c;
		if (end)
			break;
		/* An end of file right behind what fitted belongs to it: the next read must not take it for another. */
		if (got == n && available > 0 && has(l, ICANON) && is_end(l, l->in.head) &&
		    l->in.byte[PLACE(l->in.head)] == 0)
			l->in.head++;
	}
	return got;
}

size_t ldisc_show(struct ldisc *l, uint8_t *buf, size_t n)
{
	size_t got = 0;

	while (got < n && l->out.head != l->out.tail)
		buf[got++] = l->out.byte[PLACE(l->out.head++)];
	return got;
}

void ldisc_flush_in(struct ldisc *l)
{
	l->in.head = l->in.tail = l->line_end;
}

void ldisc_flush_out(struct ldisc *l)
{
	l->out.head = l->out.tail;
}

void ldisc_set(struct ldisc *l, const struct ktermios *tio)
{
	bool was_canonical = has(l, ICANON);

	l->tio = *tio;
	if (was_canonical == has(l, ICANON))
		return;
	/* Between the modes everything typed so far counts as entered. */
	l->line_end = l->in.tail;
	if (l->in.tail != l->in.head && has(l, ICANON))
		for (uint32_t p = l->in.head; p != l->in.tail; p++)
			mark_end(l, p, false);
	l->literal_next = false;
}
