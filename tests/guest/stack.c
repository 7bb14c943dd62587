/* SPDX-License-Identifier: MIT */
/* The stack grows as Linux's does and ends at its limit in SIGSEGV; alternate stacks; faults in threads' guards. */
#include "report.h"

#include <alloca.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static volatile long depth;

/* The recursion is the test. */
#pragma GCC diagnostic ignored "-Winfinite-recursion"
__attribute__((noinline)) static int forever(int n)
{
	volatile char frame[1000];

	frame[n % 1000] = 1;
	depth++;
	return forever(n + 1) + frame[0];
}

__attribute__((noinline)) static void touch(size_t bytes)
{
	volatile char *p = alloca(bytes);

	p[0] = 1;
}

static void *thread_overflow(void *arg)
{
	report_catch_faults(); /* an alternate stack belongs to one thread */
	*(int *)arg = fault_of(forever(1));
	return NULL;
}

/* mov $42, %eax; ret: written somewhere below, and called. */
__attribute__((noinline)) static int run_on_stack(size_t below)
{
	static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3};
	volatile unsigned char *at = alloca(below + sizeof(code));

	for (size_t i = 0; i < sizeof(code); i++)
		at[i] = code[i];
	return ((int (*)(void))(uintptr_t)at)();
}

/* What the C library does for a library that wants an executable stack (GHC's, old assembly): it names one page of it.
 */
static void test_executable_stack(void)
{
	const int rwx = PROT_READ | PROT_WRITE | PROT_EXEC;
	char here;
	char *page = (char *)((uintptr_t)&here & ~4095ul);
	char *other = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	report_eq(fault_of(run_on_stack(0)), SIGSEGV);
	report_errno(mprotect(other, 4096, rwx | PROT_GROWSDOWN), EINVAL);
	report_errno(mprotect(other, 4096, rwx | PROT_GROWSUP), EINVAL);
	report_errno(mprotect(page, 4096, rwx | PROT_GROWSDOWN | PROT_GROWSUP), EINVAL);
	report_eq(mprotect(page, 4096, rwx | PROT_GROWSDOWN), 0);
	report_eq(run_on_stack(0), 42);
	report_eq(run_on_stack(100000), 42);
	report_eq(run_on_stack(6 << 20), 42); /* what grows later, too */
	report_eq(mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_GROWSDOWN), 0);
	report_eq(fault_of(run_on_stack(100000)), SIGSEGV);
	munmap(other, 8192);
}

int main(void)
{
	struct rlimit r;
	pthread_t t;
	pthread_attr_t attr;
	int sig = -1;

	report_catch_faults();
	getrlimit(RLIMIT_STACK, &r);
	report(r.rlim_cur >= 1 << 20, "the stack may grow to a megabyte at least");
	report_eq(fault_of(touch(4 << 20)), 0);
	report_eq(fault_of(forever(1)), SIGSEGV);
	report(depth > 5000, "before it ends it holds thousands of frames");
	depth = 0;
	report_eq(fault_of(forever(1)), SIGSEGV);
	report(depth > 5000, "and a second time");
	test_executable_stack();
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 128 << 10);
	report_eq(pthread_create(&t, &attr, thread_overflow, &sig), 0);
	report_eq(pthread_join(t, NULL), 0);
	report_eq(sig, SIGSEGV);
	return report_summary();
}
