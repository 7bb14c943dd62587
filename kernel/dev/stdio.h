/* SPDX-License-Identifier: MIT */
/* stdio.h - the program's descriptors 0, 1 and 2, which are the user's: files over the stdio device. */
#ifndef CAY_KERNEL_DEV_STDIO_H
#define CAY_KERNEL_DEV_STDIO_H

#include "lib/compiler.h"

struct file;
struct tty;

/* Installs what the user gave in init_process. 0, -ENOMEM, -ENODEV. */
MUST_CHECK int stdio_init(void);

/* Opens /dev/console: sets f's operations to those of the terminal. 0, -ENXIO without a terminal. */
MUST_CHECK int stdio_open_tty(struct file *f);

/* The user's terminal: those of the descriptors that are terminals are taken for one and the same. */
extern struct tty stdio_tty;

/* ioctl(2) of a terminal, for stdio.c. fd: device descriptor. */
long stdio_tty_ioctl(unsigned fd, unsigned cmd, unsigned long arg);
/* Before a write to one: what tty_check_change says if its settings have TOSTOP. */
MUST_CHECK int stdio_tty_check_write(unsigned fd);

#endif
