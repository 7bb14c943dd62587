/* SPDX-License-Identifier: MIT */
/* compiler.h - the few compiler extensions the project uses, by one name each. */
#ifndef CAY_LIB_COMPILER_H
#define CAY_LIB_COMPILER_H

#define MUST_CHECK             __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN               __attribute__((noreturn))
#define NOINLINE               __attribute__((noinline))
#define WEAK                   __attribute__((weak))
#define ALIGNED(n)             __attribute__((aligned(n)))
#define PACKED                 __attribute__((packed))
#define likely(x)              __builtin_expect(!!(x), 1)
#define unlikely(x)            __builtin_expect(!!(x), 0)
#define ARRAY_SIZE(a)          (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)              ((a) < (b) ? (a) : (b))
#define MAX(a, b)              ((a) > (b) ? (a) : (b))
#define ALIGN_UP(x, a)         (((x) + (a)-1) & ~((a)-1))
#define ALIGN_DOWN(x, a)       ((x) & ~((a)-1))

/* One load or store, not torn, not repeated, not removed: for memory that another CPU or the other side of the gate
 * writes. */
#define READ_ONCE(x)     (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

#endif
