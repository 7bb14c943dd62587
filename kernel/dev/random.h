/* SPDX-License-Identifier: MIT */
/*
 * random.h - random bytes for the program and the kernel (getrandom, /dev/urandom, AT_RANDOM, ASLR).
 * Seeded once from the host's generator, so it never blocks. Forward-secure: the key is replaced with each refill and
 * bytes are erased as they are handed out, so a later look at memory does not tell what was given before.
 */
#ifndef CAY_KERNEL_DEV_RANDOM_H
#define CAY_KERNEL_DEV_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct uio;

#define RANDOM_SEED_BYTES 64

/* Before the first use; seed is boot_info->seed. May be called again with fresh entropy: it is mixed in. */
void random_init(const uint8_t seed[RANDOM_SEED_BYTES]);

/* Any context; never fails. */
void random_bytes(void *buf, size_t n);

/* Mixes bytes a program wrote to /dev/urandom into the state; they can only add to it. */
void random_mix(const void *buf, size_t n);

/* Fills the rest of uio. Returns bytes moved or -EFAULT. */
long random_read(struct uio *uio);

long sys_getrandom(void *buf_user, size_t bytes, unsigned flags);

#endif
