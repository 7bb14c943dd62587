/* SPDX-License-Identifier: MIT */
/* stub.h - the CPL 0 stub and the system page it lives in: GDT at 0, IDT at 0x80, code at STUB_OFFSET. */
#ifndef CAY_VMM_KVM_STUB_H
#define CAY_VMM_KVM_STUB_H

#define STUB_ENTRY_BYTES 48
#define SYS_OFF_GDT      0
#define SYS_OFF_IDT      0x80
#define STUB_OFFSET      0x280
#define NR_VECTORS       32

#ifndef __ASSEMBLER__
extern const char cay_stub[], cay_stub_end[];

/* Fills the system page (4096 bytes of guest memory at CAY_SYS_GPA) and a vCPU's TSS (104 bytes). */
void stub_fill_system_page(void *page);
void stub_fill_tss(void *tss, unsigned long ist1);
#endif

#endif
