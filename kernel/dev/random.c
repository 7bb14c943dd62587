/* SPDX-License-Identifier: MIT */
/*
 * random.c - a ChaCha20 generator with fast key erasure: each refill makes REFILL_BYTES of key stream, whose first
 * 32 bytes become the next key; the rest is handed out and zeroed as it goes.
 * Lock: a spin lock around each piece of the generator's work.
 */
#include "kernel/dev/random.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "kernel/fs/file.h"
#include "kernel/linux/sys.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/spinlock.h"
#include "lib/chacha20.h"

/* <linux/random.h> */
#define GRND_NONBLOCK 1u
#define GRND_RANDOM   2u
#define GRND_INSECURE 4u

#define REFILL_BYTES (8 * CHACHA20_BLOCK_BYTES)

static struct {
	uint8_t key[CHACHA20_KEY_BYTES];
	uint8_t pool[REFILL_BYTES];
	size_t left; /* unused bytes, at the end of pool */
} rng;
static struct spinlock lock = SPINLOCK_INIT("random");

/* Lock held. */
static void refill(void)
{
	static const uint8_t nonce[CHACHA20_NONCE_BYTES];

	for (uint32_t i = 0; i < REFILL_BYTES / CHACHA20_BLOCK_BYTES; i++)
		chacha20_block(rng.key, i, nonce, rng.pool + i * CHACHA20_BLOCK_BYTES);
	memcpy(rng.key, rng.pool, sizeof(rng.key));
	memset(rng.pool, 0, sizeof(rng.key));
	rng.left = REFILL_BYTES - sizeof(rng.key);
}

/* Keyed by the state before, so that bytes known to an attacker cannot undo what was unknown. */
void random_mix(const void *buf, size_t n)
{
	const uint8_t *p = buf;

	spin_lock(&lock);
	while (n > 0) {
		size_t step = MIN(n, sizeof(rng.key));
		for (size_t i = 0; i < step; i++)
			rng.key[i] ^= p[i];
		refill();
		p += step;
		n -= step;
	}
	spin_unlock(&lock);
}

void random_init(const uint8_t seed[RANDOM_SEED_BYTES])
{
	random_mix(seed, RANDOM_SEED_BYTES);
}

void random_bytes(void *buf, size_t n)
{
	uint8_t *p = buf;

	while (n > 0) {
		spin_lock(&lock);
		if (rng.left == 0)
			refill();
		size_t step = MIN(n, rng.left);
		uint8_t *src = rng.pool + REFILL_BYTES - rng.left;
		memcpy(p, src, step);
		memset(src, 0, step);
		rng.left -= step;
		spin_unlock(&lock);
		p += step;
		n -= step;
	}
}

long random_read(struct uio *uio)
{
	uint8_t chunk[256];
	long total = 0;

	while (uio->resid > 0) {
		size_t step = MIN(uio->resid, sizeof(chunk));
		random_bytes(chunk, step);
		ssize_t moved = uio_move(chunk, step, uio);
		if (moved < 0)
			total = total > 0 ? total : moved;
		else
			total += moved;
		if (moved < (ssize_t)step)
			break;
		if (signal_pending())
			break; /* gigabytes of random bytes must stay interruptible; what was made is returned */
	}
	memset(chunk, 0, sizeof(chunk));
	__asm__ volatile("" ::"r"(chunk) : "memory"); /* keeps the erasure above */
	return total;
}

long sys_getrandom(void *buf_user, size_t bytes, unsigned flags)
{
	if (flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	if ((flags & GRND_RANDOM) && (flags & GRND_INSECURE))
		return -EINVAL;
	struct uio_seg seg = {buf_user, MIN(bytes, (size_t)INT_MAX)};
	struct uio uio = {.segs = &seg, .nr_segs = 1, .resid = seg.bytes, .to_user = true};
	return random_read(&uio);
}
