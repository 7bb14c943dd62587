# Installing: one program (the kernel image is inside it) and its man page.
PREFIX ?= /usr/local

install: all ## install under PREFIX (default /usr/local); DESTDIR is honoured
	install -D -m 755 $(BUILD)/cay $(DESTDIR)$(PREFIX)/bin/cay
	for page in $(wildcard docs/man/*.1 docs/*.1); do \
		install -D -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man1/$$(basename $$page); done
	install -D -m 644 tools/completion/cay.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/cay

deps: ## install the Debian packages that build and tests need, if any is missing
	@tools/install-deps build test

demo: ## install what is missing, build, and watch a real program run in its own VM
	@tools/install-deps build demo
	@$(MAKE) --no-print-directory all
	@tools/demo $(BUILD)/cay

.PHONY: install deps demo
