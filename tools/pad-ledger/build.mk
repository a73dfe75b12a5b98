# SPDX-License-Identifier: GPL-2.0-or-later
#
# qkd-ledger: was any key used twice?

PROGRAMS += qkd-ledger
qkd-ledger_PARTS := $(addprefix tools/pad-ledger/,capture.c datagram.c \
	ledger.c sources.c)
qkd-ledger_SRCS := tools/pad-ledger/main.c $(qkd-ledger_PARTS)
qkd-ledger_LIBS := qkd
qkd-ledger_PKGS := libpcap libcrypto

MAN += Documentation/man/qkd-ledger.1.rst
BASH_COMPLETION += tools/pad-ledger/bash-completion/qkd-ledger

TESTS += ctl_ledger
ctl_ledger_SRCS := tests/unit/ctl_ledger.c $(qkd-ledger_PARTS)
ctl_ledger_LIBS := qkd
ctl_ledger_PKGS := libpcap
