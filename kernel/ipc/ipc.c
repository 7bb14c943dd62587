/* SPDX-License-Identifier: MIT */
/* ipc.c - see ipc.h. */
#include "kernel/ipc/ipc.h"

#include <errno.h>
#include <linux/ipc.h>

#include <asm/ipcbuf.h>

#include "kernel/fs/cred.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/time/clock.h"
#include "lib/string.h"

#define SEQ_MAX (INT32_MAX / IPC_SLOTS_MAX)

int64_t ipc_now(void)
{
	return (int64_t)(clock_realtime_ns() / 1000000000ull);
}

struct ipc_object *ipc_at(const struct ipc_table *t, unsigned index)
{
	return index < t->nr_slots ? t->slot[index] : NULL;
}

struct ipc_object *ipc_find(const struct ipc_table *t, int id)
{
	struct ipc_object *o = id < 0 ? NULL : ipc_at(t, (unsigned)id % IPC_SLOTS_MAX);

	return o != NULL && o->id == id ? o : NULL;
}

long ipc_highest(const struct ipc_table *t)
{
	unsigned i = t->nr_slots;

	while (i > 0 && t->slot[i - 1] == NULL)
		i--;
	return i > 0 ? (long)i - 1 : 0;
}

static struct ipc_object *find_key(const struct ipc_table *t, int32_t key)
{
	for (unsigned i = 0; i < t->nr_slots; i++)
		if (t->slot[i] != NULL && t->slot[i]->key == key)
			return t->slot[i];
	return NULL;
}

static bool grow(struct ipc_table *t)
{
	unsigned nr = t->nr_slots == 0 ? 16 : 2 * t->nr_slots;
	struct ipc_object **slot = krealloc(t->slot, nr * sizeof(*slot));
	uint16_t *seq;

	if (slot == NULL)
		return false;
	t->slot = slot;
	seq = krealloc(t->seq, nr * sizeof(*seq));
	if (seq == NULL)
		return false;
	t->seq = seq;
	memset(slot + t->nr_slots, 0, (nr - t->nr_slots) * sizeof(*slot));
	memset(seq + t->nr_slots, 0, (nr - t->nr_slots) * sizeof(*seq));
	t->nr_slots = nr;
	return true;
}

/* A free slot, or -ENOSPC, -ENOMEM. */
static int free_slot(struct ipc_table *t)
{
	unsigned i = 0;

	if (t->nr_used >= t->max)
		return -ENOSPC;
	while (i < t->nr_slots && t->slot[i] != NULL)
		i++;
	if (i == t->nr_slots && (i >= IPC_SLOTS_MAX || !grow(t)))
		return -ENOMEM;
	return (int)i;
}

static long add(struct ipc_table *t, int32_t key, int flags, const struct ipc_get *how)
{
	const struct cred *c = cred_current();
	int slot = free_slot(t), err;
	struct ipc_object *o;

	if (slot < 0)
		return slot;
	err = how->create(how->arg, &o);
	if (err != 0)
		return err;
	o->key = key;
	o->uid = o->cuid = c->euid;
	o->gid = o->cgid = c->egid;
	o->mode = (uint32_t)flags & IPC_MODE_BITS;
	o->seq = t->seq[slot];
	o->id = (int)(o->seq * IPC_SLOTS_MAX + (unsigned)slot);
	t->slot[slot] = o;
	t->seq[slot] = (uint16_t)((o->seq + 1u) % SEQ_MAX);
	t->nr_used++;
	return o->id;
}

long ipc_get(struct ipc_table *t, int32_t key, int flags, const struct ipc_get *how)
{
	struct ipc_object *o = key == IPC_PRIVATE ? NULL : find_key(t, key);
	int err;

	if (o == NULL)
		return key == IPC_PRIVATE || (flags & IPC_CREAT) ? add(t, key, flags, how) : -ENOENT;
	if ((flags & IPC_CREAT) && (flags & IPC_EXCL))
		return -EEXIST;
	err = how->check(o, how->arg);
	if (err == 0)
		err = ipc_permission(o, (uint32_t)flags & IPC_MODE_BITS);
	return err != 0 ? err : o->id;
}

void ipc_remove(struct ipc_table *t, struct ipc_object *o)
{
	t->slot[(unsigned)o->id % IPC_SLOTS_MAX] = NULL;
	t->nr_used--;
}

void ipc_forget_key(struct ipc_object *o)
{
	o->key = IPC_PRIVATE;
}

int ipc_permission(const struct ipc_object *o, uint32_t flags)
{
	const struct cred *c = cred_current();
	uint32_t wanted = flags >> 6 | flags >> 3 | flags, granted = o->mode;

	if (c->euid == o->cuid || c->euid == o->uid)
		granted >>= 6;
	else if (cred_in_group(c, o->cgid) || cred_in_group(c, o->gid))
		granted >>= 3;
	return (wanted & ~granted & 7) && !cred_capable(c, CAP_IPC_OWNER) ? -EACCES : 0;
}

int ipc_owner_permission(const struct ipc_object *o)
{
	const struct cred *c = cred_current();

	return c->euid == o->cuid || c->euid == o->uid || cred_capable(c, CAP_SYS_ADMIN) ? 0 : -EPERM;
}

void ipc_fill_perm(const struct ipc_object *o, struct ipc64_perm *out)
{
	*out = (struct ipc64_perm){
		.key = o->key,
		.uid = o->uid,
		.gid = o->gid,
		.cuid = o->cuid,
		.cgid = o->cgid,
		.mode = (__kernel_mode_t)o->mode,
		.seq = (unsigned short)o->seq,
	};
}

int ipc_set_perm(struct ipc_object *o, const struct ipc64_perm *in)
{
	if (in->uid == UINT32_MAX || in->gid == UINT32_MAX)
		return -EINVAL;
	o->uid = in->uid;
	o->gid = in->gid;
	o->mode = (o->mode & ~IPC_MODE_BITS) | (in->mode & IPC_MODE_BITS);
	return 0;
}
