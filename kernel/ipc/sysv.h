/* SPDX-License-Identifier: MIT */
/*
 * sysv.h - System V IPC: the system calls shmget(2) to msgctl(2), and what the rest of the kernel needs of them.
 * Pointers are the program's. Errors are those of the man pages.
 */
#ifndef CAY_KERNEL_IPC_SYSV_H
#define CAY_KERNEL_IPC_SYSV_H

#include <stdint.h>

#include "kernel/fs/text.h"

/* Limits, Linux's defaults: /proc/sys/kernel/shmmax, shmall, shmmni, sem, msgmax, msgmnb, msgmni. */
#define SHM_BYTES_MAX   18446744073692774399ull
#define SHM_PAGES_MAX   18446744073692774399ull
#define SHM_OBJECTS_MAX 4096
#define SEM_OBJECTS_MAX 32000
#define SEM_PER_SET_MAX 32000
#define SEM_OPS_MAX     500
#define SEM_VALUE_MAX   32767
#define MSG_BYTES_MAX   8192u  /* one message */
#define MSG_QUEUE_BYTES 16384u /* a queue, unless changed */
#define MSG_OBJECTS_MAX 32000

struct process;
struct sembuf;

long sys_shmget(int key, uint64_t bytes, int flags);
long sys_shmat(int id, uint64_t addr, int flags);
long sys_shmdt(uint64_t addr);
long sys_shmctl(int id, int cmd, void *ubuf);

long sys_semget(int key, int nr, int flags);
long sys_semop(int id, struct sembuf *uops, unsigned nr);
long sys_semtimedop(int id, struct sembuf *uops, unsigned nr, const void *utimeout);
long sys_semctl(int id, int num, int cmd, uint64_t arg);

long sys_msgget(int key, int flags);
long sys_msgsnd(int id, const void *umsg, uint64_t bytes, int flags);
long sys_msgrcv(int id, void *umsg, uint64_t bytes, int64_t type, int flags);
long sys_msgctl(int id, int cmd, void *ubuf);

/* What a process did with SEM_UNDO is undone. By its last thread, which may not block here. */
void ipc_process_exit(const struct process *p);

/* /proc/sysvipc */
int ipc_show_shm(uint64_t unused, struct text *t);
int ipc_show_sem(uint64_t unused, struct text *t);
int ipc_show_msg(uint64_t unused, struct text *t);

#endif
