/* SPDX-License-Identifier: MIT */
/* devices.h - which devices a VM has, and their order of birth and death. */
#ifndef CAY_VMM_CORE_DEVICES_H
#define CAY_VMM_CORE_DEVICES_H

#include "vmm/core/vm.h"

/* Between boot_begin and boot_finish. 0 or -errno. */
MUST_CHECK int devices_create(struct vm *vm);
/* After the I/O thread has ended. Undoes as much of devices_create as happened. */
void devices_destroy(struct vm *vm);

#endif
