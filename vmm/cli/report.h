/* SPDX-License-Identifier: MIT */
/*
 * report.h - what --timing and --stats print when a VM has ended. Numbers that the guest's kernel kept are copied once
 * and only printed: a hostile kernel can lie about itself, nothing more.
 */
#ifndef CAY_VMM_CLI_REPORT_H
#define CAY_VMM_CLI_REPORT_H

#include <stdbool.h>
#include <stdio.h>

struct vm;

/* All that the options ask for, on stderr or in the file of --stats. After teardown; the VM's memory is still mapped.
 */
void report_print(const struct vm *vm);

/* The timeline, one line per point, in order of time: microseconds since exec, since the point before, what. */
void report_timing(FILE *to, const struct vm *vm);

/* Counters as a table, each line prefixed "cay: ", or as one JSON object, which has the timeline too. */
void report_stats(FILE *to, const struct vm *vm, bool json);

/* The timeline as the members of a JSON object: "name": microseconds since exec, ... */
void report_timing_json(FILE *to, const struct vm *vm);

#endif
