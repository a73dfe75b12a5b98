# SPDX-License-Identifier: GPL-2.0-or-later
#
# qkdctl: the administrator's tool. All but main() is named apart, for tests.

PROGRAMS += qkdctl
qkdctl_PARTS := $(addprefix tools/qkdctl/,addr.c args.c conf.c guard.c key.c \
	keys.c link.c link_show.c monitor.c otp.c otp_nl.c pad.c pki.c print.c psk.c \
	qkdctl.c report.c restore.c save.c stats.c tunnel.c tunnel_show.c units.c \
	watch.c) tools/kmed/base64.c
qkdctl_SRCS := tools/qkdctl/main.c $(qkdctl_PARTS)
qkdctl_LIBS := qkd pad
qkdctl_PKGS := json-c libcrypto libmnl
qkdctl_DIR := sbin

MAN += Documentation/man/qkdctl.8.rst Documentation/man/qkd.conf.5.rst
UNITS += tools/qkdctl/qkd.service.in
BASH_COMPLETION += tools/qkdctl/bash-completion/qkdctl
ZSH_COMPLETION += tools/qkdctl/_qkdctl

TESTS += ctl_transcript
ctl_transcript_SRCS := tests/unit/ctl_transcript.c tests/unit/ctl_fake.c \
	$(qkdctl_PARTS) $(addprefix tools/libqkd/,error.c keyid.c names.c \
	tunnel_names.c wipe.c)
ctl_transcript_LIBS := pad
ctl_transcript_PKGS := json-c libcrypto libmnl

k_ctl_key_LIBS := pair qkd
