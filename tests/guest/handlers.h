/* SPDX-License-Identifier: MIT */
/* handlers.h - for guest tests of signals: handlers that note what came, and what sets them. */
#ifndef CAY_TESTS_GUEST_HANDLERS_H
#define CAY_TESTS_GUEST_HANDLERS_H

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t hits, last_sig, last_value, order[16], nr_order;
static siginfo_t last_si;

static inline void count(int sig)
{
	hits++;
	last_sig = sig;
	if (nr_order < 16)
		order[nr_order++] = sig;
}

static inline void count_info(int sig, siginfo_t *si, void *uc)
{
	(void)uc;
	last_si = *si;
	last_value = si->si_value.sival_int;
	count(sig);
}

static inline void reset(void)
{
	hits = nr_order = last_sig = 0;
}

static inline void handle(int sig, void (*fn)(int), int flags)
{
	struct sigaction sa = {.sa_handler = fn, .sa_flags = flags};

	sigaction(sig, &sa, NULL);
}

static inline void handle_info(int sig, int flags)
{
	struct sigaction sa = {.sa_sigaction = count_info, .sa_flags = flags | SA_SIGINFO};

	sigaction(sig, &sa, NULL);
}

static inline void mask(int how, int sig)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, sig);
	sigprocmask(how, &s, NULL);
}

#endif
