# SPDX-License-Identifier: GPL-2.0-or-later
#
# qkd-swan: strongSwan's postquantum preshared keys, from a link.

swan_SRCS := $(addprefix tools/swan/,charon.c main.c renew.c vici.c)

PROGRAMS += qkd-swan
qkd-swan_SRCS := $(swan_SRCS)
qkd-swan_LIBS := rotate qkd
qkd-swan_DIR := sbin

MAN += Documentation/man/qkd-swan.8.rst
UNITS += tools/swan/qkd-swan@.service.in
BASH_COMPLETION += tools/swan/qkd-swan

# the same on the stand-in for links
HELPERS += swan_standin
swan_standin_SRCS := $(swan_SRCS)
swan_standin_LIBS := rotate standin

TESTS += swan_vici
swan_vici_SRCS := tests/unit/swan_vici.c tools/swan/vici.c
swan_vici_LIBS := daemon
CFLAGS_tests/unit/swan_vici.c := -Wno-missing-prototypes
