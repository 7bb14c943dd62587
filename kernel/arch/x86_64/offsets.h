/* SPDX-License-Identifier: MIT */
/* offsets.h - structure offsets for assembly; each is asserted against the C structure in cpu.c. */
#ifndef CAY_KERNEL_ARCH_OFFSETS_H
#define CAY_KERNEL_ARCH_OFFSETS_H

/* struct cay_vcpu_page and, behind CAY_VCPU_OFF_GUEST, struct cpu: from the GS base */
#define PG_MASKED         0
#define PG_PENDING        64
#define PG_UP_RIP         256
#define PG_UP_RSP         264
#define PG_UP_RFLAGS      272
#define PG_EXC_CR2        320
#define PG_EXC_VECTOR     328
#define PG_EXC_ERROR      352
#define PG_EXC_RIP        360
#define PG_EXC_RFLAGS     376
#define PG_EXC_RSP        384
#define CPU_SELF          1024
#define CPU_CURRENT       1032
#define CPU_KSTACK_TOP    1040
#define CPU_SCRATCH0      1048
#define CPU_SCRATCH1      1056
#define CPU_ID            1088
#define CPU_SYSCALL_ENTRY 1096
#define CPU_TO_SAMPLE     1104

#define PG_CALLS 2048 /* syscall_count: counted by number */

/* struct thread */
#define THREAD_SWITCH_RSP 0
#define THREAD_WORK       24

/* struct trapframe */
#define FR_R15      0
#define FR_R14      8
#define FR_R13      16
#define FR_R12      24
#define FR_RBP      32
#define FR_RBX      40
#define FR_R11      48
#define FR_R10      56
#define FR_R9       64
#define FR_R8       72
#define FR_RAX      80
#define FR_RCX      88
#define FR_RCX      88
#define FR_RDX      96
#define FR_RSI      104
#define FR_RDI      112
#define FR_ORIG_RAX 120
#define FR_RIP      128
#define FR_RFLAGS   144
#define FR_RSP      152
#define FR_BYTES    176

/* Kernel addresses begin at 7 << 44 (CAY_USER_END): "kernel mode" is rip and rsp >> KERNEL_SHIFT == KERNEL_TOP_BITS. */
#define KERNEL_SHIFT    44
#define KERNEL_TOP_BITS 7

#define RFLAGS_TF     0x100
#define RFLAGS_AC     0x40000
#define RFLAGS_DF     0x400
#define SYSCALL_LIMIT 512

#endif
