/* SPDX-License-Identifier: MIT */
/*
 * string.h - the memory and string functions of <string.h> that the project uses.
 * On the host they are libc's. In the kernel lib/string.c defines memcpy memmove memset memcmp memchr strlen strnlen
 * strcmp strncmp strchr strrchr under their standard names, because the compiler calls some of them on its own;
 * the macros let it expand small constant sizes in place, which -ffreestanding would forbid.
 */
#ifndef CAY_LIB_STRING_H
#define CAY_LIB_STRING_H

#include <string.h>

#ifdef CAY_KERNEL
#define memcpy(dst, src, n)  __builtin_memcpy(dst, src, n)
#define memmove(dst, src, n) __builtin_memmove(dst, src, n)
#define memset(dst, c, n)    __builtin_memset(dst, c, n)
#define memcmp(a, b, n)      __builtin_memcmp(a, b, n)
#define strlen(s)            __builtin_strlen(s)
#define strcmp(a, b)         __builtin_strcmp(a, b)
#endif

#endif
