/* SPDX-License-Identifier: MIT */
/* kvm_probe.c - asking /dev/kvm. */
#include "vmm/backend/kvm/kvm_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/compiler.h"

/* cay run needs them all. */
static const struct {
	const char *name;
	int number;
} wanted[KVM_PROBE_CAPS] = {
	{"USER_MEMORY", KVM_CAP_USER_MEMORY},       /* guest RAM is our memory */
	{"SYNC_REGS", KVM_CAP_SYNC_REGS},           /* upcalls edit registers without further calls */
	{"IMMEDIATE_EXIT", KVM_CAP_IMMEDIATE_EXIT}, /* kicks cannot be lost */
	{"IOEVENTFD", KVM_CAP_IOEVENTFD},           /* doorbells wake the I/O thread directly */
	{"XSAVE", KVM_CAP_XSAVE},
	{"XCRS", KVM_CAP_XCRS},
};

void kvm_probe(struct kvm_probe *p)
{
	*p = (struct kvm_probe){0};
	/* These modules exist only where the processor shows its virtualization; any other KVM must do without. */
	if (access("/sys/module/kvm_intel", F_OK) == 0)
		p->kind = KVM_KIND_VTX;
	else if (access("/sys/module/kvm_amd", F_OK) == 0)
		p->kind = KVM_KIND_AMDV;
	else
		p->kind = KVM_KIND_SOFTWARE;

	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (kvm < 0) {
		p->open_error = errno;
		return;
	}
	p->api_version = ioctl(kvm, KVM_GET_API_VERSION, 0);
	for (unsigned i = 0; i < KVM_PROBE_CAPS; i++)
		p->caps[i] = (struct kvm_probe_cap){.name = wanted[i].name,
						    .present = ioctl(kvm, KVM_CHECK_EXTENSION, wanted[i].number) > 0};
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);

	if (vm < 0)
		p->create_error = errno;
	else
		close(vm);
	close(kvm);
}
