# Host unit tests: tests/unit/**/test_*.c, each a CMocka program. tests/README.md says how to write one.
# Sources are compiled once, under the sanitizers, and shared by all tests that name them.

UNIT_DIR := $(BUILD)/unit
UNIT_SRC := $(shell find tests/unit -name 'test_*.c' | LC_ALL=C sort)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(UNIT_DIR)/%)

UNIT_SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=undefined
UNIT_CFLAGS = -std=gnu11 -O1 -g $(filter-out -Wundef,$(WARN)) -I. -Itests -Itests/unit -Itests/unit/shim -DCAY_UNIT_TEST=1 -fno-omit-frame-pointer -MMD -MP $(UNIT_SANITIZE)

# CAY_KERNEL and _GNU_SOURCE are set by where a file lives, as in the real builds. A test counts as what it tests.
unit_flags = $(if $(filter kernel/% tests/unit/kernel/% tests/unit/shim/%,$(1)),-DCAY_KERNEL=1)
unit_flags += $(if $(filter vmm/% tests/unit/vmm/%,$(1)),-D_GNU_SOURCE)

$(UNIT_DIR)/obj/%.c.o: %.c $(firstword $(MAKEFILE_LIST)) mk/unit.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CFLAGS) $(CPPFLAGS_GEN) $(call unit_flags,$<) $(shell sed -n 's|^// CFLAGS:||p' $<) -c $< -o $@

# $(1) = a key, $(2) = the test's source: the rest of its comment line "// KEY: ..."
unit_key = $(shell sed -n 's|^// $(1):||p' $(2))
# Without a SOURCES line a test links the file whose name it has, or else those that begin with it: virtq.c or virtq_*.c.
unit_named = $(subst /test_,/,$(1:tests/unit/%=%))
unit_default = $(or $(wildcard $(call unit_named,$(1))),$(wildcard $(patsubst %.c,%_*.c,$(call unit_named,$(1)))))
unit_sources = $(call source_paths,$(if $(shell grep '^// SOURCES:' $(1)),$(call unit_key,SOURCES,$(1)),$(unit_default)))

define UNIT_RULE
$(2): $(UNIT_DIR)/obj/$(1).o $$(addprefix $(UNIT_DIR)/obj/,$$(addsuffix .o,$$(call unit_sources,$(1)))) $(1)
	@mkdir -p $$(@D)
	$(Q)$(CC) $(UNIT_SANITIZE) $$(filter %.o,$$^) $$(call unit_key,LIBS,$(1)) -lcmocka -o $$@
endef

# Reading the key lines costs a process per test, so only when a test may be built.
ifneq ($(filter unit-% $(UNIT_DIR)/%,$(MAKECMDGOALS)),)
$(foreach t,$(UNIT_SRC),$(eval $(call UNIT_RULE,$(t),$(t:tests/unit/%.c=$(UNIT_DIR)/%))))
-include $(shell test -d $(UNIT_DIR)/obj && find $(UNIT_DIR)/obj -name '*.d')
endif

unit-build: $(UNIT_BIN)

# One test that does not build is one failure: the others run.
check: ## unit tests on the host under ASan and UBSan; seconds; T=pattern runs some
	@$(MAKE) --no-print-directory -k unit-build || true
	@tests/unit/run $(UNIT_DIR) '$(T)'

.PHONY: check unit-build

model: ## check the models of tests/model with spin
	@tests/model/run $(abspath $(BUILD))

test: ## everything: installs what is missing, builds, unit, fuzz, guest and system tests; last line is the count
	@tools/install-deps test
	@$(MAKE) --no-print-directory all
	+@tests/run $(BUILD)

.PHONY: test model
