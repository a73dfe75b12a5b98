# SPDX-License-Identifier: GPL-2.0-or-later
#
# Pad stores: what qkdd's driver file uses up and "qkdctl pad" makes.

pad_PARTS := tools/pad/format.c tools/pad/key.c
LIBRARIES += pad
pad_SRCS := $(pad_PARTS)
pad_PKGS := libcrypto

TESTS += pad_format pad_large
pad_format_SRCS := tests/unit/pad_format.c
pad_format_LIBS := pad
pad_large_SRCS := tests/unit/pad_large.c
pad_large_LIBS := daemon

# the harness' fixtures have none
CFLAGS_tests/unit/pad_format.c := -Wno-missing-prototypes
CFLAGS_tests/unit/pad_large.c := -Wno-missing-prototypes

BENCHES += pad_store
pad_store_SRCS := tests/bench/pad_store.c
pad_store_LIBS := daemon
