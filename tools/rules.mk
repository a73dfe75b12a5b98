# SPDX-License-Identifier: GPL-2.0-or-later
#
# How things in userspace are compiled, linked and installed.  What there is
# to build is said in tools/*/build.mk and tests/*/build.mk, in these words:
#
#   LIBRARIES += post             static archive $(O)/lib/libpost.a
#   SHARED    += qkd              $(O)/lib/libqkd.so.N and libqkd.a
#   PROGRAMS  += qkdctl           $(O)/bin/qkdctl
#   TESTS     += unit_pool        $(O)/tests/unit/unit_pool, run by `make unit`
#   BENCHES   += bench_post       $(O)/bench/bench_post
#   HELPERS   += kmed_standin     $(O)/tests/bin/kmed_standin, started by tests
#   tests/kernel/x.c              $(O)/tests/kernel/x, by being there; it links
#                                 libqkd, and has k_x_SRCS etc. to say more
#
# and for each NAME of these:
#
#   NAME_SRCS := tools/x/a.c ...  C sources, paths from the top
#   NAME_LIBS := post qkd         libraries of ours it links (theirs follow)
#   NAME_PKGS := libmnl           what pkg-config shall answer for
#   NAME_CPPFLAGS := -DX          flags for all its sources
#   NAME_LDLIBS := -lm            other arguments of the linker
#   NAME_SOVERSION := 1           SHARED: the N of the soname
#   NAME_MAP := tools/x/x.map     SHARED: the linker's version script
#   NAME_DIR := sbin              PROGRAMS: bin (default), sbin, libexec/qkd
#   CFLAGS_tools/x/a_avx2.c := -mavx2        for one source
#
# A source may be named by several; it is compiled once, with the flags of
# all.  Tests find <kselftest_harness.h>, taken from the kernel's source.
#
# To install, besides PROGRAMS and SHARED (files NAME.in have @PREFIX@ and
# the like filled in, and lose the .in):
#
#   HEADERS += include/qkd/qkd.h  below $(INCLUDEDIR), without include/ and uapi/
#   MAN += Documentation/man/x.8.rst    made a man page by rst2man
#   PKGCONFIG, UNITS, UDEV, SYSUSERS, TMPFILES, MODULES_LOAD += files
#   CATALOG (of the journal), BASH_COMPLETION, ZSH_COMPLETION, APPARMOR += files
#   CONFIG += tools/x/x.conf      below /etc/qkd, never overwriting
#   DATA += file                  below $(PREFIX)/share/qkd
#   DKMS += tools/x/dkms.conf.in  with the modules' source, MODULES=dkms
#
# Variables of the command line: CC, CFLAGS (default -O2 -g), WERROR=1, SAN=1
# (address and undefined-behaviour sanitizers, built in $(O)/san), V=1, O.

ifeq ($(origin CC),default)
CC := cc
endif
AR ?= ar
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g
O ?= build
ifeq ($(SAN),1)
override O := $(O)/san
san := -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer
endif

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
LIBEXECDIR ?= $(PREFIX)/libexec
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR ?= $(PREFIX)/share
SYSCONFDIR ?= /etc
# where DKMS looks
SRCDIR ?= /usr/src
# systemd and udev look below /usr/local/lib too
SYSTEMDDIR ?= $(PREFIX)/lib/systemd
UDEVDIR ?= $(if $(filter /usr/local,$(PREFIX)),$(SYSCONFDIR)/udev,$(PREFIX)/lib/udev)
ZSHDIR ?= $(DATADIR)/zsh/site-functions

VERSION := $(shell cat VERSION 2>/dev/null || echo 0)

LIBRARIES :=
SHARED :=
PROGRAMS :=
TESTS :=
BENCHES :=
HELPERS :=

include $(sort $(wildcard tools/*/build.mk tests/*/build.mk))

