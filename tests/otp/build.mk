# SPDX-License-Identifier: GPL-2.0-or-later
#
# One-time-pad tunnels: the pure files' tests and benchmark.

BENCHES += otp_datapath

# as the kernel compiles it: no vector registers
CFLAGS_kmod/otp/mac.c := -O2 -mgeneral-regs-only
otp_datapath_SRCS := tests/bench/otp_datapath.c kmod/otp/mac.c
otp_datapath_PKGS := libcrypto

HELPERS += pad_user
pad_user_SRCS := tests/otp/pad_user.c
pad_user_LIBS := daemon

TESTS += otp_fair otp_mac otp_packet otp_vectors otp_forge otp_wait
otp_fair_SRCS := tests/unit/otp_fair.c kmod/otp/fair.c
otp_fair_CPPFLAGS := -Itests/kshim
otp_forge_SRCS := tests/unit/otp_forge.c kmod/otp/packet.c kmod/otp/mac.c \
	kmod/core/ring.c
otp_forge_CPPFLAGS := -Itests/kshim
CFLAGS_tests/unit/otp_forge.c := -Wno-missing-prototypes
otp_mac_SRCS := tests/unit/otp_mac.c kmod/otp/mac.c
otp_packet_SRCS := tests/unit/otp_packet.c kmod/otp/packet.c
otp_vectors_SRCS := tests/unit/otp_vectors.c kmod/otp/packet.c kmod/otp/mac.c
otp_vectors_PKGS := json-c
otp_wait_SRCS := tests/unit/otp_wait.c kmod/otp/wait.c
otp_wait_CPPFLAGS := -Itests/kshim
