# The stub of the process backend: a program of its own, without a C library, that travels inside the VMM.
STUB_SRC = $(wildcard vmm/backend/process/stub/*.[cS]) lib/x86_length.c lib/string.c
STUB_OBJ = $(STUB_SRC:%=$(BUILD)/stub/%.o)
CFLAGS_STUB = $(filter-out -DCAY_KERNEL=1,$(CFLAGS_KERNEL))
LDFLAGS_STUB = -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-T,vmm/backend/process/stub/stub.lds -Wl,-z,max-page-size=4096 \
	-Wl,--gc-sections -Wl,--no-relax

$(BUILD)/stub/%.c.o: %.c mk/stub.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_STUB) -c $< -o $@

$(BUILD)/stub/%.S.o: %.S mk/stub.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_STUB) -c $< -o $@

$(BUILD)/stub.elf: $(STUB_OBJ) vmm/backend/process/stub/stub.lds
	$(Q)$(CC) $(LDFLAGS_STUB) $(STUB_OBJ) -o $@

$(BUILD)/host/stub_blob.o: $(BUILD)/stub.elf
	@mkdir -p $(@D)
	$(Q)strip -o $(BUILD)/stub.stripped $<
	$(Q)printf '.section .rodata\n.global stub_blob, stub_blob_end\n.balign 4096\nstub_blob: .incbin "$(BUILD)/stub.stripped"\nstub_blob_end:\n.section .note.GNU-stack,"",@progbits\n' | $(CC) -c -x assembler - -o $@

-include $(STUB_OBJ:.o=.d)

debug-attach: ## gdb on the newest VM of the process backend: kernel, stub and program
	@BUILD=$(BUILD) tools/debug-attach

.PHONY: debug-attach
