# Fuzz targets: tests/fuzz/fuzz_*.c, built by clang with libFuzzer, ASan and UBSan; sources named as in unit tests.
FUZZ_SECONDS ?= 8
FUZZ_DIR := $(BUILD)/fuzz
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(FUZZ_DIR)/%)
FUZZ_CC = clang-14
FUZZ_SANITIZE = address,undefined
FUZZ_CFLAGS = -std=gnu11 -O1 -g -Wall -Wextra -Wno-unknown-warning-option -I. -Itests -Itests/unit -Itests/unit/shim -DCAY_UNIT_TEST=1 \
	-fsanitize=fuzzer-no-link,$(FUZZ_SANITIZE) -fno-sanitize-recover=undefined -D_GNU_SOURCE -MMD -MP

# Each source is compiled once for all targets. CAY_KERNEL is set by where a file lives, and by `// CFLAGS:` of a target for itself.
$(FUZZ_DIR)/obj/%.c.o: %.c mk/fuzz.mk
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) $(if $(filter kernel/% tests/unit/shim/%,$<),-DCAY_KERNEL=1) $(call unit_key,CFLAGS,$<) -c $< -o $@

define FUZZ_RULE
$(2): $(FUZZ_DIR)/obj/$(1).o $$(addprefix $(FUZZ_DIR)/obj/,$$(addsuffix .o,$$(call source_paths,$$(call unit_key,SOURCES,$(1))))) $(1)
	@mkdir -p $$(@D)
	$(Q)$(FUZZ_CC) -fsanitize=fuzzer,$(FUZZ_SANITIZE) $$(filter %.o,$$^) $$(call unit_key,LIBS,$(1)) -o $$@
endef
ifneq ($(filter fuzz test fuzz-% $(FUZZ_DIR)/%,$(MAKECMDGOALS)),)
$(foreach t,$(FUZZ_SRC),$(eval $(call FUZZ_RULE,$(t),$(t:tests/fuzz/%.c=$(FUZZ_DIR)/%))))
-include $(shell test -d $(FUZZ_DIR)/obj && find $(FUZZ_DIR)/obj -name '*.d')
endif

fuzz-build: $(FUZZ_BIN)

fuzz: fuzz-build ## run each fuzz target for FUZZ_SECONDS (default 8); F=pattern picks
	@tests/fuzz/run $(FUZZ_DIR) $(FUZZ_SECONDS) '$(F)'

.PHONY: fuzz fuzz-build
