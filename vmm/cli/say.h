/* SPDX-License-Identifier: MIT */
/*
 * say.h - our words to the user: stderr only, one line, prefixed "cay: ", written at once (a line is never torn by the
 * program's own output). A good line says what failed, why, and what to do.
 */
#ifndef CAY_VMM_CLI_SAY_H
#define CAY_VMM_CLI_SAY_H

#include "lib/compiler.h"

/* Control characters in the text (a hostile file name, say) are shown as '?', so the line stays one line. */
void say_error(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Something the user may want to know, nothing that failed; the caller leaves it out under -q. */
void say_note(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
