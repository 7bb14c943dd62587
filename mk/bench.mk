# Benchmarks: bench/NAME.py, one per figure or group of figures of docs/spec.md.
BENCH_C := $(wildcard bench/*.c)
BENCH_BIN := $(BENCH_C:bench/%.c=$(BUILD)/bench/%)

$(BUILD)/bench/%: bench/%.c bench/measure.h
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -pthread $< -o $@

bench-build: $(BENCH_BIN)

bench: all bench-build $(PROGS_BIN) ## measure every promise beside Linux, alternating; B=name for one
	@bench/run $(abspath $(BUILD)) $(B)

.PHONY: bench bench-build

bench-spec: ## copy the last figures of make bench into docs/spec.md
	@CAY_BUILD=$(abspath $(BUILD)) PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 bench/spec.py

.PHONY: bench-spec
