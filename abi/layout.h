/* SPDX-License-Identifier: MIT */
/*
 * layout.h - where things are: guest-physical (GPA) and guest-virtual (GVA) addresses.
 * Self-contained; included by guest and host. Every fixed address of the project is in this file.
 *
 * Guest-physical                                             Guest-virtual
 *   0x0000_0000  unused page (a null GPA is never valid)        [0x1_0000, 0x7000_0000_0000)  the program
 *   0x0000_1000  system page: GDT, TSS, IDT, CPL 0 stub         0x7000_0000_0000  all RAM, linear ("direct map")
 *   0x0000_2000  boot info                                      0x7800_0000_0000  system page
 *   0x0000_4000  kernel statistics (CAY_STATS_BYTES)            0x7800_0010_0000  gate page (never backed by RAM)
 *   0x0001_0000  vCPU pages, one each                           0x7800_0020_0000  stub of the process backend
 *   0x0003_0000  queues, arguments, page tables                 0x7f00_0000_0000  kernel image
 *   0x0020_0000  kernel image, a huge page, then free memory (from boot_info.first_free_gpa)
 *   RAM is [0, ram_bytes), at least 4 MiB, at most 128 GiB
 *   0x40_0000_0000  file window: host files mapped by the VMM
 *   0x7f_ffff_f000  gate page
 *
 * All GPAs stay under 2^39, the least that a 64-bit host CPU offers. The upper half of the virtual
 * address space is never used: it may belong to the host (docs/design.md).
 *
 * The kernel image is in one 2 MiB block and can be seen there through CAY_KERNEL_VIEWS windows of 2 MiB, one after
 * another: code, constants, and data are each linked into a view of their own, at their offset in the image. So each
 * has its rights, and each is one huge page: with shadow paging, 4 KiB pages cost the start 45 hidden faults.
 */
#ifndef CAY_ABI_LAYOUT_H
#define CAY_ABI_LAYOUT_H

#define CAY_PAGE_BYTES 0x1000ULL
#define CAY_HUGE_BYTES 0x200000ULL

#define CAY_SYS_GPA          0x1000ULL
#define CAY_BOOT_INFO_GPA    0x2000ULL
#define CAY_BOOT_INFO_BYTES  0x2000ULL
#define CAY_STATS_GPA        0x4000ULL
#define CAY_STATS_BYTES      0x4000ULL
#define CAY_VCPU_GPA         0x10000ULL
#define CAY_VCPU_MAX         32
#define CAY_LOW_GPA          0x30000ULL /* behind the vCPU pages: queues and arguments, then page tables */
#define CAY_KERNEL_GPA       0x200000ULL
#define CAY_KERNEL_MAX_BYTES 0x180000ULL
#define CAY_RAM_MIN_BYTES    0x400000ULL
#define CAY_RAM_MAX_BYTES    0x2000000000ULL

#define CAY_WINDOW_GPA   0x4000000000ULL
#define CAY_WINDOW_BYTES 0x1000000000ULL
#define CAY_GATE_GPA     0x7ffffff000ULL

#define CAY_USER_MIN            0x10000ULL
#define CAY_USER_END            0x700000000000ULL
#define CAY_DIRECT_GVA          0x700000000000ULL
#define CAY_SYS_GVA             0x780000000000ULL
#define CAY_GATE_GVA            0x780000100000ULL
#define CAY_STUB_GVA            0x780000200000ULL /* not in the guest's page tables */
#define CAY_STUB_TEXT_BYTES     0x10000ULL
#define CAY_STUB_BYTES          0x80000ULL
#define CAY_KERNEL_GVA          0x7f0000000000ULL
#define CAY_KERNEL_VIEWS        4
#define CAY_KERNEL_SPAN         (CAY_KERNEL_VIEWS * CAY_HUGE_BYTES)
#define CAY_KERNEL_LSTAR_OFFSET 0x40 /* where a `syscall` instruction lands, from the start of the image */

/* Offset in the image of an address in [CAY_KERNEL_GVA, + CAY_KERNEL_SPAN). */
#define CAY_KERNEL_OFFSET(gva) ((gva) & (CAY_HUGE_BYTES - 1))

#endif
