/* SPDX-License-Identifier: MIT */
/* populate.h - has the host make its pages before they are touched, a piece at a time, and give us RAM as we need it.
 */
#ifndef CAY_KERNEL_PLAT_POPULATE_H
#define CAY_KERNEL_PLAT_POPULATE_H

/* After page_init. */
void populate_init(void);

#endif
