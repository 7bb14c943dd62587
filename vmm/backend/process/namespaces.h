/* SPDX-License-Identifier: MIT */
/*
 * namespaces.h - which namespaces the guest's process gets of its own, where the host permits it: user (no privilege
 * towards anything outside) and pid (nobody else to name). Else it runs without: the filter allows no call that could
 * tell the difference, so these are a second wall behind it, chosen by their price (docs/security.md).
 */
#ifndef CAY_VMM_BACKEND_PROCESS_NAMESPACES_H
#define CAY_VMM_BACKEND_PROCESS_NAMESPACES_H

#include <linux/sched.h>

#define GUEST_NAMESPACES (CLONE_NEWUSER | CLONE_NEWPID)

#endif
