/* SPDX-License-Identifier: MIT */
/*
 * gdb_session.h - the conversation with gdb while the program stands still: what gdb asks, what is answered, and what
 * the program's memory must be asked for. Pure: a state machine between the bytes of the connection and requests to the
 * target.
 *
 * Breakpoints are gdb's own: it writes int3 through us, so there is no list of them here. Registers of threads other
 * than the one that stopped can be read, not written; resuming resumes all.
 */
#ifndef CAY_VMM_DEBUG_GDB_SESSION_H
#define CAY_VMM_DEBUG_GDB_SESSION_H

#include "abi/debug.h"
#include "vmm/debug/gdb_packet.h"

enum gdb_action {
	GDB_READ_BYTES, /* give more bytes from gdb: gdb_session_byte */
	GDB_READ,       /* read session.bytes at session.addr of the program: gdb_session_result */
	GDB_WRITE,      /* write session.data likewise */
	GDB_SELECT,     /* fill session.other with the registers of thread session.addr */
	GDB_RESUME,     /* let it run with session.regs; the trap flag there says whether one instruction only */
	GDB_DETACH,     /* as RESUME, and no further stops */
	GDB_KILL,
};

struct gdb_session {
	struct gdb_reader reader;
	bool no_ack;
	/* the stop */
	struct cay_debug_regs regs;
	int signo;   /* Linux's number, as all signals here */
	int deliver; /* GDB_RESUME, GDB_DETACH: what the program gets, 0 = nothing */
	unsigned tid;
	uint32_t tids[CAY_DEBUG_TIDS]; /* all threads */
	unsigned nr_tids;
	unsigned selected; /* whose registers gdb reads */
	struct cay_debug_regs other;
	uint8_t auxv[CAY_DEBUG_AUXV_BYTES];
	size_t auxv_bytes;
	/* the request to the target */
	uint64_t addr;
	uint32_t bytes;
	uint8_t data[CAY_DEBUG_DATA_BYTES];
	/* to gdb: taken by the caller after each call, who sets out_len to 0 */
	char out[2 * (2 * CAY_DEBUG_DATA_BYTES + 512) + 8];
	size_t out_len;
};

/* The program stopped; s->regs, signo, tid and auxv are set. say: gdb is waiting to hear of it. */
void gdb_session_stopped(struct gdb_session *s, bool say);
/* One byte from gdb while stopped. */
enum gdb_action gdb_session_byte(struct gdb_session *s, uint8_t byte);
/* The answer to GDB_READ (bytes read; data in s->data) GDB_WRITE, GDB_SELECT (0 or negative). */
void gdb_session_result(struct gdb_session *s, enum gdb_action request, int64_t result);
/* The program ended, with a wait(2) status. */
void gdb_session_ended(struct gdb_session *s, int wait_status);

#endif
