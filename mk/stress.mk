# Stress tests on the host under ThreadSanitizer: tests/stress/stress_*.c, each a program of threads that use a lock-free part of the
# kernel. Their `// SOURCES:` line is as in mk/unit.mk; a data race, a failed check or a panic fails the test.

STRESS_DIR := $(BUILD)/stress
STRESS_SRC := $(wildcard tests/stress/stress_*.c)
STRESS_BIN := $(STRESS_SRC:tests/stress/%.c=$(STRESS_DIR)/%)
STRESS_CFLAGS = -std=gnu11 -O1 -g $(filter-out -Wundef,$(WARN)) -I. -Itests/stress -DCAY_UNIT_TEST=1 -DCAY_KERNEL=1 -fsanitize=thread

define STRESS_RULE
$(STRESS_DIR)/$(1:tests/stress/%.c=%): $(1) $(wildcard tests/stress/*.h) $$(call unit_key,SOURCES,$(1)) $(wildcard kernel/sched/*.h)
	@mkdir -p $$(@D)
	$(Q)$(CC) $$(STRESS_CFLAGS) $$(call unit_key,CFLAGS,$(1)) $$(filter %.c,$$^) -pthread -o $$@
endef
ifneq ($(filter stress% $(STRESS_DIR)/%,$(MAKECMDGOALS)),)
$(foreach t,$(STRESS_SRC),$(eval $(call STRESS_RULE,$(t))))
endif

stress-build: $(STRESS_BIN)

stress: ## the lock-free parts of the kernel on the host under ThreadSanitizer; seconds
	@$(MAKE) --no-print-directory -k stress-build || true
	@tests/stress/run $(STRESS_DIR)

.PHONY: stress stress-build
