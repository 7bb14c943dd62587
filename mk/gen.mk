# Sources made at build time, under $(BUILD)/gen with the path they are included by.

FILTER := $(BUILD)/gen/vmm/sandbox/filter.inc

$(BUILD)/tools/seccomp_filter: tools/seccomp_filter.c vmm/sandbox/filter.h abi/stdio.h
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O1 -D_GNU_SOURCE $(WARN) -I. $< -lseccomp -o $@

$(FILTER): $(BUILD)/tools/seccomp_filter
	@mkdir -p $(@D)
	$(Q)$< > $@.new && mv $@.new $@

$(BUILD)/host/vmm/sandbox/seccomp.c.o $(BUILD)/unit/obj/vmm/sandbox/seccomp.c.o: $(FILTER)
$(BUILD)/host/vmm/sandbox/seccomp.c.o $(BUILD)/unit/obj/vmm/sandbox/seccomp.c.o: CPPFLAGS_GEN = -I$(BUILD)/gen
