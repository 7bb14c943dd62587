/* SPDX-License-Identifier: MIT */
/* A kernel that breaks its CPU: wild jumps, no handlers, privileged instructions, broken tables, junk in the vCPU page.
 */
#include "hostile.h"

static void wreck(uint64_t gpa, unsigned char fill)
{
	for (unsigned i = 0; i < 4096; i++)
		((volatile uint8_t *)PHYS(gpa))[i] = fill;
}

/* Maps [0, 2 MiB) to gpa, 4 KiB pages, through tables in scratch. Returns the last level. */
static volatile uint64_t *map_low(uint64_t gpa)
{
	volatile uint64_t *top = PHYS(BOOT->cr3_gpa), *table = (volatile uint64_t *)(scratch + 4096);

	for (unsigned i = 0; i < 512; i++)
		table[1024 + i] = (gpa + i * 4096) | 7;
	table[512] = gpa_of(&table[1024]) | 7;
	table[0] = gpa_of(&table[512]) | 7;
	top[0] = gpa_of(&table[0]) | 7;
	return &table[1024];
}

static void ring_0(void)
{
	__asm__ volatile("xor %eax, %eax; mov %rax, %cr3; lidt 0; mov %rax, %cr4; wrmsr; outb %al, $0x80; hlt");
	for (;;)
		;
}

void attack(const char *variant)
{
	if (same(variant, "jump-null"))
		((void (*)(void))0)();
	else if (same(variant, "jump-upper"))
		((void (*)(void))0xffffffff80000000ull)();
	else if (same(variant, "jump-noncanonical"))
		__asm__ volatile("mov %0, %%rax; jmp *%%rax" ::"i"(0x8000000000000000ull) : "rax");
	else if (same(variant, "no-handlers")) {
		VCPU->iret.rip = VCPU->iret.cs = VCPU->iret.ss = 0;
		__asm__ volatile("ud2");
	} else if (same(variant, "handler-faults")) {
		VCPU->iret.rip = 0x1234;
		VCPU->iret.rsp = 0x5678;
		*(volatile int *)8 = 1;
	} else if (same(variant, "iret-to-ring-0")) {
		/* The stub returns where this page says: a selector of ring 0 gains nothing outside the VM. */
		VCPU->iret.rip = (uint64_t)ring_0;
		VCPU->iret.rsp = (uint64_t)scratch + sizeof(scratch);
		VCPU->iret.cs = 0x08;
		VCPU->iret.ss = 0x10;
		*(volatile int *)8 = 1;
	} else if (same(variant, "flush-to-nowhere")) {
		/* The marked ud2 with a CR3 that points outside RAM. */
		__asm__ volatile("lea 1f(%%rip), %%rax; mov %%rax, %0; xor %%edi, %%edi; mov %1, %%rsi; 1: ud2"
				 : "=m"(VCPU->flush_rip)
				 : "r"(0x7ffffff000ull)
				 : "rax", "rdi", "rsi", "memory");
	} else if (same(variant, "no-stack"))
		__asm__ volatile("xor %esp, %esp; push %rax");
	else if (same(variant, "syscall"))
		__asm__ volatile("syscall" ::: "rcx", "r11", "memory");
	else if (same(variant, "hlt"))
		__asm__ volatile("hlt");
	else if (same(variant, "cli"))
		__asm__ volatile("cli; 1: jmp 1b");
	else if (same(variant, "spin"))
		for (;;)
			;
	else if (same(variant, "out"))
		__asm__ volatile("outb %%al, %%dx" ::"a"(0), "d"(0x80));
	else if (same(variant, "wrmsr"))
		__asm__ volatile("wrmsr" ::"a"(0), "d"(0), "c"(0x1b));
	else if (same(variant, "mov-cr3"))
		__asm__ volatile("mov %0, %%cr3" ::"r"(0ul));
	else if (same(variant, "lidt"))
		__asm__ volatile("lidt (%0)" ::"r"(scratch));
	else if (same(variant, "int"))
		__asm__ volatile("int $0x80");
	else if (same(variant, "int3"))
		__asm__ volatile("int3");
	else if (same(variant, "divide"))
		__asm__ volatile("div %0" ::"r"(0ul), "a"(1), "d"(0));
	else if (same(variant, "trap-flag"))
		__asm__ volatile("pushfq; orl $0x100, (%rsp); popfq; nop; nop");
	else if (same(variant, "alignment"))
		__asm__ volatile("pushfq; orl $0x40000, (%%rsp); popfq; movl $1, 1(%0)" ::"r"(scratch));
	else if (same(variant, "vmcall"))
		__asm__ volatile("vmcall" ::"a"(0));
	else if (same(variant, "system-page-zero")) {
		wreck(CAY_SYS_GPA, 0);
		__asm__ volatile("ud2");
	} else if (same(variant, "system-page-ones")) {
		wreck(CAY_SYS_GPA, 0xff);
		__asm__ volatile("ud2");
	} else if (same(variant, "page-tables-zero")) {
		wreck(BOOT->cr3_gpa, 0);
		for (volatile uint64_t *p = PHYS(0);; p += 512)
			(void)*p;
	} else if (same(variant, "page-tables-ones")) {
		wreck(BOOT->cr3_gpa, 0xff);
		for (volatile uint64_t *p = PHYS(0);; p += 512)
			(void)*p;
	} else if (same(variant, "map-nowhere")) {
		map_low(0x3000000000ull); /* a physical address with nothing behind it */
		*(volatile uint64_t *)0x1000 = 1;
	} else if (same(variant, "map-window")) {
		map_low(CAY_WINDOW_GPA); /* a page of the file window in which no file is mapped */
		*(volatile uint64_t *)0x1000 = 1;
	} else if (same(variant, "read-window")) {
		map_low(CAY_WINDOW_GPA + 0x200000);
		(void)*(volatile uint64_t *)0x1000;
	} else if (same(variant, "run-nowhere")) {
		map_low(0x3000000000ull);
		((void (*)(void))0x1000)();
	} else if (same(variant, "map-beyond-ram")) {
		map_low(BOOT->ram_bytes);
		*(volatile uint64_t *)0x1000 = 1;
	} else if (same(variant, "gate-elsewhere")) {
		/* The gate page at another virtual address: same device, no more rights. */
		volatile uint64_t *pt = map_low(0);

		pt[1] = CAY_GATE_GPA | 7;
		*(volatile uint32_t *)(0x1000 + 4 * 77) = 1;
	} else if (same(variant, "vcpu-page-junk")) {
		for (unsigned i = 0; i < 2000; i++) {
			for (unsigned j = 0; j < 192; j++)
				((volatile uint8_t *)VCPU)[j] = (uint8_t)(i * 37 + j * 11);
			VCPU->pending = 0;
			VCPU->timer_deadline_ns = 1;
			gate(CAY_GATE_TIMER, 0, 0, 0, 0, 0);
		}
		VCPU->masked = 1;
	} else if (same(variant, "upcall-nowhere")) {
		VCPU->upcall_entry = 0x800000000000ull;
		VCPU->upcall_stack = -1ull;
		VCPU->state = CAY_VCPU_RUNNING;
		VCPU->timer_deadline_ns = 1;
		VCPU->masked = 0;
		gate(CAY_GATE_TIMER, 0, 0, 0, 0, 0);
		for (uint64_t begin = __builtin_ia32_rdtsc(); __builtin_ia32_rdtsc() - begin < 1000000000;)
			;
	} else if (same(variant, "boot-info-junk")) {
		wreck(CAY_BOOT_INFO_GPA, 0xff);
		wreck(CAY_STATS_GPA, 0xff);
	} else
		accepted();
}