# C tests of the kernel
KTESTS := $(patsubst tests/kernel/%.c,k_%,$(sort $(wildcard tests/kernel/*.c)))
$(foreach t,$(KTESTS),\
	$(eval $(t)_SRCS ?= $(patsubst k_%,tests/kernel/%.c,$(t)))\
	$(eval $(t)_LIBS ?= $(filter qkd,$(SHARED))))

# ---- flags

std_cppflags := -D_GNU_SOURCE -Iinclude -Iinclude/uapi -I. \
	-DQKD_VERSION='"$(VERSION)"'
std_cflags := -std=gnu11 -Wall -Wextra -Wmissing-prototypes \
	-Wstrict-prototypes -Wshadow -Wvla -Wno-unused-parameter \
	-fno-strict-aliasing -fstack-protector-strong \
	-ffile-prefix-map=$(CURDIR)=. \
	$(if $(filter 1,$(WERROR)),-Werror) $(san)
std_ldflags := -Wl,--as-needed -Wl,-z,relro -Wl,-z,now $(san)
# programs find our library beside them wherever both are put; a distribution
# that needs no help says rpath=
rpath = -Wl,-rpath,'$$ORIGIN/../lib' -Wl,-rpath,'$$ORIGIN/../../lib'

comma := ,
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2);)

# ---- what follows from the fragments

# the libraries of ours that NAME needs, nearest first
libs_of = $(foreach l,$($(1)_LIBS),$(l) $(call libs_of,$(l)))
# the packages that NAME and its libraries need
pkgs_of = $(sort $($(1)_PKGS) $(foreach l,$($(1)_LIBS),$(call pkgs_of,$(l))))
pkg_flags = $(if $(2),$(shell $(PKG_CONFIG) $(1) $(2) || \
	echo -DPKG_CONFIG_FAILED_RUN_make_deps))
obj_of = $(patsubst %,$(O)/obj/%.o,$($(1)_SRCS))
lib_file = $(O)/lib/lib$(1)$(if $(filter $(1),$(SHARED)),.so,.a)

everything := $(LIBRARIES) $(SHARED) $(PROGRAMS) $(TESTS) $(BENCHES) \
	$(HELPERS) $(KTESTS)
sources := $(sort $(foreach n,$(everything),$($(n)_SRCS)))
harness := $(O)/include/kselftest_harness.h

# Flags that a source takes from the things it is part of
define flags_of_thing
$(foreach s,$($(1)_SRCS),
flags_$(s) += $$(pkg_cflags_$(1)) $$($(1)_CPPFLAGS))
pkg_cflags_$(1) := $$(call pkg_flags,--cflags,$$(call pkgs_of,$(1)))
endef
$(foreach n,$(everything),$(eval $(call flags_of_thing,$(n))))
$(foreach n,$(SHARED),$(foreach s,$($(n)_SRCS),\
	$(eval flags_$(s) += -fPIC)))
$(foreach n,$(TESTS) $(BENCHES) $(KTESTS),$(foreach s,$($(n)_SRCS),\
	$(eval flags_$(s) += -isystem $(O)/include)))

# ---- compile; again when the flags changed

flags_now := $(CC) $(CPPFLAGS) $(std_cppflags) $(CFLAGS) $(std_cflags) \
	$(LDFLAGS)
ifneq ($(flags_now),$(file < $(O)/.flags))
$(shell mkdir -p $(O))
$(file > $(O)/.flags,$(flags_now))
endif

# sorted to have each once; "-isystem DIR" is one flag then
$(O)/obj/%.c.o: %.c $(O)/.flags
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(std_cppflags) $(CPPFLAGS) $(std_cflags) \
		$(CFLAGS) $(sort $(subst -isystem ,-isystem,$(flags_$<))) \
		$(CFLAGS_$<) -MMD -MP -c -o $@ $<

DEPFILES := $(wildcard $(patsubst %,$(O)/obj/%.d,$(sources)))

# the generator of unit tests' main(), from the kernel's own source
$(harness):
	@mkdir -p $(@D)
	$(call say,GET,$@)tests/kernel-source.sh harness $(@D)

# ---- link; again when a thing's parts changed, and not only what is in them

parts_of = $(strip $(call obj_of,$(1)) $($(1)_MAP) $($(1)_SOVERSION) \
	$(foreach l,$(call libs_of,$(1)),$(call lib_file,$(l)) $($(l)_LDLIBS)) \
	$($(1)_LDLIBS) $(call pkgs_of,$(1)))
parts = $(O)/parts/$(1)
define record_parts
ifneq ($$(call parts_of,$(1)),$$(file < $(parts)))
$$(shell mkdir -p $(O)/parts)
$$(file > $(parts),$$(call parts_of,$(1)))
endif
endef
$(foreach n,$(everything),$(eval $(call record_parts,$(n))))

# ---- libraries

define archive_rule
$(O)/lib/lib$(1).a: $$(call obj_of,$(1)) $(parts)
	@mkdir -p $$(@D) && rm -f $$@
	$$(call say,AR,$$@)$$(AR) rcsD $$@ $$(call obj_of,$(1))
endef
$(foreach n,$(LIBRARIES) $(SHARED),$(eval $(call archive_rule,$(n))))

define shared_rule
$(O)/lib/lib$(1).so: $$(call obj_of,$(1)) $$($(1)_MAP) $(parts) \
		$$(foreach l,$$($(1)_LIBS),$$(call lib_file,$$(l)))
	@mkdir -p $$(@D)
	$$(call say,LD,$$@.$$($(1)_SOVERSION))$$(CC) -shared $$(CFLAGS) \
		$$(std_ldflags) $$(LDFLAGS) \
		-Wl,-soname,lib$(1).so.$$($(1)_SOVERSION) \
		$$(addprefix -Wl$$(comma)--version-script=,$$($(1)_MAP)) \
		-o $$@.$$($(1)_SOVERSION) $$(call obj_of,$(1)) \
		$$(foreach l,$$(call libs_of,$(1)),$$(call lib_file,$$(l))) \
		$$($(1)_LDLIBS) $$(call pkg_flags,--libs,$$(call pkgs_of,$(1)))
	@ln -sf lib$(1).so.$$($(1)_SOVERSION) $$@
endef
$(foreach n,$(SHARED),$(eval $(call shared_rule,$(n))))

# ---- programs, tests, benchmarks: $(call program_rule,NAME,FILE)

define program_rule
$(2): $$(call obj_of,$(1)) $(parts) \
		$$(foreach l,$$(call libs_of,$(1)),$$(call lib_file,$$(l)))
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)$$(CC) $$(CFLAGS) $$(std_ldflags) $$(LDFLAGS) \
		$$(if $$(filter $$(SHARED),$$(call libs_of,$(1))),$$(rpath)) \
		-o $$@ $$(call obj_of,$(1)) \
		$$(foreach l,$$(call libs_of,$(1)),$$(call lib_file,$$(l))) \
		$$($(1)_LDLIBS) \
		$$(foreach l,$$(call libs_of,$(1)),$$($$(l)_LDLIBS)) \
		$$(call pkg_flags,--libs,$$(call pkgs_of,$(1)))
endef
$(foreach n,$(PROGRAMS),$(eval $(call program_rule,$(n),$(O)/bin/$(n))))
$(foreach n,$(TESTS),$(eval $(call program_rule,$(n),$(O)/tests/unit/$(n))))
$(foreach n,$(KTESTS),$(eval $(call program_rule,$(n),$(O)/tests/kernel/$(n:k_%=%))))
$(foreach n,$(BENCHES),$(eval $(call program_rule,$(n),$(O)/bench/$(n))))
$(foreach n,$(HELPERS),$(eval $(call program_rule,$(n),$(O)/tests/bin/$(n))))
# what programs share with tests does not wait for it: it comes from the network
$(foreach n,$(TESTS) $(BENCHES) $(KTESTS),$(eval \
	$(filter $(O)/obj/tests/%,$(call obj_of,$(n))): | $(harness)))

# man pages; where rst2man (python3-docutils) is missing there are none
ifneq ($(shell command -v rst2man),)
man_pages = $(patsubst Documentation/man/%.rst,$(O)/man/%,$(MAN))
endif
$(O)/man/%: Documentation/man/%.rst
	@mkdir -p $(@D)
	$(call say,MAN,$@)tools/man.sh $< $@

.PHONY: all tools tests unit-programs benches man list-sources list-install install \
	install-dkms
man: $(man_pages)
# not what only tests link
tools: $(patsubst %,$(O)/lib/lib%.a,$(SHARED) \
		$(foreach l,$(LIBRARIES),$(if $(filter tests/%,$($(l)_SRCS)),,$(l)))) \
	$(patsubst %,$(O)/lib/lib%.so,$(SHARED)) \
	$(patsubst %,$(O)/bin/%,$(PROGRAMS))
unit-programs: $(patsubst %,$(O)/tests/unit/%,$(TESTS))
tests: unit-programs \
	$(patsubst %,$(O)/tests/bin/%,$(HELPERS)) \
	$(patsubst k_%,$(O)/tests/kernel/%,$(KTESTS))
benches: $(patsubst %,$(O)/bench/%,$(BENCHES))
list-sources:
	@printf '%s\n' $(sources)

# KIND NAME, for the check of what is installed
list-install:
	@printf 'program %s\n' $(PROGRAMS)
	@printf 'shared %s\n' $(SHARED)
	@printf 'unit %s\n' $(notdir $(UNITS:.in=))
	@printf 'apparmor %s\n' $(notdir $(APPARMOR:.in=))

include tools/install.mk
