/* SPDX-License-Identifier: MIT */
/* json.h - the one part of writing JSON that printf does not do. */
#ifndef CAY_VMM_CLI_JSON_H
#define CAY_VMM_CLI_JSON_H

#include <stdio.h>

/* A string with its quotes; bytes that JSON does not allow are escaped, bytes above 0x7f pass (UTF-8 stays itself). */
void print_json_string(FILE *to, const char *s);

#endif
