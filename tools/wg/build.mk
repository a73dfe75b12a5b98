# SPDX-License-Identifier: GPL-2.0-or-later
#
# qkd-wg: WireGuard's preshared keys, from a link.

PROGRAMS += qkd-wg
qkd-wg_SRCS := $(addprefix tools/wg/,device.c main.c)
qkd-wg_LIBS := rotate qkd
qkd-wg_PKGS := libnl-genl-3.0 libcrypto
qkd-wg_DIR := sbin

MAN += Documentation/man/qkd-wg.8.rst
UNITS += tools/wg/qkd-wg@.service.in
BASH_COMPLETION += tools/wg/qkd-wg
