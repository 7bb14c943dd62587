# Cay: `make help` lists the targets.
CC ?= gcc
# DEBUG=1: the kernel checks itself (docs/debugging.md); built beside the other, in build/debug.
BUILD ?= $(if $(DEBUG),build/debug,build)
Q = @

WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wundef -Werror
CFLAGS_ALL = -std=gnu11 -O2 -g $(WARN) -I. -MMD -MP
CFLAGS_KERNEL = $(CFLAGS_ALL) -ffreestanding -fPIE -fvisibility=hidden -mgeneral-regs-only -mno-red-zone -fno-stack-protector \
	-fcf-protection=none -fno-asynchronous-unwind-tables -fno-omit-frame-pointer -fno-strict-aliasing -ffunction-sections -DCAY_KERNEL=1 \
	$(INLINE_BLOCKS) $(if $(DEBUG),-DCAY_DEBUG=1)
# Structures of usual size by plain moves: `rep stos`, which the compiler would use from 64 bytes on, costs some 30 cycles to start.
INLINE_BLOCKS = -mmemset-strategy=unrolled_loop:256:noalign,libcall:-1:noalign -mmemcpy-strategy=unrolled_loop:256:noalign,libcall:-1:noalign
CFLAGS_VMM = $(CFLAGS_ALL) -fPIE -fstack-protector-strong -D_GNU_SOURCE -D_FORTIFY_SOURCE=2
LDFLAGS_KERNEL = -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-T,kernel/kernel.lds -Wl,-z,max-page-size=4096 -Wl,--gc-sections -Wl,--no-warn-rwx-segments -Wl,--no-relax
LIBS_VMM = -ljansson -lpthread

KERNEL_SRC := $(shell find kernel lib -name '*.c' -o -name '*.S' | grep -v /vdso/ | LC_ALL=C sort)
VMM_SRC := $(shell find vmm lib -name '*.c' -o -path 'vmm/*.S' | grep -v -e ^vmm/usernet/ -e /process/stub/ | LC_ALL=C sort)
KERNEL_OBJ := $(KERNEL_SRC:%=$(BUILD)/guest/%.o)
VMM_OBJ := $(VMM_SRC:%=$(BUILD)/host/%.o)

all: $(BUILD)/cay ## build everything

$(BUILD)/guest/%.c.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_KERNEL) -c $< -o $@

$(BUILD)/guest/%.S.o: %.S
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_KERNEL) -c $< -o $@

# Linked twice: the second time with the symbol table of the first (lib/ksyms.h), which lies behind the text.
$(BUILD)/kernel.elf: $(KERNEL_OBJ) kernel/kernel.lds tools/ksyms.awk
	$(Q)$(CC) $(LDFLAGS_KERNEL) $(KERNEL_OBJ) -lgcc -o $(BUILD)/kernel.pass1
	$(Q)nm -n $(BUILD)/kernel.pass1 | awk -f tools/ksyms.awk | $(CC) -c -x assembler - -o $(BUILD)/ksyms.o
	$(Q)$(CC) $(LDFLAGS_KERNEL) $(KERNEL_OBJ) $(BUILD)/ksyms.o -lgcc -o $@

$(BUILD)/host/%.S.o: %.S
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_VMM) -c $< -o $@

$(BUILD)/host/%.c.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_VMM) $(CPPFLAGS_GEN) -c $< -o $@

# The kernel image travels inside the VMM, so that one file is the whole program.
$(BUILD)/host/kernel_blob.o: $(BUILD)/kernel.elf
	@mkdir -p $(@D)
	$(Q)strip -o $(BUILD)/kernel.stripped $<
	$(Q)printf '.section .rodata\n.global kernel_blob, kernel_blob_end\n.balign 4096\nkernel_blob: .incbin "$(BUILD)/kernel.stripped"\nkernel_blob_end:\n.section .note.GNU-stack,"",@progbits\n' | $(CC) -c -x assembler - -o $@

# Static: without the dynamic loader it starts 0.3 to 0.6 ms sooner and has less private memory.
$(BUILD)/cay: $(VMM_OBJ) $(BUILD)/host/kernel_blob.o $(BUILD)/host/usernet_blob.o $(BUILD)/host/stub_blob.o
	$(Q)$(CC) -static-pie -Wl,-z,relro,-z,now $^ $(LIBS_VMM) -o $@

objects: $(KERNEL_OBJ) $(VMM_OBJ) ## compile without linking

clean: ## remove what was built
	rm -rf $(BUILD)

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: all objects clean help
-include $(KERNEL_OBJ:.o=.d) $(VMM_OBJ:.o=.d) $(USERNET_OBJ:.o=.d)
include mk/vdso.mk mk/stub.mk mk/gen.mk mk/usernet.mk mk/sources.mk mk/unit.mk mk/stress.mk mk/fuzz.mk mk/guest.mk mk/lint.mk mk/install.mk mk/bench.mk
