# SPDX-License-Identifier: GPL-2.0-or-later
PROGRAMS += qkd-canary
qkd-canary_SRCS := tools/canary/main.c tools/canary/needle.c \
	tools/canary/packet.c
qkd-canary_PKGS := libpcap
MAN += Documentation/man/qkd-canary.1.rst
BASH_COMPLETION += tools/canary/bash-completion/qkd-canary
