# Sources made at build time, under $(BUILD)/gen with the path they are included by.

FILTER := $(BUILD)/gen/vmm/sandbox/filter_writable.inc $(BUILD)/gen/vmm/sandbox/filter_readonly.inc

$(BUILD)/tools/seccomp_filter: tools/seccomp_filter.c vmm/sandbox/filter.h abi/stdio.h
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O1 -D_GNU_SOURCE $(WARN) -I. $< -lseccomp -o $@

$(FILTER): $(BUILD)/gen/vmm/sandbox/filter_%.inc: $(BUILD)/tools/seccomp_filter
	@mkdir -p $(@D)
	$(Q)$< $* > $@.new && mv $@.new $@

$(BUILD)/host/vmm/sandbox/seccomp.c.o $(BUILD)/unit/obj/vmm/sandbox/seccomp.c.o: $(FILTER)
$(BUILD)/host/vmm/sandbox/seccomp.c.o $(BUILD)/unit/obj/vmm/sandbox/seccomp.c.o: CPPFLAGS_GEN = -I$(BUILD)/gen

# Names of system calls for --stats and --strace, from the kernel's own header.
SYSCALL_NAMES := $(BUILD)/gen/vmm/cli/syscall_names.inc

$(SYSCALL_NAMES): mk/gen.mk
	@mkdir -p $(@D)
	$(Q)echo '#include <asm/unistd_64.h>' | $(CC) -E -dM - | \
		sed -nE 's/^#define __NR_([a-z0-9_]+) ([0-9]+)$$/[\2] = "\1",/p' | LC_ALL=C sort > $@.new && mv $@.new $@

$(BUILD)/host/vmm/cli/syscall_names.c.o $(BUILD)/unit/obj/vmm/cli/syscall_names.c.o: $(SYSCALL_NAMES)
$(BUILD)/host/vmm/cli/syscall_names.c.o $(BUILD)/unit/obj/vmm/cli/syscall_names.c.o: CPPFLAGS_GEN = -I$(BUILD)/gen
