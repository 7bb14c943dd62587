/* SPDX-License-Identifier: MIT */
/* int3 again and again while a timer interrupts: each is one SIGTRAP, behind the instruction, whatever comes with it.
 */
#include "report.h"

#include <sys/time.h>
#include <ucontext.h>

#define ROUNDS 5000

static volatile sig_atomic_t traps, alarms;
static uintptr_t behind, elsewhere;

static void on_trap(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	traps++;
	if ((uintptr_t)((ucontext_t *)uc)->uc_mcontext.gregs[REG_RIP] != behind)
		elsewhere++;
}

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

int main(void)
{
	struct sigaction trap = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_RESTART};
	const struct itimerval often = {{0, 100}, {0, 100}};

	sigaction(SIGTRAP, &trap, NULL);
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < ROUNDS; i++)
		__asm__ volatile("lea 1f(%%rip), %%rax; mov %%rax, %0; int3; 1:" : "=m"(behind)::"rax", "memory");
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	report_eq(traps, ROUNDS);
	report_eq(elsewhere, 0);
	report(alarms > 0, "the timer rang meanwhile");
	return report_summary();
}
