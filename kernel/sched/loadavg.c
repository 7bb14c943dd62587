/* SPDX-License-Identifier: MIT */
/* loadavg.c - see loadavg.h. The lock guards the averages and whether the timer runs; nothing is called under it. */
#include "kernel/sched/loadavg.h"

#include "kernel/sched/spinlock.h"

/* What is left of an average after 5 seconds: e^(-5/60), e^(-5/300), e^(-5/900). */
static const uint32_t keep[3] = {1884, 2014, 2037};

#define ONE (1u << LOADAVG_SHIFT)
/* By then even the slowest average has forgotten what was before. */
#define PERIODS_MAX 2880u

void loadavg_step(struct loadavg *l, unsigned running, uint64_t periods)
{
	uint64_t now = (uint64_t)running * ONE;

	for (uint64_t n = MIN(periods, (uint64_t)PERIODS_MAX); n > 0; n--) {
		for (unsigned i = 0; i < ARRAY_SIZE(keep); i++) {
			uint64_t next = l->avg[i] * (uint64_t)keep[i] + now * (ONE - keep[i]);

			/* Rounded towards the load, or it would never get there. */
			l->avg[i] = (uint32_t)((next + (now >= l->avg[i] ? ONE - 1 : 0)) >> LOADAVG_SHIFT);
		}
	}
}

#ifndef CAY_UNIT_TEST
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/sched_priv.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/thread.h"

#define START_AFTER_NS 1000000000ull

bool loadavg_sleeps = true;
static struct spinlock lock = SPINLOCK_INIT("load average");
static struct loadavg load;
static uint64_t stepped_ns; /* up to when `load` is; 0 = never looked */
static struct ktimer timer;

static unsigned count_running(void)
{
	unsigned nr = 0;

	for (unsigned id = 0; id < cpu_count(); id++) {
		const struct cpu *cpu = cpu_by_id(id);

		nr += READ_ONCE(sched_cpus[id].rq.nr);
		nr += cpu->idle != NULL && READ_ONCE(cpu->current) != cpu->idle;
	}
	return nr;
}

/* Lock: load average. */
static void step_to(uint64_t now_ns, unsigned running)
{
	uint64_t periods;

	if (stepped_ns == 0)
		stepped_ns = now_ns - clock_boot_ns();
	periods = now_ns > stepped_ns ? (now_ns - stepped_ns) / LOADAVG_PERIOD_NS : 0;
	loadavg_step(&load, running, periods);
	stepped_ns += periods * LOADAVG_PERIOD_NS;
}

static void look(struct ktimer *t)
{
	unsigned running = count_running();
	uint64_t next_ns;

	spin_lock(&lock);
	step_to(clock_monotonic_ns(), running);
	next_ns = stepped_ns + LOADAVG_PERIOD_NS;
	if (running == 0)
		WRITE_ONCE(loadavg_sleeps, true);
	spin_unlock(&lock);
	if (running != 0)
		ktimer_arm(t, next_ns);
}

/*
 * The timer goes on. Until it ran for the first time nobody looked: that the present load was there all the time is
 * the best guess then. It costs an exit, so a program that ends soon has none.
 */
static void start(unsigned running)
{
	uint64_t now_ns = clock_monotonic_ns();
	bool starts;

	spin_lock(&lock);
	starts = loadavg_sleeps;
	if (starts)
		step_to(now_ns, stepped_ns == 0 ? running : 0);
	WRITE_ONCE(loadavg_sleeps, false);
	spin_unlock(&lock);
	if (!starts)
		return;
	ktimer_init_unlocked(&timer, look, NULL);
	ktimer_arm(&timer, now_ns + LOADAVG_PERIOD_NS);
}

void loadavg_start(void)
{
	if (clock_boot_ns() >= START_AFTER_NS)
		start(count_running());
}

struct loadavg loadavg_now(void)
{
	struct loadavg now;

	start(count_running());
	spin_lock(&lock);
	now = load;
	spin_unlock(&lock);
	return now;
}
#endif
