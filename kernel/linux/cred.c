/* SPDX-License-Identifier: MIT */
/*
 * cred.c - user and group ids, by the rules of setuid(2) and credentials(7). CAP_SETUID and CAP_SETGID decide, not uid
 * 0. Ids are the process's: glibc applies a change to all threads, which for a thread that shares them is a no-op.
 */
#include <errno.h>
#include <linux/capability.h>
#include <limits.h>

#include "kernel/fs/cred.h"
#include "kernel/fs/groups.h"
#include "kernel/linux/process_calls.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/thread.h"

#define UNCHANGED     UINT32_MAX
#define NO_SETUID_FIX (1u << 2) /* SECBIT_NO_SETUID_FIXUP */
#define KEEP_CAPS     (1u << 4) /* SECBIT_KEEP_CAPS: PR_SET_KEEPCAPS */
/* Capabilities that go and come with the file system uid. */
#define FS_CAPS                                                                                                        \
	(1ull << CAP_CHOWN | 1ull << CAP_DAC_OVERRIDE | 1ull << CAP_DAC_READ_SEARCH | 1ull << CAP_FOWNER |             \
	 1ull << CAP_FSETID | 1ull << CAP_LINUX_IMMUTABLE | 1ull << CAP_MKNOD | 1ull << CAP_MAC_OVERRIDE)

/* To change; kernel/fs/cred.h's cred_current is for asking. */
static struct cred *cred_own(void)
{
	return &process_current()->cred;
}

/* capabilities(7), "effect of user ID changes on capabilities". */
static void fix_capabilities(struct cred *c, const struct cred *old)
{
	bool was_root = old->uid == 0 || old->euid == 0 || old->suid == 0;
	bool is_root = c->uid == 0 || c->euid == 0 || c->suid == 0;

	if (c->securebits & NO_SETUID_FIX)
		return;
	if (was_root && !is_root && !(c->securebits & KEEP_CAPS))
		c->cap_permitted = c->cap_effective = c->cap_ambient = 0;
	if (old->euid == 0 && c->euid != 0)
		c->cap_effective = 0;
	if (old->euid != 0 && c->euid == 0)
		c->cap_effective = c->cap_permitted;
}

static void set_uids(uint32_t uid, uint32_t euid, uint32_t suid)
{
	struct process *p = process_current();
	struct cred old = p->cred;

	p->cred.uid = uid;
	p->cred.euid = p->cred.fsuid = euid;
	p->cred.suid = suid;
	fix_capabilities(&p->cred, &old);
	if (old.euid != euid)
		p->dumpable = false;
}

static void set_gids(uint32_t gid, uint32_t egid, uint32_t sgid)
{
	struct process *p = process_current();

	if (p->cred.egid != egid)
		p->dumpable = false;
	p->cred.gid = gid;
	p->cred.egid = p->cred.fsgid = egid;
	p->cred.sgid = sgid;
}

long sys_getuid(void)
{
	return cred_own()->uid;
}

long sys_geteuid(void)
{
	return cred_own()->euid;
}

long sys_getgid(void)
{
	return cred_own()->gid;
}

long sys_getegid(void)
{
	return cred_own()->egid;
}

long sys_setuid(uint32_t uid)
{
	struct cred *c = cred_own();

	if (uid == UNCHANGED)
		return -EINVAL;
	if (capable(CAP_SETUID))
		set_uids(uid, uid, uid);
	else if (uid == c->uid || uid == c->suid)
		set_uids(c->uid, uid, c->suid);
	else
		return -EPERM;
	return 0;
}

long sys_setgid(uint32_t gid)
{
	struct cred *c = cred_own();

	if (gid == UNCHANGED)
		return -EINVAL;
	if (capable(CAP_SETGID))
		set_gids(gid, gid, gid);
	else if (gid == c->gid || gid == c->sgid)
		set_gids(c->gid, gid, c->sgid);
	else
		return -EPERM;
	return 0;
}

long sys_setreuid(uint32_t ruid, uint32_t euid)
{
	struct cred *c = cred_own();
	uint32_t new_r = ruid == UNCHANGED ? c->uid : ruid, new_e = euid == UNCHANGED ? c->euid : euid;
	bool keeps_saved = ruid == UNCHANGED && (euid == UNCHANGED || new_e == c->uid);

	if (!capable(CAP_SETUID)) {
		if (new_r != c->uid && new_r != c->euid)
			return -EPERM;
		if (new_e != c->uid && new_e != c->euid && new_e != c->suid)
			return -EPERM;
	}
	set_uids(new_r, new_e, keeps_saved ? c->suid : new_e);
	return 0;
}

