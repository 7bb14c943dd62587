/* SPDX-License-Identifier: MIT */
/* The instruction decoder on any bytes: never looks past the end, and what it says about an instruction is consistent.
 */
// SOURCES: lib/x86_length.c
#include <stdlib.h>
#include <string.h>

#include "lib/x86_length.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (size_t at = 0; at < size;) {
		size_t avail = size - at;
		uint8_t *exact = malloc(avail); /* so that one byte too far is seen */
		struct x86_insn insn, again;
		bool ok;

		memcpy(exact, data + at, avail);
		ok = x86_decode(exact, avail, &insn);
		if (ok) {
			if (insn.length == 0 || insn.length > X86_INSN_MAX || insn.length > avail)
				abort();
			if (insn.disp_bytes != 0 && insn.disp_offset + insn.disp_bytes > insn.length)
				abort();
			/* With exactly its own bytes it decodes to the same. */
			if (!x86_decode(exact, insn.length, &again) || again.length != insn.length ||
			    again.flow != insn.flow)
				abort();
			/* With a byte less it does not decode. */
			if (x86_decode(exact, insn.length - 1u, &again))
				abort();
		}
		free(exact);
		at += ok ? insn.length : 1;
	}
	return 0;
}
