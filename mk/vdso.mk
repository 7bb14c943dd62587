# The vDSO: a shared object of its own that travels inside the kernel image (kernel/time/vdso_image.S).
CFLAGS_VDSO = -std=gnu11 -O2 $(WARN) -I. -fPIC -ffreestanding -fvisibility=hidden -mno-red-zone -fno-stack-protector \
	-fcf-protection=none -fasynchronous-unwind-tables -mno-sse
LDFLAGS_VDSO = -shared -nostdlib -s -Wl,-soname,linux-vdso.so.1 -Wl,--hash-style=both -Wl,--build-id=none -Wl,--eh-frame-hdr \
	-Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments -Wl,-T,kernel/time/vdso/vdso.lds

VDSO_SRC = kernel/time/vdso/vdso.c kernel/time/vdso/sigreturn.S

$(BUILD)/vdso.so: $(VDSO_SRC) kernel/time/vdso/vdso.lds abi/vcpu_page.h kernel/arch/x86_64/offsets.h mk/vdso.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_VDSO) $(LDFLAGS_VDSO) $(VDSO_SRC) -o $@

$(BUILD)/guest/kernel/time/vdso_image.S.o: CFLAGS_KERNEL += -DVDSO_PATH='"$(BUILD)/vdso.so"'
$(BUILD)/guest/kernel/time/vdso_image.S.o: $(BUILD)/vdso.so
