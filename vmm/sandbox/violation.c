/* SPDX-License-Identifier: MIT */
/*
 * violation.c - the handler of SIGSYS. The forbidden call was not made. Ending by ourselves instead of being killed
 * lets the terminal be restored and the call be named; code that has taken over the process gains nothing by it,
 * because every further forbidden call ends here again.
 */
#include "vmm/sandbox/violation.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "lib/fmt.h"

/* A signal handler has no other way to be told. Set once, before it can run. */
static void (*say_last_words)(void *ctx);
static void *last_words_ctx;

static void on_sigsys(int signo, siginfo_t *si, void *uc)
{
	char line[160];
	size_t len;

	(void)signo;
	(void)uc;
	if (say_last_words)
		say_last_words(last_words_ctx);
	len = fmt_snprintf(line, sizeof(line),
			   "cay: the sandbox refused system call %d of the VMM (at %p): a bug in cay, or an attack by "
			   "the guest; please report it\n",
			   si->si_syscall, si->si_call_addr);
	if (write(STDERR_FILENO, line, MIN(len, sizeof(line) - 1)) < 0)
		_exit(125);
	_exit(125);
}

int violation_catch(void (*last_words)(void *ctx), void *ctx)
{
	struct sigaction sa = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO};

	say_last_words = last_words;
	last_words_ctx = ctx;
	sigfillset(&sa.sa_mask);
	return sigaction(SIGSYS, &sa, NULL) == 0 ? 0 : -errno;
}
