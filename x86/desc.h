/* SPDX-License-Identifier: MIT */
/* desc.h - segment and gate descriptors, TSS (AMD64 APM vol 2, chapter 4 and 8; SDM vol 3, chapter 3 and 6). Facts
 * only. */
#ifndef CAY_X86_DESC_H
#define CAY_X86_DESC_H

#include <stdint.h>

#define SEL_CPL0_CS 0x08
#define SEL_CPL0_SS 0x10
#define SEL_TSS     0x18 /* two entries; never loaded from the table */
/*
 * RPL 3, with the numbers that 64-bit Linux has. A KVM without VT-x runs the guest's CPL 3 on the host's own segments:
 * an iretq to these is then the CPU's (50 ns), to any other the hypervisor's (14 us).
 */
#define SEL_CPL3_SS 0x2b
#define SEL_CPL3_CS 0x33

#define GDT_CODE64(dpl) (0x00209b0000000000ULL | (uint64_t)(dpl) << 45) /* P L code readable accessed */
#define GDT_DATA(dpl)   (0x00cf93000000ffffULL | (uint64_t)(dpl) << 45) /* P writable accessed */

struct idt_gate {
	uint16_t offset_0, selector;
	uint8_t ist, type; /* type 0x8e: present, interrupt gate, DPL 0; 0xee: DPL 3 */
	uint16_t offset_16;
	uint32_t offset_32, reserved;
};

#define IDT_INTERRUPT_GATE(dpl) (0x8e | (dpl) << 5)

#define TSS_OFF_IST1  36
#define TSS_OFF_IOMAP 102
#define TSS_BYTES     104

#define VEC_DE  0
#define VEC_DB  1
#define VEC_NMI 2
#define VEC_BP  3
#define VEC_OF  4
#define VEC_BR  5
#define VEC_UD  6
#define VEC_NM  7
#define VEC_DF  8
#define VEC_TS  10
#define VEC_NP  11
#define VEC_SS  12
#define VEC_GP  13
#define VEC_PF  14
#define VEC_MF  16
#define VEC_AC  17
#define VEC_MC  18 /* machine check: here, what was touched is a page that the host does not have any more */
#define VEC_XM  19
#define VEC_CP  21

/* Page-fault error code */
#define PF_PRESENT (1u << 0)
#define PF_WRITE   (1u << 1)
#define PF_USER    (1u << 2)
#define PF_RSVD    (1u << 3)
#define PF_INSTR   (1u << 4)

#endif
