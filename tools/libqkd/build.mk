# SPDX-License-Identifier: GPL-2.0-or-later
#
# libqkd: links, tunnels and key for programs.

SHARED += qkd
qkd_SRCS := $(addprefix tools/libqkd/,attrs.c consumer.c dev.c error.c keyid.c \
	link.c link_parse.c monitor.c names.c netns.c nl.c secret.c tunnel.c \
	tunnel_names.c tunnel_parse.c wipe.c)
qkd_PKGS := libmnl
qkd_SOVERSION := 1
qkd_MAP := tools/libqkd/libqkd.map

HEADERS += include/qkd/qkd.h include/qkd/tunnel.h
HEADERS += include/uapi/linux/qkd.h include/uapi/linux/qkd_dev.h \
	include/uapi/linux/qkd_otp.h include/uapi/linux/qkd_xfrm.h
MAN += $(patsubst %,Documentation/man/%.3.rst,libqkd qkd_dev_feed qkd_dev_get \
	qkd_error qkd_key_id_format qkd_link_add qkd_monitor_open qkd_nl_open \
	qkd_secret_give qkd_tunnel_add)
PKGCONFIG += tools/libqkd/libqkd.pc.in

TESTS += ctl_keyid ctl_messages
ctl_keyid_SRCS := tests/unit/ctl_keyid.c
ctl_keyid_LIBS := qkd
# what is tested is not offered by the library: its objects instead
ctl_messages_SRCS := tests/unit/ctl_messages.c $(qkd_SRCS)
ctl_messages_PKGS := libmnl

k_ctl_report_LIBS := pair qkd
CFLAGS_tests/kernel/ctl_report.c := -Wno-missing-prototypes
k_xfrm_hybrid_LIBS := qkd
k_xfrm_hybrid_PKGS := libcrypto
