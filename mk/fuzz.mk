# Fuzz targets: tests/fuzz/fuzz_*.c, built by clang with libFuzzer, ASan and UBSan; sources named as in unit tests.
FUZZ_SECONDS ?= 8
FUZZ_DIR := $(BUILD)/fuzz
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(FUZZ_DIR)/%)
FUZZ_CC = clang-14
FUZZ_CFLAGS = -std=gnu11 -O1 -g -Wall -Wextra -Wno-unknown-warning-option -I. -Itests -Itests/unit -Itests/unit/shim -DCAY_UNIT_TEST=1 \
	-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -D_GNU_SOURCE
fuzz_sources = $(patsubst shim/%,tests/unit/shim/%,$(shell sed -n 's|^// SOURCES:||p' $(1)))

define FUZZ_RULE
$(2): $(1) $$(call fuzz_sources,$(1)) $(wildcard lib/*.h abi/*.h)
	@mkdir -p $$(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) $$(shell sed -n 's|^// CFLAGS:||p' $(1)) $$(filter %.c,$$^) -o $$@
endef
ifneq ($(filter fuzz test fuzz-% $(FUZZ_DIR)/%,$(MAKECMDGOALS)),)
$(foreach t,$(FUZZ_SRC),$(eval $(call FUZZ_RULE,$(t),$(t:tests/fuzz/%.c=$(FUZZ_DIR)/%))))
endif

fuzz-build: $(FUZZ_BIN)

fuzz: fuzz-build ## run each fuzz target for FUZZ_SECONDS (default 8); F=pattern picks
	@tests/fuzz/run $(FUZZ_DIR) $(FUZZ_SECONDS) '$(F)'

.PHONY: fuzz fuzz-build
