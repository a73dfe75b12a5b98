# SPDX-License-Identifier: GPL-2.0-or-later
#
# qkd-wg: WireGuard's preshared keys, from a link.

PROGRAMS += qkd-wg
qkd-wg_SRCS := $(addprefix tools/wg/,device.c main.c message.c rotate.c) \
	tools/qkdd/notify.c
qkd-wg_LIBS := daemon qkd
qkd-wg_PKGS := libnl-genl-3.0 libevent_core libcrypto
qkd-wg_DIR := sbin

MAN += Documentation/man/qkd-wg.8.rst
UNITS += tools/wg/qkd-wg@.service.in
BASH_COMPLETION += tools/wg/qkd-wg

TESTS += wg_message
wg_message_SRCS := tests/unit/wg_message.c tools/wg/message.c
wg_message_LIBS := post
wg_message_PKGS := libcrypto
CFLAGS_tests/unit/wg_message.c := -Wno-missing-prototypes
