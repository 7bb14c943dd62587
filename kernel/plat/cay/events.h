/* SPDX-License-Identifier: MIT */
/*
 * events.h - events from the VMM (abi/vcpu_page.h). Handlers run with upcalls masked, in the context of whoever polls:
 * the upcall, the return path, a blocking thread, the idle loop. They wake threads; they never block. Under the kernel
 * lock, but for those registered as unlocked.
 */
#ifndef CAY_KERNEL_PLAT_EVENTS_H
#define CAY_KERNEL_PLAT_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#define EVENT_MAX 64

/* bit: CAY_EVENT_* or a queue's event number. One handler each. */
void event_register(unsigned bit, void (*fn)(void *arg), void *arg);
void event_register_unlocked(unsigned bit, void (*fn)(void *arg), void *arg);

/* Delivers all pending events. Returns true if there was any. */
bool events_poll(void);

/* Sleeps in the VMM until an event is pending or CLOCK_MONOTONIC deadline_ns (UINT64_MAX: none). Does not deliver. */
void events_wait(uint64_t deadline_ns);

/* While true the VMM sends no kicks: we promise to call events_poll soon (a bounded poll loop). */
void events_set_polling(bool polling);

/* Tells the VMM's timer about a deadline earlier than it knows, while the program runs. One gate call. */
void events_arm_timer(uint64_t deadline_ns);

/* Rings the doorbell of a queue (cay_queue_info.doorbell): 8-10 us; only when the device asked for it. */
void doorbell_ring(uint64_t doorbell_offset);

#endif
