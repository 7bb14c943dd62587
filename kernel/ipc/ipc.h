/* SPDX-License-Identifier: MIT */
/*
 * ipc.h - what System V shared memory, semaphores and message queues have in common (sysvipc(7)): objects with a key
 * and an id, an owner and a mode. Private to kernel/ipc. An id is a slot and how often that slot was used before, so
 * that an old id does not reach a new object. Objects belong to the VM, not to a process. They are looked up anew after
 * each sleep: another may have removed them.
 */
#ifndef CAY_KERNEL_IPC_IPC_H
#define CAY_KERNEL_IPC_IPC_H

#include <linux/ipc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

#define IPC_SLOTS_MAX 32768u
#define IPC_MODE_BITS 0777u

/* First member of each kind of object. */
struct ipc_object {
	int id;
	int32_t key;
	uint32_t uid, gid, cuid, cgid;
	uint32_t mode; /* permissions, and SHM_DEST, SHM_LOCKED */
	unsigned seq;
};

struct ipc_table {
	struct ipc_object **slot;
	uint16_t *seq; /* of the next object in that slot */
	unsigned nr_slots, nr_used;
	unsigned max; /* objects; constant */
};

/*
 * The three "get" calls: finds the object with this key, or makes one. create makes it (with nothing of ipc_object
 * filled in); check refuses an object that is there but too small. Both get arg.
 * Returns the id, or -ENOENT, -EEXIST, -EACCES, -ENOSPC, what create and check returned.
 */
struct ipc_get {
	int (*create)(void *arg, struct ipc_object **out);
	int (*check)(const struct ipc_object *o, void *arg);
	void *arg;
};
MUST_CHECK long ipc_get(struct ipc_table *t, int32_t key, int flags, const struct ipc_get *how);

/* NULL: no such object. */
struct ipc_object *ipc_find(const struct ipc_table *t, int id);
/* By index, as IPC_STAT's "any" variants and /proc want; NULL when the slot is empty. */
struct ipc_object *ipc_at(const struct ipc_table *t, unsigned index);
/* The highest index in use, 0 when there is none: what IPC_INFO returns. */
long ipc_highest(const struct ipc_table *t);
/* The object's memory stays the caller's. */
void ipc_remove(struct ipc_table *t, struct ipc_object *o);
/* It is no longer found by its key. */
void ipc_forget_key(struct ipc_object *o);

/* flags: the bits S_IRUGO and S_IWUGO say what is wanted, for anyone. 0, -EACCES. */
int ipc_permission(const struct ipc_object *o, uint32_t flags);
/* May the caller change or remove it? 0, -EPERM. */
int ipc_owner_permission(const struct ipc_object *o);

/* The user's view. */
struct ipc64_perm;
void ipc_fill_perm(const struct ipc_object *o, struct ipc64_perm *out);
int ipc_set_perm(struct ipc_object *o, const struct ipc64_perm *in); /* IPC_SET: 0, -EINVAL */
int64_t ipc_now(void);                                               /* seconds since 1970 */

#define IPC_READ  0444u
#define IPC_WRITE 0222u

#endif
