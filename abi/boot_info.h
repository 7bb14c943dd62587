/* SPDX-License-Identifier: MIT */
/*
 * boot_info.h - what the VMM tells the kernel before its first instruction, in the manner of PVH start info.
 * Lives at CAY_BOOT_INFO_GPA; written once by the VMM, read-only for the guest. Strings are offsets into
 * `strings`, NUL-terminated inside the area.
 */
#ifndef CAY_ABI_BOOT_INFO_H
#define CAY_ABI_BOOT_INFO_H

#include <stdint.h>

#define CAY_ABI_VERSION 2u
#define CAY_BOOT_MAGIC  0x544f4f4279614330ULL /* "0CayBOOT" read as bytes */

/* cpu_features bits: what the kernel may use without cpuid, which costs an exit. */
#define CAY_CPU_XSAVE    (1u << 0)
#define CAY_CPU_XSAVEC   (1u << 1)
#define CAY_CPU_XSAVEOPT (1u << 2)
#define CAY_CPU_FSGSBASE (1u << 3)
#define CAY_CPU_RDRAND   (1u << 4)
#define CAY_CPU_ERMS     (1u << 5)
#define CAY_CPU_XINUSE   (1u << 6) /* xgetbv with ecx = 1 */

/* flags */
#define CAY_BOOT_STRACE     (1u << 0) /* log system calls */
#define CAY_BOOT_VERBOSE    (1u << 1) /* name unimplemented calls once */
#define CAY_BOOT_TTY_IN     (1u << 2) /* fds 0, 1, 2 of the host are terminals */
#define CAY_BOOT_TTY_OUT    (1u << 3)
#define CAY_BOOT_TTY_ERR    (1u << 4)
#define CAY_BOOT_NO_POLL    (1u << 5) /* one host CPU: never poll, wait at once */
#define CAY_BOOT_NO_REWRITE (1u << 6) /* leave call sites alone (tests, debugging) */
#define CAY_BOOT_GDB        (1u << 7)
#define CAY_BOOT_MISSING    (1u << 8) /* at the end list the files the program looked for in vain */
#define CAY_BOOT_NO_INIT    (1u << 9) /* orphans are the first program's to wait for; else the kernel reaps them */

enum cay_device_kind {
	CAY_DEV_NONE = 0,
	CAY_DEV_FS = 26,     /* virtio device id: file system (virtio 1.2 section 5.11) */
	CAY_DEV_RNG = 4,     /* entropy device (5.4) */
	CAY_DEV_NET = 1,     /* network card (5.1; abi/net.h) */
	CAY_DEV_BLOCK = 2,   /* block device (5.2) */
	CAY_DEV_STDIO = 128, /* the three host descriptors; abi/stdio.h */
	CAY_DEV_LINK = 129   /* memory shared with other VMs; abi/link.h */
};

/* One virtqueue, split layout (virtio 1.2 section 2.7); memory is the guest's, chosen by the VMM at boot. */
struct cay_queue_info {
	uint64_t desc_gpa;  /* nr * 16 bytes */
	uint64_t avail_gpa; /* 6 + nr * 2 bytes */
	uint64_t used_gpa;  /* 6 + nr * 8 bytes */
	uint32_t nr;        /* power of two */
	uint32_t event;     /* bit in vcpu_page.pending set when the device has used buffers */
	uint64_t doorbell;  /* offset in the gate page; store 32 bits of anything */
};

#define CAY_DEV_QUEUES_MAX 8
struct cay_device_info {
	uint32_t kind; /* enum cay_device_kind */
	uint32_t nr_queues;
	uint64_t features; /* offered and, since both sides ship together, accepted */
	char tag[40];      /* fs: mount tag */
	uint64_t config[4];
	struct cay_queue_info queue[CAY_DEV_QUEUES_MAX];
};

/* A mount the kernel makes before the program starts, in order. Missing folders on the way are made in memory. */
#define CAY_MOUNT_RDONLY  (1u << 0)
#define CAY_MOUNT_OVERLAY (1u << 1) /* writes go to memory */
#define CAY_MOUNT_LINK    (1u << 2) /* no mount: a symbolic link at guest_path; `share` is the string of its target */
struct cay_mount_info {
	uint32_t flags;
	uint32_t guest_path; /* string */
	uint32_t device;     /* index into devices, kind CAY_DEV_FS */
	uint32_t share;      /* which shared folder of that device (FUSE root is node 1 + share; abi/hostfs.h) */
};

#define CAY_DEVICES_MAX   8
#define CAY_MOUNTS_MAX    24
#define CAY_STRINGS_BYTES 4096 /* big argv and environment come in the module, not here */

struct cay_boot_info {
	uint64_t magic;
	uint32_t abi_version;
	uint32_t flags;
	uint64_t ram_bytes;
	uint64_t first_free_gpa; /* RAM below is taken: system pages, image, page tables, queues, module; but for this:
				  */
	uint64_t low_free_gpa,
		low_free_end_gpa; /* small host pages beside page tables: the last to be used; page-aligned */
	uint64_t pt_pool_gpa;     /* boot page tables' unused rest: page-aligned, for the kernel's page tables */
	uint64_t pt_pool_bytes;
	uint64_t small_end_gpa; /* RAM below is small host pages, made at first touch or by CAY_GATE_POPULATE; huge ones
				   above */
	uint64_t attached_gpa;  /* RAM from here on must be asked for first: CAY_GATE_ATTACH */
	uint64_t cr3_gpa;
	/* Functions (System V calling convention, general registers only) that the kernel calls instead of trapping,
	 * where the backend has code in the guest's address space (abi/gate.h); 0 = trap. */
	uint64_t stub_gate;    /* (offset in the gate page): what a store there does */
	uint64_t stub_flush;   /* (va, 0): forget one page; (0, cr3): load CR3 */
	uint64_t stub_fill;    /* (va): the page there was filled in and will be touched next */
	uint64_t kernel_bytes; /* image size in memory, bss included */
	uint64_t module_gpa;   /* argv, envp: `argc` then `envc` NUL-terminated strings, one after another */
	uint64_t module_bytes;
	uint32_t argc, envc;
	uint32_t nr_cpus;
	uint32_t cpu_features;
	uint64_t xcr0;
	uint32_t xsave_bytes; /* size of the standard-format area for xcr0 */
	uint32_t hwcap;       /* cpuid 1 edx, for AT_HWCAP */
	uint32_t uid, gid;
	uint8_t seed[64];       /* from the host's getrandom */
	uint64_t tsc_start_vmm; /* TSC at main() of the VMM, for --timing */
	uint32_t program;       /* string: path of the program as the guest sees it */
	uint32_t cwd;           /* string */
	uint32_t hostname;      /* string */
	uint32_t hosts;         /* string: contents of /etc/hosts; empty = as shared */
	uint32_t strace_set;    /* string: comma-separated calls, empty = all */
	uint32_t nr_devices, nr_mounts;
	struct cay_device_info devices[CAY_DEVICES_MAX];
	struct cay_mount_info mounts[CAY_MOUNTS_MAX];
	char strings[CAY_STRINGS_BYTES];
};

_Static_assert(sizeof(struct cay_boot_info) <= 0x2000, "boot info fits its two pages");

#endif
