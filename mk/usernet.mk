# The process of the user network (vmm/usernet): a program of its own, because Debian has libslirp as a shared library only, that
# travels inside the VMM so that one file stays the whole program.
USERNET_OBJ := $(patsubst %,$(BUILD)/host/%.o,$(filter-out %/waiter.c,$(wildcard vmm/usernet/*.c)) vmm/sandbox/landlock.c)
USERNET_FILTER := $(BUILD)/gen/vmm/usernet/filter.inc

$(BUILD)/tools/usernet_filter: tools/usernet_filter.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O1 -D_GNU_SOURCE $(WARN) -I. $< -lseccomp -o $@

$(USERNET_FILTER): $(BUILD)/tools/usernet_filter
	@mkdir -p $(@D)
	$(Q)$< > $@.new && mv $@.new $@

$(BUILD)/host/vmm/usernet/confine.c.o $(BUILD)/unit/obj/vmm/usernet/confine.c.o: $(USERNET_FILTER)
$(BUILD)/host/vmm/usernet/confine.c.o $(BUILD)/unit/obj/vmm/usernet/confine.c.o: CPPFLAGS_GEN = -I$(BUILD)/gen

$(BUILD)/usernet: $(USERNET_OBJ)
	$(Q)$(CC) -s -pie -Wl,-z,relro,-z,now $^ -lslirp -o $@

$(BUILD)/usernet_waiter: vmm/usernet/waiter.c vmm/usernet/raw_syscall.h vmm/usernet/usernet.h
	$(Q)$(CC) $(filter-out -MMD -MP -g,$(CFLAGS_ALL)) -D_GNU_SOURCE -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables \
		-fcf-protection=none -nostdlib -static -no-pie -s -Wl,-z,noseparate-code -Wl,--build-id=none $< -o $@

$(BUILD)/host/usernet_blob.o: $(BUILD)/usernet $(BUILD)/usernet_waiter
	@mkdir -p $(@D)
	$(Q)for f in usernet usernet_waiter; do n=$${f#usernet_}; \
		printf '.section .rodata\n.global %s_blob, %s_blob_end\n.balign 64\n%s_blob: .incbin "$(BUILD)/%s"\n%s_blob_end:\n' $$n $$n $$n $$f $$n; \
		done | sed '$$a .section .note.GNU-stack,"",@progbits' | $(CC) -c -x assembler - -o $@
