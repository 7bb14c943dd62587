/* SPDX-License-Identifier: MIT */
/*
 * ldisc.h - the line discipline of a terminal (termios(3), POSIX chapter 11): what happens to bytes between the
 * keyboard side and the program. Pure: no waiting, no signals, no ioctl. Two queues: `in` holds what was typed and not
 * yet read, `out` what was written, echo included, and not yet shown. Invariant: in canonical mode the bytes before
 * line_end are complete lines, those behind it can still be edited.
 */
#ifndef CAY_KERNEL_DEV_LDISC_H
#define CAY_KERNEL_DEV_LDISC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <asm/termbits.h>

#define LDISC_QUEUE 4096u /* a power of two */

/* Positions count for ever; the place is the position modulo LDISC_QUEUE. */
struct ldisc_queue {
	uint8_t byte[LDISC_QUEUE];
	uint32_t head, tail; /* next to take, next to fill */
};

struct ldisc {
	struct ktermios tio;
	struct ldisc_queue in, out;
	uint8_t ends[LDISC_QUEUE / 8]; /* which bytes of `in` end a line; an end that is a 0 byte is an end of file */
	uint32_t line_end;             /* position in `in` */
	unsigned column;               /* of the cursor, for tabs */
	unsigned line_column;          /* where the line being edited began */
	bool literal_next;             /* after VLNEXT */
	bool stopped;                  /* by VSTOP */
};

/* What typed keys asked for besides. */
#define LDISC_SIGINT  (1u << 0)
#define LDISC_SIGQUIT (1u << 1)
#define LDISC_SIGTSTP (1u << 2)

void ldisc_init(struct ldisc *l); /* the settings that Linux gives a new terminal */

/* Bytes from the keyboard. Returns how many were taken: fewer when the queue is full. *keys: LDISC_SIG*, added. */
size_t ldisc_receive(struct ldisc *l, const uint8_t *data, size_t n, unsigned *keys);
/* Bytes that the program writes. Returns how many were taken; 0 while stopped or full. */
size_t ldisc_write(struct ldisc *l, const uint8_t *data, size_t n);

/* Is there a line, or in raw mode a byte? */
bool ldisc_readable(const struct ldisc *l);
/* Bytes of raw mode, or of complete lines. */
size_t ldisc_available(const struct ldisc *l);
/* For the program: at most one line in canonical mode. 0: nothing, or the end of file was taken. */
size_t ldisc_read(struct ldisc *l, uint8_t *buf, size_t n);

static inline size_t ldisc_queue_used(const struct ldisc_queue *q)
{
	return q->tail - q->head;
}
/* For the screen. */
size_t ldisc_show(struct ldisc *l, uint8_t *buf, size_t n);
/* May the keyboard side send more? */
bool ldisc_has_room(const struct ldisc *l);

void ldisc_flush_in(struct ldisc *l);
void ldisc_flush_out(struct ldisc *l);
/* New settings; what is queued is read by their rules from now on. */
void ldisc_set(struct ldisc *l, const struct ktermios *tio);

#endif
