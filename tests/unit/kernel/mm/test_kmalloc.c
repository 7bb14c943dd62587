/* SPDX-License-Identifier: MIT */
/* test_kmalloc.c - objects of all sizes: no overlap, alignment, and every page comes back. */
// SOURCES: kernel/mm/kmalloc.c kernel/mm/page.c kernel/mm/page_local.c shim/log.c shim/ram.c
// LIBS: -lpthread
#include "unit.h"

#include <pthread.h>
#include <stdlib.h>

#include "abi/boot_info.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/arch/x86_64/paging.h"
#include "kernel/mm/page.h"
#include "kernel/mm/percpu.h"
#include "shim.h"

void paging_init(const struct cay_boot_info *info)
{
	(void)info;
}

static void boot(uint64_t ram_bytes)
{
	struct cay_boot_info info = {.ram_bytes = ram_bytes, .first_free_gpa = 2 << 20};

	shim_ram(ram_bytes);
	page_init(&info);
}

static void test_random(void **state)
{
	enum { MAX = 3000 };
	static struct {
		unsigned char *p;
		size_t bytes;
		unsigned char fill;
	} held[MAX];
	unsigned nr = 0;

	(void)state;
	srand(3);
	for (unsigned step = 0; step < 100000; step++) {
		unsigned k = nr ? (unsigned)rand() % nr : 0;
		int what = rand() % 100;

		if (nr < MAX && what < (step / 10000 % 2 ? 30 : 60)) {
			size_t bytes = (size_t)rand() % (rand() % 20 ? 600 : 20000);
			unsigned char *p = rand() & 1 ? kmalloc(bytes) : kzalloc(bytes);

			if (p == NULL)
				continue;
			assert_int_equal((uintptr_t)p % 16, 0);
			held[nr].p = p;
			held[nr].bytes = bytes;
			held[nr].fill = (unsigned char)step;
			memset(p, held[nr++].fill, bytes);
		} else if (nr > 0) {
			for (size_t i = 0; i < held[k].bytes; i++)
				assert_int_equal(held[k].p[i], held[k].fill);
			if (what > 90) {
				size_t bytes = (size_t)rand() % 3000 + 1;
				unsigned char *p = krealloc(held[k].p, bytes);

				if (p == NULL)
					continue;
				for (size_t i = 0; i < bytes && i < held[k].bytes; i++)
					assert_int_equal(p[i], held[k].fill);
				memset(p, held[k].fill, bytes);
				held[k].p = p;
				held[k].bytes = bytes;
			} else {
				kfree(held[k].p);
				held[k] = held[--nr];
			}
		}
	}
	while (nr > 0)
		kfree(held[--nr].p);
	assert_int_equal(kmalloc_bytes_used(), 0);
}

static void test_edges(void **state)
{
	size_t free0 = page_nr_free();
	char *s;
	void *p;

	(void)state;
	assert_in_range(page_nr_total() - free0, 512,
			512 + 40 + 264); /* one slab per class after test_random, and those of kept objects */
	assert_null(kmalloc((2 << 20) + 1));
	assert_null(kzalloc(SIZE_MAX));
	p = kmalloc(2 << 20);
	assert_non_null(p);
	kfree(p);
	kfree(NULL);
	p = kmalloc(0);
	assert_non_null(p);
	kfree(p);
	s = kstrdup("cay");
	assert_string_equal(s, "cay");
	kfree(s);
	p = kzalloc(5000);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(((char *)p)[i], 0);
	kfree(p);
}

static void test_exhaustion(void **state)
{
	void **chain = NULL, **p;

	(void)state;
	while ((p = kmalloc(100)) != NULL) {
		*p = chain;
		chain = p;
	}
	assert_int_equal(page_nr_free(), 0);
	assert_null(kmalloc(100));
	while (chain != NULL) {
		p = *chain;
		kfree(chain);
		chain = p;
	}
	assert_int_equal(kmalloc_bytes_used(), 0);
	assert_non_null(kmalloc(1 << 20));
}

/* Four CPUs hand objects and pages to each other: what one asked for another gives back. */
#define NR_CPUS 4
#define ROUNDS  100000

static unsigned char *exchange[64];

static void *cpu_main(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;

	shim_cpu = seed;
	for (unsigned i = 0; i < ROUNDS; i++) {
		size_t bytes = 2 + (size_t)rand_r(&seed) % (i % 16 ? 300 : 5000);
		unsigned char *p = kmalloc(bytes);

		if (p == NULL)
			abort();
		p[0] = p[bytes - 1] = (unsigned char)bytes;
		memcpy(p, &(uint16_t){(uint16_t)bytes}, 2);
		p = __atomic_exchange_n(&exchange[rand_r(&seed) % 64], p, __ATOMIC_ACQ_REL);
		if (p != NULL) {
			uint16_t n;

			memcpy(&n, p, 2);
			if (n > 2 && p[n - 1] != (unsigned char)n)
				abort();
			kfree(p);
		}
	}
	return NULL;
}

static void test_cpus(void **state)
{
	pthread_t threads[NR_CPUS];

	(void)state;
	smp_active = true;
	for (uintptr_t i = 0; i < NR_CPUS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, cpu_main, (void *)i), 0);
	for (unsigned i = 0; i < NR_CPUS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < 64; i++)
		kfree(exchange[i]);
	assert_int_equal(kmalloc_bytes_used(), 0);
	assert_in_range(page_nr_total() - page_nr_free(), 512, 512 + 40 + NR_CPUS * 264);
	smp_active = false;
}

static int setup(void **state)
{
	(void)state;
	boot(8 << 20);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_exhaustion),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
