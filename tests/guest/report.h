/* SPDX-License-Identifier: MIT */
/*
 * report.h - results of a test program that runs inside the VM, and on Linux itself as the oracle.
 * report() goes on after a failure; the exit status says whether there was one. Lines: "PASS name", "FAIL name", "SKIP
 * name: why". A name must not depend on addresses or times: the host's run and the VM's are compared line by line.
 */
#ifndef CAY_TESTS_GUEST_REPORT_H
#define CAY_TESTS_GUEST_REPORT_H

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int report_failures, report_total;

__attribute__((format(printf, 2, 3), unused)) static bool report(bool ok, const char *fmt, ...)
{
	va_list ap;

	printf("%s ", ok ? "PASS" : "FAIL");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	report_total++;
	report_failures += !ok;
	return ok;
}

/* The expression must fail with this errno; what it gave instead goes to stderr. */
#define report_errno(expr, want)                                                                                       \
	({                                                                                                             \
		errno = 0;                                                                                             \
		long r_ = (long)(expr);                                                                                \
		int e_ = errno;                                                                                        \
		if (!(r_ == -1 && e_ == (want)))                                                                       \
			fprintf(stderr, "%s: returned %ld, errno %d (%s), wanted %s\n", #expr, r_, e_, strerror(e_),   \
				#want);                                                                                \
		report(r_ == -1 && e_ == (want), "%s -> %s", #expr, #want);                                            \
	})

/* The expression must be true; errno goes to stderr when it is not. */
#define report_true(expr)                                                                                              \
	({                                                                                                             \
		errno = 0;                                                                                             \
		bool t_ = (expr);                                                                                      \
		if (!t_)                                                                                               \
			fprintf(stderr, "%s: false (errno %d)\n", #expr, errno);                                       \
		report(t_, "%s", #expr);                                                                               \
	})

/* The expression must give this number. */
#define report_eq(expr, want)                                                                                          \
	({                                                                                                             \
		errno = 0;                                                                                             \
		long v_ = (long)(expr), w_ = (long)(want);                                                             \
		if (v_ != w_)                                                                                          \
			fprintf(stderr, "%s: is %ld (errno %d), wanted %ld\n", #expr, v_, errno, w_);                  \
		report(v_ == w_, "%s == %s", #expr, #want);                                                            \
	})

/* True in one try of many: for what a busy machine, or a busy host of the VM, may spoil now and then. */
#define report_sometime(expr)                                                                                          \
	({                                                                                                             \
		bool t_ = false;                                                                                       \
		for (int i_ = 0; i_ < 50 && !t_; i_++)                                                                 \
			t_ = (expr);                                                                                   \
		report(t_, "%s, sometime", #expr);                                                                     \
	})

static inline void report_skip(const char *name, const char *why)
{
	printf("SKIP %s: %s\n", name, why);
	fflush(stdout);
}

/* Faults: the signal that running `stmt` raised (0 = none), with its code and address in report_si. */
static sigjmp_buf report_jmp;
static siginfo_t report_si __attribute__((unused));

static void report_on_fault(int sig, siginfo_t *si, void *uc)
{
	(void)uc;
	report_si = *si;
	siglongjmp(report_jmp, sig);
}

static inline void report_catch_faults(void)
{
	static char stack[65536];
	stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction sa = {.sa_sigaction = report_on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	sigaltstack(&ss, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
	sigaction(SIGFPE, &sa, NULL);
	sigaction(SIGTRAP, &sa, NULL);
}

#define fault_of(stmt)                                                                                                 \
	({                                                                                                             \
		volatile int sig_ = sigsetjmp(report_jmp, 1);                                                          \
		if (sig_ == 0) {                                                                                       \
			stmt;                                                                                          \
		}                                                                                                      \
		sig_;                                                                                                  \
	})

static inline int report_summary(void)
{
	printf("%d tests, %d failed\n", report_total, report_failures);
	return report_failures != 0;
}

#endif
