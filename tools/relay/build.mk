# SPDX-License-Identifier: GPL-2.0-or-later
#
# qkd-relayd: key relayed over trusted nodes. All of it but the process is a
# library, for tests; what its driver in qkdd needs as well (path.c, frame.c's
# sizes, local.c) is the daemon's library.

LIBRARIES += relay
relay_SRCS := $(addprefix tools/relay/,conf.c desk.c forward.c frame.c hop.c \
	hop_conn.c hop_key.c hop_links.c hop_queue.c hop_session.c \
	origin.c share.c target.c)
relay_LIBS := daemon
relay_PKGS := libevent_core libcrypto

PROGRAMS += qkd-relayd
qkd-relayd_SRCS := tools/relay/main.c
qkd-relayd_LIBS := relay qkd
qkd-relayd_DIR := sbin
MAN += Documentation/man/qkd-relayd.8.rst
UNITS += tools/relay/qkd-relayd.service.in
CONFIG += tools/relay/relay.conf
BASH_COMPLETION += tools/relay/bash-completion/qkd-relayd

# the host's kernel has no links: on tests/kme's stand-in for libqkd
HELPERS += relayd_standin
relayd_standin_SRCS := tools/relay/main.c
relayd_standin_LIBS := relay standin

# the same, lying
HELPERS += relayd_liar
relayd_liar_SRCS := tools/relay/main.c tests/relay/liar.c
relayd_liar_LIBS := relay standin
relayd_liar_LDLIBS := -Wl,--wrap=hop_send,--wrap=frame_seal

# two daemons' ends of a virtual link, run by tests/unit/relay_nodes.sh
HELPERS += relay_pair
relay_pair_SRCS := tests/unit/relay_pair.c $(qkdd_pair)
relay_pair_LIBS := daemon

TESTS += relay_frame relay_local
relay_frame_SRCS := tests/unit/relay_frame.c
relay_frame_LIBS := relay
CFLAGS_tests/unit/relay_frame.c := -Wno-missing-prototypes
relay_local_SRCS := tests/unit/relay_local.c
relay_local_LIBS := relay
CFLAGS_tests/unit/relay_local.c := -Wno-missing-prototypes
