/* SPDX-License-Identifier: MIT */
/* kmalloc.h - small kernel objects. 16-byte aligned; at most 2 MiB. Never blocks; NULL when memory is out.
 * The kernel may not assume success: callers return -ENOMEM. Freed memory is filled with junk in debug builds. */
#ifndef CAY_KERNEL_MM_KMALLOC_H
#define CAY_KERNEL_MM_KMALLOC_H

#include <stddef.h>

#include "lib/compiler.h"

MUST_CHECK void *kmalloc(size_t bytes);
MUST_CHECK void *kzalloc(size_t bytes);
MUST_CHECK void *krealloc(void *p, size_t bytes); /* contents kept; on NULL the old block is still the caller's */
MUST_CHECK char *kstrdup(const char *s);
void kfree(void *p); /* NULL is allowed */
size_t kmalloc_bytes_used(void);
size_t kmalloc_slot_bytes(unsigned size_class); /* page.owner of a slab; for the leak check */

#endif
