/* SPDX-License-Identifier: MIT */
/* capability.c - capget and capset, version 3 (64 bits in two halves), and 1 (32 bits) for old programs. */
#include <errno.h>
#include <linux/capability.h>

#include "kernel/fs/cred.h"
#include "kernel/linux/process_calls.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/thread.h"

/* How many 32-bit halves the caller's version has; tells it ours when it does not know it. 0: error in *err. */
static unsigned read_header(void *uheader, struct __user_cap_header_struct *h, int *err)
{
	*err = copy_from_user(h, uheader, sizeof(*h));
	if (*err != 0)
		return 0;
	switch (h->version) {
	case _LINUX_CAPABILITY_VERSION_1:
		return _LINUX_CAPABILITY_U32S_1;
	case _LINUX_CAPABILITY_VERSION_2:
	case _LINUX_CAPABILITY_VERSION_3:
		return _LINUX_CAPABILITY_U32S_3;
	default:
		*err = put_user_u32(uheader, _LINUX_CAPABILITY_VERSION_3);
		if (*err == 0)
			*err = -EINVAL;
		return 0;
	}
}

long sys_capget(void *uheader, void *udata)
{
	struct __user_cap_header_struct h;
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3];
	const struct cred *c;
	struct thread *t;
	int err;
	unsigned halves = read_header(uheader, &h, &err);

	if (halves == 0)
		return err == -EINVAL && udata == NULL ? 0 : err; /* asking for the version is no error */
	if (h.pid < 0)
		return -EINVAL;
	t = h.pid == 0 ? thread_current() : thread_find(h.pid);
	if (t == NULL)
		return -ESRCH;
	if (udata == NULL)
		return 0;
	c = &t->proc->cred;
	for (unsigned i = 0; i < halves; i++) {
		d[i].effective = (uint32_t)(c->cap_effective >> 32 * i);
		d[i].permitted = (uint32_t)(c->cap_permitted >> 32 * i);
		d[i].inheritable = (uint32_t)(c->cap_inheritable >> 32 * i);
	}
	return copy_to_user(udata, d, halves * sizeof(d[0]));
}

long sys_capset(void *uheader, const void *udata)
{
	struct __user_cap_header_struct h;
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3] = {0};
	struct cred *c = &process_current()->cred;
	uint64_t effective = 0, permitted = 0, inheritable = 0;
	int err;
	unsigned halves = read_header(uheader, &h, &err);

	if (halves == 0)
		return err;
	if (h.pid != 0 && h.pid != thread_current()->tid)
		return -EPERM;
	if (copy_from_user(d, udata, halves * sizeof(d[0])) != 0)
		return -EFAULT;
	for (unsigned i = 0; i < halves; i++) {
		effective |= (uint64_t)d[i].effective << 32 * i;
		permitted |= (uint64_t)d[i].permitted << 32 * i;
		inheritable |= (uint64_t)d[i].inheritable << 32 * i;
	}
	if ((permitted & ~c->cap_permitted) || (effective & ~permitted))
		return -EPERM;
	if (!cred_capable(c, CAP_SETPCAP) && (inheritable & ~(c->cap_inheritable | c->cap_permitted)))
		return -EPERM;
	if (inheritable & ~(c->cap_inheritable | c->cap_bounding))
		return -EPERM;
	c->cap_effective = effective;
	c->cap_permitted = permitted;
	c->cap_inheritable = inheritable;
	c->cap_ambient &= permitted & inheritable;
	return 0;
}
