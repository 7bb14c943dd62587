# Style and static checks. clang-tidy runs the few checks in .clang-tidy that find bugs rather than tastes.

C_FILES := $(shell find abi x86 lib kernel vmm tests bench -name '*.[ch]' 2>/dev/null | LC_ALL=C sort)
SCRIPTS := $(shell grep -rlE '^\#!/bin/(ba)?sh' tools tests bench .ci 2>/dev/null)

lint: lint-includes lint-headers lint-reads lint-syscalls lint-format lint-scripts lint-cppcheck lint-tidy ## format, include direction, headers alone, cppcheck, clang-tidy, shellcheck

lint-includes:
	@tools/check_includes

lint-headers:
	@tools/check_headers '$(filter-out -MMD -MP,$(CFLAGS_KERNEL))' '$(filter-out -MMD -MP,$(CFLAGS_VMM))'

# MIN and MAX look at both arguments twice: what they were told of shared memory may not be what they return.
lint-reads:
	@! grep -rnE '\b(MIN|MAX)\([^;]*(READ_ONCE|atomic_load)' vmm lib kernel --include='*.[ch]'

lint-format:
	@clang-format --dry-run -Werror $(C_FILES)

lint-scripts:
	@test -z "$(SCRIPTS)" || shellcheck -S warning $(SCRIPTS)

# comparePointers: the ends of sections are symbols of the linker. ctuuninitvar: takes "fills what it points to" for "reads it".
# legacyUninitvar: does not know that asm writes. The loop of jansson is a macro of a header that cppcheck does not read.
CPPCHECK = cppcheck -q --std=c11 --language=c --enable=warning,portability --inline-suppr --error-exitcode=1 -I. \
	--suppress=comparePointers --suppress=ctuuninitvar --suppress=legacyUninitvar --suppress=missingInclude
lint-cppcheck:
	@$(CPPCHECK) -DCAY_KERNEL=1 kernel lib
	@$(CPPCHECK) '-Djson_object_foreach(o,k,v)=for((k)=0;(v)=json_object_get(o,k);)' vmm tools

TIDY_FLAGS = -std=gnu11 -I. -I$(BUILD)/gen -Itests -Itests/unit -Itests/unit/shim
lint-tidy: $(FILTER) $(SYSCALL_NAMES) $(USERNET_FILTER)
	@printf '%s\n' $(filter kernel/%.c lib/%.c,$(C_FILES)) | xargs -P2 -n8 sh -c 'clang-tidy-14 --quiet "$$@" -- $(TIDY_FLAGS) -ffreestanding -DCAY_KERNEL=1 2>/dev/null' tidy
	@printf '%s\n' $(filter vmm/%.c,$(C_FILES)) | xargs -r -P2 -n8 sh -c 'clang-tidy-14 --quiet "$$@" -- $(TIDY_FLAGS) -D_GNU_SOURCE 2>/dev/null' tidy

format: ## reformat every C file in place
	clang-format -i $(C_FILES)

.PHONY: lint lint-includes lint-headers lint-reads lint-format lint-scripts lint-cppcheck lint-tidy format

syscalls-md: ## make docs/syscalls.md anew, the list of system calls and what of them is there
	@tools/syscalls_md

lint-syscalls:
	@tools/syscalls_md --check

.PHONY: syscalls-md lint-syscalls
