/* SPDX-License-Identifier: MIT */
/*
 * hostile.h - what a kernel image that attacks the VMM is written with. An image is one C file, linked where the real
 * kernel is and booted by the environment variable CAY_KERNEL. It defines attack(), whose argument is the program's
 * argv[1]: the name of one variant. Ending by survived() says that the VMM refused everything and went on; expected
 * results are in tests/system/cases/hostile.py.
 */
#ifndef CAY_TESTS_HOSTILE_H
#define CAY_TESTS_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/boot_info.h"
#include "abi/gate.h"
#include "abi/layout.h"
#include "abi/vcpu_page.h"

#define BOOT      ((volatile struct cay_boot_info *)(CAY_DIRECT_GVA + CAY_BOOT_INFO_GPA))
#define VCPU      ((volatile struct cay_vcpu_page *)(CAY_DIRECT_GVA + CAY_VCPU_GPA))
#define PHYS(gpa) ((void *)(CAY_DIRECT_GVA + (gpa)))

void attack(const char *variant);

/* The image's own memory: 256 KiB that the VMM zeroed, for stacks, rings and buffers. */
extern uint8_t scratch[1 << 18];

static inline void store_gate(uint32_t offset)
{
	*(volatile uint32_t *)(CAY_GATE_GVA + offset) = 1;
}

static inline int64_t gate(unsigned nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4)
{
	VCPU->gate.arg[0] = a0;
	VCPU->gate.arg[1] = a1;
	VCPU->gate.arg[2] = a2;
	VCPU->gate.arg[3] = a3;
	VCPU->gate.arg[4] = a4;
	store_gate(4 * nr);
	return VCPU->gate.ret;
}

static inline _Noreturn void end(int exit_code)
{
	gate(CAY_GATE_EXIT, (uint64_t)exit_code << 8, 0, 0, 0, 0);
	for (;;)
		;
}

#define survived() end(42)
/* The VMM accepted what it must refuse. */
#define accepted() end(99)

static inline bool same(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b)
		a++, b++;
	return *a == *b;
}

/* Guest-physical address of something in the image. */
static inline uint64_t gpa_of(const volatile void *p)
{
	return CAY_KERNEL_GPA + CAY_KERNEL_OFFSET((uint64_t)p);
}

/* One virtqueue (virtio 1.2 section 2.7), written as wrongly as the attack likes. */
struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};
#define DESC_NEXT     1
#define DESC_WRITE    2
#define DESC_INDIRECT 4

struct queue {
	volatile struct desc *desc;
	volatile uint16_t *avail; /* flags, idx, ring */
	volatile uint16_t *used;  /* flags, idx, ... */
	uint32_t nr, doorbell;
};

static inline struct queue queue_of(unsigned device, unsigned q)
{
	volatile struct cay_queue_info *i = &BOOT->devices[device].queue[q];

	return (struct queue){PHYS(i->desc_gpa), PHYS(i->avail_gpa), PHYS(i->used_gpa), i->nr, (uint32_t)i->doorbell};
}

static inline void queue_kick(struct queue *q)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	store_gate(q->doorbell);
}

/* Offers the chain that begins at descriptor `head`. */
static inline void queue_offer(struct queue *q, uint16_t head)
{
	q->avail[2 + q->avail[1] % q->nr] = head;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	q->avail[1]++;
	queue_kick(q);
}

/* Spins until the device used one more chain, or for about 50 ms. Whether it did. */
static inline bool queue_wait(struct queue *q, uint16_t before)
{
	for (uint64_t begin = __builtin_ia32_rdtsc(); __builtin_ia32_rdtsc() - begin < 150000000;)
		if (q->used[1] != before)
			return true;
	return false;
}

static inline int find_device(uint32_t kind)
{
	for (unsigned i = 0; i < BOOT->nr_devices && i < CAY_DEVICES_MAX; i++)
		if (BOOT->devices[i].kind == kind)
			return (int)i;
	return -1;
}

#endif
