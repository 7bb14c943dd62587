/* SPDX-License-Identifier: MIT */
/* Restartable sequences, through the area that glibc registers: a critical section that never ends by itself must be
 * aborted. */
#include "report.h"

#include <linux/rseq.h>
#include <pthread.h>
#include <sched.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static struct rseq *area(void)
{
	return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

/* Spins inside a section until the kernel sends it to the abort address. Returns the number of aborts: 1. */
static int spin_in_section(void)
{
	static struct rseq_cs cs __attribute__((aligned(32)));
	int aborted = 0;

	__asm__ volatile goto(
		"lea 1f(%%rip), %%rax\n mov %%rax, 8(%[cs])\n"
		"lea 2f(%%rip), %%rcx\n sub %%rax, %%rcx\n mov %%rcx, 16(%[cs])\n"
		"lea 3f(%%rip), %%rax\n mov %%rax, 24(%[cs])\n"
		"mov %[cs], %[slot]\n"
		"1: pause\n jmp 1b\n 2: ud2\n"
		".byte 0x0f, 0xb9, 0x3d\n .long %c[sig]\n" /* ud1: the signature before the abort address */
		"3: jmp %l[abort]\n"
		:
		: [cs] "r"(&cs), [slot] "m"(area()->rseq_cs), [sig] "i"(RSEQ_SIG)
		: "rax", "rcx", "memory", "cc"
		: abort);
	return -1;
abort:
	aborted++;
	return aborted;
}

static void on_alarm(int sig)
{
	(void)sig;
}

static volatile bool stop;

static void *spin(void *arg)
{
	while (!stop)
		;
	return arg;
}

int main(void)
{
	/* Again and again, should one come before the section. */
	struct itimerval soon = {.it_value = {0, 20000}, .it_interval = {0, 20000}};
	cpu_set_t set;
	pthread_t th;

	if (__rseq_size == 0) {
		report_skip("rseq", "not registered");
		return report_summary();
	}
	report_true(area()->cpu_id < 1024 && area()->cpu_id_start < 1024);
	report_errno(syscall(SYS_rseq, area(), sizeof(struct rseq), 0, RSEQ_SIG), EBUSY);
	report_errno(syscall(SYS_rseq, area(), sizeof(struct rseq), 0, RSEQ_SIG + 1), EPERM);
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &soon, NULL);
	report(spin_in_section() == 1, "a signal aborts the section");
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	report_true(area()->rseq_cs == 0);
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
	pthread_create(&th, NULL, spin, NULL);
	report(spin_in_section() == 1, "preemption aborts the section");
	stop = true;
	pthread_join(th, NULL);
	return report_summary();
}
