/* SPDX-License-Identifier: MIT */
/* kvm_probe.h - what /dev/kvm of this host is and offers, found without keeping anything open. For `cay doctor`. */
#ifndef CAY_VMM_BACKEND_KVM_KVM_PROBE_H
#define CAY_VMM_BACKEND_KVM_KVM_PROBE_H

#include <stdbool.h>

enum kvm_kind {
	KVM_KIND_VTX,      /* Intel's hardware support */
	KVM_KIND_AMDV,     /* AMD's */
	KVM_KIND_SOFTWARE, /* neither: a KVM that runs guest user code natively and interprets the rest, such as PVM */
};

#define KVM_PROBE_CAPS 6
struct kvm_probe {
	int open_error;   /* errno of opening /dev/kvm, 0 = it opened */
	int api_version;  /* KVM_GET_API_VERSION; 12 is the only one there is */
	int create_error; /* errno of KVM_CREATE_VM, 0 = it works */
	enum kvm_kind kind;
	struct kvm_probe_cap {
		const char *name;
		bool present;
	} caps[KVM_PROBE_CAPS];
};

void kvm_probe(struct kvm_probe *p);

#endif
