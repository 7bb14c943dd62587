/* SPDX-License-Identifier: MIT */
/* system_page.c - descriptors and the CPL 0 stub, as the guest's CPU will see them. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "abi/layout.h"
#include "vmm/backend/kvm/stub.h"
#include "x86/desc.h"

void stub_fill_system_page(void *page)
{
	uint8_t *p = page;
	uint64_t gdt[8] = {0};
	struct idt_gate idt[NR_VECTORS];
	size_t code_bytes = (size_t)(cay_stub_end - cay_stub);

	assert(STUB_OFFSET + code_bytes <= CAY_PAGE_BYTES);
	gdt[SEL_CPL0_CS >> 3] = GDT_CODE64(0);
	gdt[SEL_CPL0_SS >> 3] = GDT_DATA(0);
	gdt[SEL_CPL3_SS >> 3] = GDT_DATA(3);
	gdt[SEL_CPL3_CS >> 3] = GDT_CODE64(3);
	for (unsigned v = 0; v < NR_VECTORS; v++) {
		uint64_t entry = CAY_SYS_GVA + STUB_OFFSET + v * STUB_ENTRY_BYTES;
		/* int3 and into are the program's to execute; the rest only happens. */
		unsigned dpl = v == VEC_BP || v == VEC_OF ? 3 : 0;

		idt[v] = (struct idt_gate){
			.offset_0 = (uint16_t)entry,
			.selector = SEL_CPL0_CS,
			.ist = 1,
			.type = (uint8_t)IDT_INTERRUPT_GATE(dpl),
			.offset_16 = (uint16_t)(entry >> 16),
			.offset_32 = (uint32_t)(entry >> 32),
		};
	}
	memset(p, 0, CAY_PAGE_BYTES);
	memcpy(p + SYS_OFF_GDT, gdt, sizeof(gdt));
	memcpy(p + SYS_OFF_IDT, idt, sizeof(idt));
	memcpy(p + STUB_OFFSET, cay_stub, code_bytes);
}

void stub_fill_tss(void *tss, unsigned long ist1)
{
	uint8_t *p = tss;
	uint64_t top = ist1;
	uint16_t iomap = TSS_BYTES; /* beyond the limit: no I/O port is allowed */

	memset(p, 0, TSS_BYTES);
	memcpy(p + TSS_OFF_IST1, &top, 8);
	memcpy(p + TSS_OFF_IOMAP, &iomap, 2);
}