long sys_setregid(uint32_t rgid, uint32_t egid)
{
	struct cred *c = cred_own();
	uint32_t new_r = rgid == UNCHANGED ? c->gid : rgid, new_e = egid == UNCHANGED ? c->egid : egid;
	bool keeps_saved = rgid == UNCHANGED && (egid == UNCHANGED || new_e == c->gid);

	if (!capable(CAP_SETGID)) {
		if (new_r != c->gid && new_r != c->egid)
			return -EPERM;
		if (new_e != c->gid && new_e != c->egid && new_e != c->sgid)
			return -EPERM;
	}
	set_gids(new_r, new_e, keeps_saved ? c->sgid : new_e);
	return 0;
}

static bool one_of(uint32_t id, uint32_t a, uint32_t b, uint32_t c)
{
	return id == UNCHANGED || id == a || id == b || id == c;
}

long sys_setresuid(uint32_t ruid, uint32_t euid, uint32_t suid)
{
	struct cred *c = cred_own();

	if (!capable(CAP_SETUID) && !(one_of(ruid, c->uid, c->euid, c->suid) &&
				      one_of(euid, c->uid, c->euid, c->suid) && one_of(suid, c->uid, c->euid, c->suid)))
		return -EPERM;
	set_uids(ruid == UNCHANGED ? c->uid : ruid, euid == UNCHANGED ? c->euid : euid,
		 suid == UNCHANGED ? c->suid : suid);
	return 0;
}

long sys_setresgid(uint32_t rgid, uint32_t egid, uint32_t sgid)
{
	struct cred *c = cred_own();

	if (!capable(CAP_SETGID) && !(one_of(rgid, c->gid, c->egid, c->sgid) &&
				      one_of(egid, c->gid, c->egid, c->sgid) && one_of(sgid, c->gid, c->egid, c->sgid)))
		return -EPERM;
	set_gids(rgid == UNCHANGED ? c->gid : rgid, egid == UNCHANGED ? c->egid : egid,
		 sgid == UNCHANGED ? c->sgid : sgid);
	return 0;
}

static long put_three(void *ua, uint32_t a, void *ub, uint32_t b, void *uc, uint32_t c)
{
	if (put_user_u32(ua, a) != 0 || put_user_u32(ub, b) != 0)
		return -EFAULT;
	return put_user_u32(uc, c);
}

long sys_getresuid(void *ruid, void *euid, void *suid)
{
	struct cred *c = cred_own();

	return put_three(ruid, c->uid, euid, c->euid, suid, c->suid);
}

long sys_getresgid(void *rgid, void *egid, void *sgid)
{
	struct cred *c = cred_own();

	return put_three(rgid, c->gid, egid, c->egid, sgid, c->sgid);
}

/* Both return the id before, whether it changed or not: the call has no errors. */
long sys_setfsuid(uint32_t uid)
{
	struct cred *c = cred_own();
	uint32_t old = c->fsuid;

	if (uid == UNCHANGED || !(capable(CAP_SETUID) || one_of(uid, c->uid, c->euid, c->suid) || uid == old))
		return old;
	c->fsuid = uid;
	if (old == 0 && uid != 0)
		c->cap_effective &= ~FS_CAPS;
	else if (old != 0 && uid == 0)
		c->cap_effective |= c->cap_permitted & FS_CAPS;
	return old;
}

long sys_setfsgid(uint32_t gid)
{
	struct cred *c = cred_own();
	uint32_t old = c->fsgid;

	if (gid != UNCHANGED && (capable(CAP_SETGID) || one_of(gid, c->gid, c->egid, c->sgid)))
		c->fsgid = gid;
	return old;
}

long sys_getgroups(int size, void *ulist)
{
	const struct group_list *g = cred_own()->groups;
	uint32_t nr = g != NULL ? g->nr : 0;

	if (size < 0)
		return -EINVAL;
	if (size != 0) {
		if ((uint32_t)size < nr)
			return -EINVAL;
		if (nr != 0 && copy_to_user(ulist, g->id, nr * sizeof(g->id[0])) != 0)
			return -EFAULT;
	}
	return nr;
}

long sys_setgroups(int size, const void *ulist)
{
	struct cred *c = cred_own();
	struct group_list *g = NULL, *old;

	if (!capable(CAP_SETGID))
		return -EPERM;
	if (size < 0 || (uint32_t)size > GROUPS_MAX)
		return -EINVAL;
	if (size > 0) {
		g = groups_create((uint32_t)size);
		if (g == NULL)
			return -ENOMEM;
		if (copy_from_user(g->id, ulist, (size_t)size * sizeof(g->id[0])) != 0) {
			groups_put(g);
			return -EFAULT;
		}
		groups_sort(g);
	}
	old = c->groups;
	__atomic_store_n(&c->groups, g, __ATOMIC_RELEASE); /* other threads look without a lock: permission.c */
	groups_put(old);
	return 0;
}
