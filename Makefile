# SPDX-License-Identifier: GPL-2.0-or-later
#
# The way into everything; `make help` lists it.  Userspace is built by
# tools/Makefile, the kernel modules by the kernel's own build through Kbuild
# (see kmod/build.sh), tests are run by tests/run.  This file only dispatches.

O ?= build
export O
SUB := $(MAKE) --no-print-directory -f tools/Makefile

all: modules tools ## modules for the running kernel, and the tools

help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / \
		{ printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo 'Variables: KVER=6.1|6.12|7.2|uml|quick|kcsan|RELEASE (modules), CC=clang, WERROR=1,'
	@echo '  SAN=1 (tools with sanitizers), V=1, DESTDIR=, PREFIX=, O= (build)'

deps: ## install the Debian packages that are missing
	@tests/deps.sh

modules: ## kernel modules [KVER=...], in $(O)/kmod-RELEASE
	@kmod/build.sh $(KVER)

tools: ## libraries and programs
	@$(SUB) tools

unit: ## build and run the unit tests
	@$(SUB) tools tests
	@tests/run tests/unit

check: deps ## everything CI runs: checks, builds, unit and VM tests
	@tests/check

check-matrix: deps ## the same on every kernel we know, 7.2 included
	@tests/check --matrix

check-otp: deps ## kernel tests of the one-time-pad tunnel
	@tests/check --otp

.PHONY: check-twotime
check-twotime: deps ## hunt for pad used twice through ROUNDS=500 of restarts under traffic
	@$(SUB) tools tests
	@tests/otp/longer otp_twotime OTP_ROUNDS=$(or $(ROUNDS),500)

.PHONY: check-forged
check-forged: deps ## forge 2 x PACKETS=1000000 for a one-time-pad tunnel, over IPv4 and IPv6
	@$(SUB) tools tests
	@tests/otp/longer otp_forge OTP_FORGERIES=$(or $(PACKETS),1000000)

mutants: deps ## break the one-time-pad tunnel on purpose, see its tests fail
	@tests/otp/mutants.py

fuzz-kernel: debug-kernel ## throw nonsense at the modules for SECONDS=60
	@$(SUB) tools
	@tests/kfuzz/run $(SECONDS)

crash: ## cut the power of both ends, and of a KME, at IMAGES=10000 points
	@$(SUB) tests
	@$(O)/tests/unit/crash_kmed $(or $(IMAGES),10000)
	@$(O)/tests/unit/crash_qkdd $(or $(IMAGES),10000)

debug-kernel: ## build the debug kernel (user-mode Linux), once
	@tests/vm/debug-kernel.sh

check-debug: debug-kernel ## kernel tests on the debug kernel, its log checked
	@tests/check --debug

.PHONY: check-kcsan
check-kcsan: deps ## kernel tests where data races are looked for (KCSAN, QEMU)
	@tests/vm/debug-kernel.sh kcsan
	@tests/check --kcsan

.PHONY: coverage
coverage: debug-kernel ## lines of kmod/ that kernel tests and fuzzing reach
	@tests/coverage/run -s $(or $(SECONDS),60)

.PHONY: check-lifetimes
check-lifetimes: deps ## UNLOADS=1000 of all modules, NAMESPACES=10000 end in use
	@$(SUB) tests
	@tests/churn/run $(or $(UNLOADS),1000) $(or $(NAMESPACES),10000)

.PHONY: soak
soak: deps ## for HOURS=1: 10,000 links, 1,000 tunnels, then all comes and goes
	@$(SUB) tools tests
	@KVER=$(KVER) tests/churn/soak $(or $(HOURS),1)

demo: deps ## the main job, shown [NODES=netns|vm]
	@tests/demo/run $(NODES)

fuzz: deps ## fuzz the parsers of what peers and devices say [SECONDS=60]
	@tests/fuzz/run $(or $(SECONDS),60)

bench: deps ## measure in the VM; prints lines BENCH name value unit
	@tests/bench/run

bench-post: deps ## measure post-processing natively, the same lines
	@$(SUB) benches
	@for b in bench_post bench_sim qkdd_chain; do \
		[ ! -x $(O)/bench/$$b ] || $(O)/bench/$$b || exit; done

bench-pad: ## measure natively: pad from a store, one-time-pad packets
	@$(SUB) benches
	@$(O)/bench/pad_store && $(O)/bench/pad_link && $(O)/bench/otp_datapath

bench-relay: deps ## measure the relay over trusted nodes; the same lines
	@tests/bench/relay

bench-kme: deps ## measure the key service, beside nginx; the same lines
	@tests/bench/kme

generate: ## headers, policies and pages from the netlink specs
	@tests/checks/generate.sh

install: ## all of it [DESTDIR= PREFIX= MODULES=yes|no|dkms]
	@$(SUB) install
	@[ "$(MODULES)" = no ] || [ "$(MODULES)" = dkms ] || \
		kmod/build.sh --install $(KVER)

deb: ## Debian packages, in $(O)/deb
	@tests/deps.sh package
	@tests/install/deb.sh

check-packages: deb ## packages in fresh Debian 12 and 13: install, reboot, upgrade, remove
	@tests/install/run

check-reproducible: ## two builds elsewhere and at other times install the same bytes
	@tests/install/reproducible.sh

check-hybrid: deps ## hybrid tunnels keyed by daemons with OpenSSL 3.5, of a Debian 13
	@$(SUB) tools tests
	@kmod/build.sh 6.12
	@tests/install/hybrid.sh

clean: ## remove what was built
	rm -rf $(O)

.PHONY: all help deps modules tools unit check check-matrix check-otp \
	mutants crash fuzz fuzz-kernel debug-kernel check-debug check-packages \
	check-hybrid check-reproducible demo \
	bench bench-pad bench-post bench-kme bench-relay generate install deb clean
