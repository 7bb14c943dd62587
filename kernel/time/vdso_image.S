/* SPDX-License-Identifier: MIT */
/* vdso_image.S - the built vDSO (vdso/), in whole pages of the kernel image. VDSO_PATH: mk/vdso.mk. */
	.section .vdso_image, "a", @progbits
	.balign 4096
	.global vdso_image_start, vdso_image_end
vdso_image_start:
	.incbin VDSO_PATH
	.balign 4096
vdso_image_end:
	.section .note.GNU-stack, "", @progbits
