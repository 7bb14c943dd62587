/* SPDX-License-Identifier: MIT */
/* rseq.h - restartable sequences: see rseq(2) and linux/rseq.h. */
#ifndef CAY_KERNEL_LINUX_RSEQ_H
#define CAY_KERNEL_LINUX_RSEQ_H

struct thread;

/* t, the current thread, has a registered area and was preempted or gets a signal: if it was inside a critical section
 * it will continue at that section's abort handler. An area that makes no sense gets SIGSEGV, as on Linux. */
void rseq_interrupted(struct thread *t);

/* t, the current thread, goes on on another CPU than before: its area is told, and its critical section begins anew. */
void rseq_migrated(struct thread *t);

#endif
