/* SPDX-License-Identifier: MIT */
/*
 * lost_memory.h - the end of a VMM whose memory is gone: pages of a file that it has mapped cannot be had (SIGBUS),
 * because the file system has no room for them, or because somebody has shortened the file. Files that the guest maps
 * are not touched here (window.h); a link's segment is, with --pcap or a bad line.
 */
#ifndef CAY_VMM_CORE_LOST_MEMORY_H
#define CAY_VMM_CORE_LOST_MEMORY_H

#include "lib/compiler.h"

/*
 * From now on SIGBUS calls last_words(ctx), says so in one line, and ends the process with status 125. last_words must
 * be async-signal-safe, and use only calls that the sandbox allows. Threads that block SIGBUS are killed by it. 0 or
 * -errno.
 */
MUST_CHECK int lost_memory_catch(void (*last_words)(void *ctx), void *ctx);

#endif
