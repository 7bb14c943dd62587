/* SPDX-License-Identifier: MIT */
/* eventfd.h - eventfd(2). */
#ifndef CAY_KERNEL_FS_EVENTFD_H
#define CAY_KERNEL_FS_EVENTFD_H

#include <stdbool.h>
#include <stdint.h>

struct file;

bool eventfd_is(const struct file *f);
/* Adds n to the counter, as far as it goes; wakes readers. f is an eventfd. Any context. */
void eventfd_add(struct file *f, uint64_t n);

long sys_eventfd(unsigned count);
long sys_eventfd2(unsigned count, int flags);

#endif
