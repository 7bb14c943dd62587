/* SPDX-License-Identifier: MIT */
/* giveback.h - memory that has been free for a while goes back to the host. */
#ifndef CAY_KERNEL_PLAT_GIVEBACK_H
#define CAY_KERNEL_PLAT_GIVEBACK_H

/* After page_init and the clocks. */
void giveback_init(void);

#endif
