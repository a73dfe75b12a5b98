# SPDX-License-Identifier: GPL-2.0-or-later
#
# The crash replayer: stores on disk, rebuilt at every point of their lives

crash_parts := tests/crash/disk.c tests/crash/record.c
crash_wrap := $(foreach f,auth_tx auth_rx_accept auth_append pool_sink,\
	-Wl,--wrap=$(f))

TESTS += crash_qkdd
crash_qkdd_SRCS := tests/crash/replay.c tests/crash/uses.c $(crash_parts) \
	tests/unit/qkdd_pair.c tests/unit/qkdd_pool.c tools/pad-ledger/ledger.c
crash_qkdd_LIBS := daemon
crash_qkdd_LDLIBS := $(crash_wrap)

TESTS += crash_kmed
crash_kmed_SRCS := tests/crash/kmed.c $(crash_parts) tools/pad-ledger/ledger.c
crash_kmed_LIBS := kmed standin
