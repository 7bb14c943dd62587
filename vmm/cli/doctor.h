/* SPDX-License-Identifier: MIT */
/* doctor.h - `cay doctor [--json]`: can this machine run VMs, with which backend, and what to do if not. */
#ifndef CAY_VMM_CLI_DOCTOR_H
#define CAY_VMM_CLI_DOCTOR_H

/* Returns 0 if `cay run` can work here, 1 if something must be repaired first, 125 for a wrong argument. */
int doctor(int argc, char **argv);

#endif
