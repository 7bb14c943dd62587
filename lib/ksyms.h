/* SPDX-License-Identifier: MIT */
/*
 * ksyms.h - the symbol table that the kernel image carries for its own backtraces: section .ksyms, written by
 * tools/ksyms.awk between the two links of the image. Records in order of address: ULEB128 distance from the symbol
 * before (the first: from the start of the image), then the name with its NUL. About 20 bytes a function; looked
 * up by reading it through, which is fast enough for something that dies.
 */
#ifndef CAY_LIB_KSYMS_H
#define CAY_LIB_KSYMS_H

#include <stddef.h>
#include <stdint.h>

/*
 * The function that holds `offset` (from the start of the image): its name, with *distance = bytes from its start.
 * NULL if the table is empty, damaged, or starts above the offset. The name lives as long as the table.
 */
const char *ksyms_find(const uint8_t *table, size_t bytes, uint64_t offset, uint64_t *distance);

#endif
