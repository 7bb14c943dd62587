/* SPDX-License-Identifier: MIT */
/*
 * notify.h - telling inotify(7) what happens to files and names. Called by the VFS after the fact; costs one load while
 * nobody watches anything. Events are IN_* of <linux/inotify.h>. Context: a thread; never blocks. All but notify_file
 * want the kernel lock. What other processes of the host do in a shared folder is not seen.
 */
#ifndef CAY_KERNEL_FS_NOTIFY_H
#define CAY_KERNEL_FS_NOTIFY_H

#include <linux/inotify.h>
#include <stddef.h>
#include <stdint.h>

struct dentry;
struct file;
struct inode;

extern unsigned notify_nr_watches;

/* Use the functions below the line. */
void notify_send_inode(struct inode *i, uint32_t events);
void notify_send_name(struct inode *dir, const char *name, size_t len, uint32_t events, uint32_t cookie);
void notify_send_dentry(const struct dentry *d, uint32_t events);
void notify_send_file(const struct file *f, uint32_t events);
void notify_send_gone(struct inode *i);
/* ---- */

/* To watches of the inode itself. */
static inline void notify_inode(struct inode *i, uint32_t events)
{
	if (notify_nr_watches > 0)
		notify_send_inode(i, events);
}

/* To watches of a folder, about a name in it. cookie: what ties the two halves of a rename together, or 0. */
static inline void notify_name(struct inode *dir, const char *name, size_t len, uint32_t events, uint32_t cookie)
{
	if (notify_nr_watches > 0)
		notify_send_name(dir, name, len, events, cookie);
}

/* To both: the inode and the folder that it was found in. */
static inline void notify_dentry(const struct dentry *d, uint32_t events)
{
	if (notify_nr_watches > 0)
		notify_send_dentry(d, events);
}
static inline void notify_file(const struct file *f, uint32_t events)
{
	if (notify_nr_watches > 0)
		notify_send_file(f, events);
}

/* The last name of the inode is gone: watches of it end. */
static inline void notify_gone(struct inode *i)
{
	if (notify_nr_watches > 0)
		notify_send_gone(i);
}

uint32_t notify_new_cookie(void);

long sys_inotify_init(void);
long sys_inotify_init1(int flags);
long sys_inotify_add_watch(int fd, const char *path, uint32_t mask);
long sys_inotify_rm_watch(int fd, int wd);

#endif
