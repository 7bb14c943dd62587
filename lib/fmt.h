/* SPDX-License-Identifier: MIT */
/*
 * fmt.h - text formatting without libc.
 * Conversions: d i u x X o p s c %; flags 0 - # and + with d; width and precision as numbers or *; lengths hh h l ll z
 * t j. Precision counts for s and for integers (least number of digits). No floating point, no %n. An unknown
 * conversion is copied as it stands.
 */
#ifndef CAY_LIB_FMT_H
#define CAY_LIB_FMT_H

#include <stdarg.h>
#include <stddef.h>

#include "lib/compiler.h"

/*
 * As snprintf(3): writes at most size bytes with the final NUL (none when size is 0) and returns the length that the
 * whole text has, so that a result >= size means "cut". A NULL string prints as (null). Any context; no memory taken.
 */
size_t fmt_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap) PRINTF_LIKE(3, 0);
size_t fmt_snprintf(char *buf, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);

/*
 * As fmt_snprintf, appending at *pos (at most size) and moving it, never beyond size - 1: for building a line in
 * pieces. What does not fit is dropped.
 */
void fmt_append(char *buf, size_t size, size_t *pos, const char *fmt, ...) PRINTF_LIKE(4, 5);

#endif
