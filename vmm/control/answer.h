/* SPDX-License-Identifier: MIT */
/* answer.h - answers of a running VM, as JSON text. I/O thread. */
#ifndef CAY_VMM_CONTROL_ANSWER_H
#define CAY_VMM_CONTROL_ANSWER_H

#include <jansson.h>

#include "lib/compiler.h"
#include "vmm/control/request.h"

struct vm;

/* A new object, the caller's; NULL without memory. `name`: of the VM's entry. */
MUST_CHECK json_t *answer_make(struct vm *vm, const char *name, enum control_request r);

/* {"error": text} */
MUST_CHECK json_t *answer_error(const char *text);

#endif
