/* SPDX-License-Identifier: MIT */
/* The mutex between two threads of which one runs at a time: what one does while the other is half-way. */
// SOURCES: shim/log.c
#include "unit.h"

#include "kernel/sched/mutex.c"

static struct thread threads[2];
static struct thread *running = &threads[0];
static struct mutex m;
static unsigned nr_blocked;

struct thread *thread_current(void)
{
	return running;
}

void sched_prepare(void)
{
}

void sched_wake(struct thread *t)
{
	assert_ptr_equal(t, &threads[0]);
}

/* The first thread waits: the second one goes on, and releases the mutex. */
void sched_block(void)
{
	nr_blocked++;
	running = &threads[1];
	set_owner(&m, running);
	mutex_unlock(&m);
	running = &threads[0];
}

/* The second thread has taken the word and not yet written its name when the first one, who had it before, asks again.
 */
static void test_former_owner_asks_again(void **state)
{
	(void)state;
	mutex_init(&m);
	mutex_lock(&m);
	mutex_unlock(&m);
	m.state = TAKEN;
	mutex_lock(&m);
	assert_int_equal(nr_blocked, 1);
	assert_ptr_equal(owner(&m), &threads[0]);
	mutex_unlock(&m);
	assert_false(mutex_is_taken(&m));
}

static void test_try(void **state)
{
	(void)state;
	mutex_init(&m);
	assert_true(mutex_trylock(&m));
	assert_false(mutex_trylock(&m));
	mutex_unlock(&m);
	assert_true(mutex_trylock(&m));
	mutex_unlock(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_former_owner_asks_again),
		cmocka_unit_test(test_try),
	};

	return RUN_TESTS(tests);
}
