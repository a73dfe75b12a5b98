# SPDX-License-Identifier: GPL-2.0-or-later
#
# `make install`: puts what the fragments declared where the system looks for
# it, below $(DESTDIR).  Modules for one kernel are installed by the top Makefile,
# `make install MODULES=dkms` installs their source for DKMS instead.

INSTALL ?= install
D = $(DESTDIR)

# $(call put,MODE,DIR,FILES): install files, NAME.in with its @WORDS@ filled
fill := sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@BINDIR@|$(BINDIR)|g' \
	-e 's|@SBINDIR@|$(SBINDIR)|g' -e 's|@LIBDIR@|$(LIBDIR)|g' \
	-e 's|@LIBEXECDIR@|$(LIBEXECDIR)|g' -e 's|@VERSION@|$(VERSION)|g' \
	-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|g' -e 's|@DATADIR@|$(DATADIR)|g' \
	-e 's|@SYSCONFDIR@|$(SYSCONFDIR)|g'
# what the modules are built from
module_sources := Kbuild VERSION $(sort $(shell find kmod include -type f \
	-name '[!.]*' ! -name '*.o' ! -name '*.ko' ! -name '*.mod*'))
define put
$(if $(strip $(3)),$(INSTALL) -d '$(D)$(2)')
$(foreach f,$(3),$(if $(filter %.in,$(f)),\
	$(fill) '$(f)' > '$(D)$(2)/$(notdir $(f:.in=))' && \
	chmod $(1) '$(D)$(2)/$(notdir $(f:.in=))'$(newline)\
	,$(INSTALL) -m $(1) '$(f)' '$(D)$(2)/'$(newline)))
endef
define newline


endef

# a tree of headers keeps its folders
header_dir = $(INCLUDEDIR)/$(patsubst uapi/%,%,$(patsubst include/%,%,$(dir $(1))))
man_dir = $(DATADIR)/man/man$(lastword $(subst ., ,$(1)))
program_dir = $(if $(filter sbin,$($(1)_DIR)),$(SBINDIR),$(if \
	$(filter libexec%,$($(1)_DIR)),$(PREFIX)/$($(1)_DIR),$(BINDIR)))

install: tools man $(if $(filter dkms,$(MODULES)),install-dkms)
	$(foreach p,$(PROGRAMS),$(call put,755,$(strip $(call program_dir,$(p))),$(O)/bin/$(p)))
	$(foreach l,$(SHARED),\
	$(call put,644,$(LIBDIR),$(O)/lib/lib$(l).a $(O)/lib/lib$(l).so.$($(l)_SOVERSION))\
	ln -sf lib$(l).so.$($(l)_SOVERSION) '$(D)$(LIBDIR)/lib$(l).so'$(newline))
	$(foreach h,$(HEADERS),$(call put,644,$(patsubst %/,%,$(call header_dir,$(h))),$(h)))
	$(foreach m,$(man_pages),$(call put,644,$(call man_dir,$(m)),$(m))\
	for n in $$(cat '$(m).names' 2> /dev/null); do \
		ln -sf '$(notdir $(m))' '$(D)$(call man_dir,$(m))'/$$n.3 || exit; \
	done$(newline))
	$(call put,644,$(LIBDIR)/pkgconfig,$(PKGCONFIG))
	$(call put,644,$(SYSTEMDDIR)/system,$(UNITS))
	$(call put,644,$(UDEVDIR)/rules.d,$(UDEV))
	$(call put,644,$(PREFIX)/lib/sysusers.d,$(SYSUSERS))
	$(call put,644,$(PREFIX)/lib/tmpfiles.d,$(TMPFILES))
	$(call put,644,$(PREFIX)/lib/modules-load.d,$(MODULES_LOAD))
	$(call put,644,$(PREFIX)/lib/systemd/catalog,$(CATALOG))
	$(call put,644,$(DATADIR)/bash-completion/completions,$(BASH_COMPLETION))
	$(call put,644,$(ZSHDIR),$(ZSH_COMPLETION))
	$(call put,644,$(SYSCONFDIR)/apparmor.d,$(APPARMOR))
	$(call put,644,$(DATADIR)/qkd,$(DATA))
	$(foreach c,$(CONFIG),\
	[ -e '$(D)$(SYSCONFDIR)/qkd/$(notdir $(c:.in=))' ] || { $(INSTALL) -d '$(D)$(SYSCONFDIR)/qkd' && \
	$(fill) '$(c)' > '$(D)$(SYSCONFDIR)/qkd/$(notdir $(c:.in=))'; }$(newline))

install-dkms:
	$(foreach f,$(module_sources),\
	$(INSTALL) -D -m 644 '$(f)' '$(D)$(SRCDIR)/qkd-$(VERSION)/$(f)'$(newline))
	$(call put,644,$(SRCDIR)/qkd-$(VERSION),$(DKMS))
