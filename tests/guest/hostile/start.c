/* SPDX-License-Identifier: MIT */
/* start.c - the entry of every hostile image: a stack, then attack() with argv[1]. */
#include "hostile.h"

uint8_t scratch[1 << 18] __attribute__((aligned(4096)));
uint8_t boot_stack[16384] __attribute__((aligned(16)));

__asm__(".section .text.entry, \"ax\", @progbits\n"
	".global kernel_entry\n"
	"kernel_entry:\n"
	"	lea boot_stack+16384(%rip), %rsp\n"
	"	xor %ebp, %ebp\n"
	"	call hostile_main\n"
	"	ud2\n"
	/* Where a `syscall` instruction lands (CAY_KERNEL_LSTAR_OFFSET): back, with nothing done. */
	"	.org kernel_entry + 0x40\n"
	"	jmp *%rcx\n"
	".previous\n");

/* Where an exception ends up, unless the attack says otherwise: it reports and is over. */
static void on_exception(void)
{
	static const char text[] = "exception in a hostile kernel";

	gate(CAY_GATE_CRASH, gpa_of(text), sizeof(text) - 1, 0, 0, 0);
	for (;;)
		;
}

void hostile_main(void);
void hostile_main(void)
{
	const char *argv0 = PHYS(BOOT->module_gpa), *variant = argv0;

	VCPU->masked = 1;
	VCPU->iret.rip = (uint64_t)on_exception;
	VCPU->iret.cs = 0x33;
	VCPU->iret.ss = 0x2b;
	VCPU->iret.rflags = 2;
	VCPU->iret.rsp = (uint64_t)boot_stack + 8192;
	while (*variant != '\0')
		variant++;
	attack(variant + 1);
	survived();
}

/* The compiler may call these. */
void *memset(void *p, int c, size_t n);
void *memset(void *p, int c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile uint8_t *)p)[i] = (uint8_t)c;
	return p;
}

void *memcpy(void *d, const void *s, size_t n);
void *memcpy(void *d, const void *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile uint8_t *)d)[i] = ((const uint8_t *)s)[i];
	return d;
}
