/* SPDX-License-Identifier: MIT */
/* fuzz_gdb_session.c - any bytes from gdb, any answers from a hostile kernel. */
// SOURCES: vmm/debug/gdb_session.c vmm/debug/gdb_packet.c
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/debug/gdb_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gdb_session s;

	memset(&s, 0, sizeof(s));
	s.auxv_bytes = sizeof(s.auxv);
	s.nr_tids = CAY_DEBUG_TIDS;
	for (size_t i = 0; i < size; i++) {
		enum gdb_action action = gdb_session_byte(&s, data[i]);

		if (s.bytes > CAY_DEBUG_DATA_BYTES || s.out_len > sizeof(s.out))
			abort();
		if (action == GDB_READ || action == GDB_WRITE || action == GDB_SELECT)
			gdb_session_result(&s, action, (int8_t)data[i] * (int64_t)data[size - 1]);
		if (i % 3)
			s.out_len = 0; /* at times nobody takes what is said */
	}
	return 0;
}
