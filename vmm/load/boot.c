/* SPDX-License-Identifier: MIT */
/*
 * boot.c - the first 2 MiB: system pages, queues, arguments, page tables; and the kernel image behind them. What does
 * not fit there (long arguments) goes right after the image.
 */
#include "vmm/load/boot.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <x86intrin.h>

#include "abi/layout.h"
#include "vmm/cli/run_options.h"
#include "vmm/core/clock.h"
#include "vmm/core/io_thread_priv.h"
#include "vmm/core/timing.h"
#include "vmm/load/page_tables.h"

/* Arguments up to this size share the first 2 MiB with the page tables. */
#define MODULE_INLINE_MAX (64u << 10)
#define PT_POOL_MIN       (640u << 10) /* the tables of the largest RAM, and some */
/* So much of the rest the kernel gets for page tables; what is left then is ordinary memory. */
#define PT_POOL_FREE (768u << 10)

uint32_t boot_string_add(struct vm *vm, const char *s)
{
	struct cay_boot_info *bi = vm->boot_info;
	size_t bytes = strlen(s) + 1;
	uint32_t at = vm->strings_used;

	if (bytes == 1 || bytes > CAY_STRINGS_BYTES - at)
		return 0;
	memcpy(bi->strings + at, s, bytes);
	vm->strings_used += (uint32_t)bytes;
	return at;
}

int boot_begin(struct vm *vm, const struct kernel_image *img)
{
	struct cay_boot_info *bi = gmem_ptr(&vm->mem, CAY_BOOT_INFO_GPA, sizeof(*bi));

	vm->boot_info = bi;
	vm->stats = gmem_ptr(&vm->mem, CAY_STATS_GPA, sizeof(*vm->stats));
	for (unsigned i = 0; i < vm->nr_vcpus; i++) {
		vm->vcpu[i].page = gmem_ptr(&vm->mem, CAY_VCPU_GPA + i * CAY_PAGE_BYTES, CAY_PAGE_BYTES);
		/* Events may come before the kernel's first instruction: it has no upcall entry then. */
		vm->vcpu[i].page->masked = 1;
	}
	vm->alloc_gpa = CAY_LOW_GPA;
	vm->alloc_end_gpa = CAY_HUGE_BYTES - PT_POOL_MIN;
	vm->strings_used = 1; /* offset 0 is the empty string */
	vm->next_event = CAY_EVENT_QUEUE;
	*bi = (struct cay_boot_info){
		.magic = CAY_BOOT_MAGIC,
		.abi_version = CAY_ABI_VERSION,
		.ram_bytes = vm->mem.bytes,
		.kernel_bytes = img->image_bytes,
		.small_end_gpa = GMEM_SMALL_BYTES,
		.attached_gpa = vm->mem.bytes,
		.nr_cpus = vm->nr_vcpus,
		.uid = vm->opt->uid,
		.gid = vm->opt->gid,
	};
	vm->backend->cpu_describe(vm);
	if (getrandom(bi->seed, sizeof(bi->seed), 0) != (ssize_t)sizeof(bi->seed))
		return -EIO;
	return 0;
}

static size_t strings_bytes(char *const *v, int n)
{
	size_t bytes = 0;

	for (int i = 0; i < n; i++)
		bytes += strlen(v[i]) + 1;
	return bytes;
}

static uint8_t *put_strings(uint8_t *at, char *const *v, int n)
{
	for (int i = 0; i < n; i++)
		at = (uint8_t *)stpcpy((char *)at, v[i]) + 1;
	return at;
}

/* argv and envp, one string after another. */
static int put_module(struct vm *vm, const struct kernel_image *img)
{
	const struct run_options *opt = vm->opt;
	struct cay_boot_info *bi = vm->boot_info;
	size_t bytes = strings_bytes(opt->argv, opt->argc) + strings_bytes(opt->envp, opt->envc);
	uint64_t gpa = bytes <= MODULE_INLINE_MAX ? vm_boot_alloc(vm, bytes, 16) : 0;
	uint8_t *at;

	bi->first_free_gpa = CAY_KERNEL_GPA + img->image_bytes;
	if (gpa == 0) {
		gpa = bi->first_free_gpa;
		bi->first_free_gpa = ALIGN_UP(gpa + bytes, CAY_PAGE_BYTES);
		if (bi->first_free_gpa > vm->mem.bytes / 4 * 3)
			return -E2BIG;
	}
	at = gmem_ptr(&vm->mem, gpa, bytes);
	at = put_strings(at, opt->argv, opt->argc);
	put_strings(at, opt->envp, opt->envc);
	bi->module_gpa = gpa;
	bi->module_bytes = bytes;
	bi->argc = (uint32_t)opt->argc;
	bi->envc = (uint32_t)opt->envc;
	return 0;
}

int boot_finish(struct vm *vm, const struct kernel_image *img, struct vcpu_start *start)
{
	const struct run_options *opt = vm->opt;
	struct cay_boot_info *bi = vm->boot_info;
	uint64_t pool_gpa;
	int err = put_module(vm, img);

	if (err != 0)
		return err;
	pool_gpa = ALIGN_UP(vm->alloc_gpa, CAY_PAGE_BYTES);
	bi->cr3_gpa = page_tables_build(vm, img, &pool_gpa, CAY_HUGE_BYTES);
	if (bi->cr3_gpa == 0)
		return -ENOSPC;
	bi->pt_pool_gpa = pool_gpa;
	bi->pt_pool_bytes = MIN(CAY_HUGE_BYTES - pool_gpa, PT_POOL_FREE);
	bi->low_free_gpa = pool_gpa + bi->pt_pool_bytes;
	bi->low_free_end_gpa = CAY_HUGE_BYTES;
	bi->program = boot_string_add(vm, opt->program);
	bi->cwd = boot_string_add(vm, opt->cwd);
	bi->hostname = boot_string_add(vm, opt->hostname);
	bi->strace_set = opt->strace && opt->strace_set != NULL ? boot_string_add(vm, opt->strace_set) : 0;
	bi->flags |= opt->strace ? CAY_BOOT_STRACE : 0;
	bi->flags |= opt->verbosity > 0 ? CAY_BOOT_VERBOSE : 0;
	bi->flags |= io_may_poll() ? 0 : CAY_BOOT_NO_POLL;
	/* A debugger that puts back what it replaced must not meet code that changed meanwhile. */
	bi->flags |= opt->gdb_port != 0 ? CAY_BOOT_GDB | CAY_BOOT_NO_REWRITE : 0;
	bi->flags |= opt->no_init ? CAY_BOOT_NO_INIT : 0;
	bi->flags |= opt->missing_files ? CAY_BOOT_MISSING : 0;
	if (bi->program == 0 || bi->cwd == 0)
		return -E2BIG;
	bi->hosts = boot_string_add(vm, opt->hosts); /* last: it may be left out */
	clock_publish(vm);
	*start = (struct vcpu_start){
		.rip = img->entry_gva,
		.cr3_gpa = bi->cr3_gpa,
		.lstar = CAY_KERNEL_GVA + CAY_KERNEL_LSTAR_OFFSET,
		.gs_base = CAY_DIRECT_GVA + CAY_VCPU_GPA,
	};
	return 0;
}
