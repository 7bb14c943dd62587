/* SPDX-License-Identifier: MIT */
/*
 * stub.h - the stub: the only code in the guest's process that is not the guest's, and what a hypervisor is to a
 * virtual machine there: it turns signals into exceptions and upcalls, page-table entries into mappings, and gate calls
 * into requests to the VMM. It has no thread-local data and no C library; it finds its state from its own address. What
 * it protects the guest from is accidents: the guest can overwrite it. What contains the guest is the filter.
 */
#ifndef CAY_VMM_BACKEND_PROCESS_STUB_STUB_H
#define CAY_VMM_BACKEND_PROCESS_STUB_STUB_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/layout.h"
#include "abi/vcpu_page.h"
#include "vmm/backend/process/shared.h"

struct stub {
	struct stub_control *control;
	struct cay_vcpu_page *page;
	uint64_t ram_bytes;
	uint64_t root_gpa; /* CR3 */
	uint64_t lstar;
	uint64_t nr_doorbells, nr_vcpus;
	int timer;             /* of timer_create */
	bool window_has_zeros; /* some file became shorter */
	uint32_t window_read;  /* messages about the window read so far */
};
extern struct stub stub;

/* Of any vCPU below nr_vcpus. */
static inline struct stub_control *stub_control_of(uint64_t vcpu)
{
	return (struct stub_control *)(STUB_CONTROLS_GVA + vcpu * CAY_PAGE_BYTES);
}

static inline struct cay_vcpu_page *stub_page_of(uint64_t vcpu)
{
	return (struct cay_vcpu_page *)(CAY_DIRECT_GVA + CAY_VCPU_GPA + vcpu * CAY_PAGE_BYTES);
}

/* A request to the VMM: returns when it has been dealt with. */
void gate_request(enum stub_request request, uint32_t offset);
_Noreturn void gate_crash(enum stub_crash reason, uint64_t detail);
/* boot_info.stub_gate and a store to the gate page. */
void gate_call(uint64_t offset);

/* boot_info.stub_flush. */
void mmu_flush(uint64_t va, uint64_t cr3);
/* boot_info.stub_fill. */
void mmu_fill(uint64_t va);
/* As a new CR3 does. */
void mmu_forget_all(void);
enum mmu_verdict {
	MMU_MAPPED,    /* the page tables allow it, and now the host does */
	MMU_EXCEPTION, /* they do not: the kernel's business; *present is for the error code */
	MMU_GATE,      /* it is the gate page */
};
/* Whether the kernel's tables let it run at va, and write there. */
bool mmu_allows(uint64_t va, bool write, bool exec);
/* Whether va is the program's and the tables have a page of a mapped file there. */
bool mmu_is_files(uint64_t va);
/* What becomes of a fault at va. write, exec: what was tried. */
enum mmu_verdict mmu_fault(uint64_t va, bool write, bool exec, bool *present);

/* Takes note of what the VMM has mapped into the window. Whether there was anything new. */
bool window_update(void);
/* One message about the window, with the file's descriptor. */
void window_apply(const struct stub_message *m, int fd);

/* The handlers of all signals; 0 or -errno. */
int signals_init(void);
/* Once the guest's memory is there: they may come. */
int signals_unblock(void);
/* From now on only the calls that the filter allows. 0 or -errno. */
int wall_close(const struct stub_filter *filter);

#endif
