/* SPDX-License-Identifier: MIT */
/* notify.c - nobody watches anything. */
#include "kernel/fs/notify.h"

unsigned notify_nr_watches;

uint32_t notify_new_cookie(void)
{
	return 1;
}

void notify_send_inode(struct inode *i, uint32_t events)
{
	(void)i;
	(void)events;
}

void notify_send_name(struct inode *dir, const char *name, size_t len, uint32_t events, uint32_t cookie)
{
	(void)dir;
	(void)name;
	(void)len;
	(void)events;
	(void)cookie;
}

void notify_send_dentry(const struct dentry *d, uint32_t events)
{
	(void)d;
	(void)events;
}

void notify_send_file(const struct file *f, uint32_t events)
{
	(void)f;
	(void)events;
}

void notify_send_gone(struct inode *i)
{
	(void)i;
}
