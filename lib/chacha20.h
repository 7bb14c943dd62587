/* SPDX-License-Identifier: MIT */
/*
 * chacha20.h - the ChaCha20 block function (RFC 8439 section 2.3): the base of the kernel's random generator.
 * Plain integer code without tables or branches on data: constant time, and usable where SSE is not.
 */
#ifndef CAY_LIB_CHACHA20_H
#define CAY_LIB_CHACHA20_H

#include <stdint.h>

#define CHACHA20_KEY_BYTES   32
#define CHACHA20_NONCE_BYTES 12
#define CHACHA20_BLOCK_BYTES 64

/* Writes the key stream block number `counter` to out. Any alignment. */
void chacha20_block(const uint8_t key[CHACHA20_KEY_BYTES], uint32_t counter, const uint8_t nonce[CHACHA20_NONCE_BYTES],
		    uint8_t out[CHACHA20_BLOCK_BYTES]);

#endif
