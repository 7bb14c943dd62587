# Programs that run inside the VM for the tests: tests/guest/*.c (kernel tests, static glibc), tests/guest/hostile/*.c (kernels that attack
# the VMM), tests/guest/progs/* (programs by other toolchains, each built only where its toolchain is).

GUEST_DIR := $(BUILD)/tests
GUEST_SRC := $(wildcard tests/guest/*.c)
# io_uring is driven through liburing, where it is installed.
ifeq ($(wildcard /usr/include/liburing.h),)
GUEST_SRC := $(filter-out tests/guest/uring%,$(GUEST_SRC))
endif
GUEST_BIN := $(GUEST_SRC:tests/guest/%.c=$(GUEST_DIR)/guest/%)
HOSTILE_BIN := $(patsubst tests/guest/hostile/%.c,$(GUEST_DIR)/hostile/%,$(filter-out %/start.c,$(wildcard tests/guest/hostile/*.c)))
GUEST_CFLAGS = -std=gnu11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror -Itests/guest -I. \
	-Wno-unused-parameter -Wno-nonnull -Wno-stringop-overflow -Wno-stringop-overread # wrong arguments are the point

$(GUEST_DIR)/guest/%: tests/guest/%.c $(wildcard tests/guest/*.h)
	@mkdir -p $(@D)
	$(Q)$(CC) $(GUEST_CFLAGS) -static -pthread $< -o $@ -lm -lutil $(if $(filter uring%,$(notdir $@)),-luring)

$(GUEST_DIR)/hostile/%: tests/guest/hostile/%.c tests/guest/hostile/start.c tests/guest/hostile/hostile.h kernel/kernel.lds $(wildcard abi/*.h)
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -MMD -MP,$(CFLAGS_KERNEL)) -fno-builtin -O1 -Itests/guest/hostile $(LDFLAGS_KERNEL) -Wl,--no-gc-sections \
		$< tests/guest/hostile/start.c -o $@

PROGS_DIR := $(GUEST_DIR)/progs
PROGS := fuzz-syscalls hello-static signal-echo hello-dynamic hello-pie hello-static-pie cxx-exceptions shortened
ifneq ($(shell command -v musl-gcc),)
PROGS += musl-static musl-dynamic
endif
ifneq ($(shell command -v go),)
PROGS += go-hello
endif
# rustup's rustc may be there with no toolchain behind it, or with none for this user.
ifneq ($(shell rustc --version 2>/dev/null),)
PROGS += rust-hello
endif
PROGS_BIN := $(PROGS:%=$(PROGS_DIR)/%)

P = tests/guest/progs
define PROG_RULE
$(PROGS_DIR)/$(1): $(P)/$(2)
	@mkdir -p $$(@D)
	$(Q)$(3) $$< -o $$@
endef
$(eval $(call PROG_RULE,fuzz-syscalls,fuzz_syscalls.c,$(CC) -std=gnu11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -static -pthread))
$(eval $(call PROG_RULE,signal-echo,signal_echo.c,$(CC) -O2 -Wall -Wextra -static))
$(eval $(call PROG_RULE,shortened,shortened.c,$(CC) -std=gnu11 -O1 -Wall -Wextra -static -pthread))
$(eval $(call PROG_RULE,hello-static,hello.c,$(CC) -O2 -static -no-pie))
$(eval $(call PROG_RULE,hello-dynamic,hello.c,$(CC) -O2 -no-pie))
$(eval $(call PROG_RULE,hello-pie,hello.c,$(CC) -O2 -fPIE -pie))
$(eval $(call PROG_RULE,hello-static-pie,hello.c,$(CC) -O2 -fPIE -static-pie))
$(eval $(call PROG_RULE,musl-static,libc.c,musl-gcc -O2 -static))
$(eval $(call PROG_RULE,musl-dynamic,libc.c,musl-gcc -O2))
$(eval $(call PROG_RULE,cxx-exceptions,exceptions.cc,$(CXX) -O2))
$(PROGS_DIR)/go-hello: $(P)/hello.go
	@mkdir -p $(@D)
	$(Q)CGO_ENABLED=0 GOFLAGS= GO111MODULE=off GOCACHE=$(abspath $(GUEST_DIR))/gocache go build -o $@ $<
$(PROGS_DIR)/rust-hello: $(P)/hello.rs
	@mkdir -p $(@D)
	$(Q)env -u MAKEFLAGS -u MFLAGS rustc -O $< -o $@

guest-tests: $(GUEST_BIN) $(HOSTILE_BIN) $(PROGS_BIN) ## build the programs that the system tests run inside VMs

.PHONY: guest-tests

SOAK_SECONDS ?= 60
soak: all guest-tests ## random system calls in VMs for SOAK_SECONDS (60) each, Python's long tests on one and two CPUs; half an hour
	@run="tests/system/run.py --build $(BUILD) --cay $(BUILD)/cay -j 2 -v"; CAY_FUZZ_SECONDS=$(SOAK_SECONDS) $$run -k fuzz; fuzz=$$?; \
		$$run --soak && exit $$fuzz

.PHONY: soak
