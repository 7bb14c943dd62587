/* SPDX-License-Identifier: MIT */
#include "vmm/core/lost_memory.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "lib/fmt.h"

/* A signal handler has no other way to be told. Set once, before it can run. */
static void (*say_last_words)(void *ctx);
static void *last_words_ctx;

static void on_sigbus(int signo, siginfo_t *si, void *uc)
{
	char line[200];
	size_t len;

	(void)signo;
	(void)uc;
	say_last_words(last_words_ctx);
	len = fmt_snprintf(
		line, sizeof(line),
		"cay: memory that is shared with others is gone (at %p): the file system of a link's folder is "
		"full, or another process has shortened a file there\n",
		si->si_addr);
	if (write(STDERR_FILENO, line, MIN(len, sizeof(line) - 1)) < 0)
		_exit(125);
	_exit(125);
}

int lost_memory_catch(void (*last_words)(void *ctx), void *ctx)
{
	struct sigaction sa = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_RESETHAND};

	say_last_words = last_words;
	last_words_ctx = ctx;
	sigfillset(&sa.sa_mask);
	return sigaction(SIGBUS, &sa, NULL) == 0 ? 0 : -errno;
}
