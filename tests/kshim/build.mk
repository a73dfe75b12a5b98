# SPDX-License-Identifier: GPL-2.0-or-later
#
# The kernel's pure files in userspace: their tests, and targets to fuzz.

TESTS += core_ring core_wire
core_ring_SRCS := tests/unit/core_ring.c kmod/core/ring.c
core_ring_CPPFLAGS := -Itests/kshim
core_wire_SRCS := tests/unit/core_wire.c kmod/core/keyid.c kmod/core/msg.c \
	kmod/core/named_msg.c
core_wire_CPPFLAGS := -Itests/kshim
CFLAGS_tests/unit/core_ring.c := -Wno-missing-prototypes
