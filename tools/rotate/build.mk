# SPDX-License-Identifier: GPL-2.0-or-later
#
# Preshared keys from a link, rotated at both ends: what qkd-wg and qkd-swan share.

LIBRARIES += rotate
rotate_SRCS := $(addprefix tools/rotate/,message.c rotate.c run.c)
rotate_LIBS := daemon
rotate_PKGS := libevent_core libcrypto

TESTS += rotate_message
rotate_message_SRCS := tests/unit/rotate_message.c
rotate_message_LIBS := rotate post
rotate_message_PKGS := libcrypto
CFLAGS_tests/unit/rotate_message.c := -Wno-missing-prototypes
