# SPDX-License-Identifier: GPL-2.0-or-later
#
# qkd-tls: TLS under key of a link.

tls_SRCS := $(addprefix tools/tls/,main.c psk.c pump.c)
tls_PKGS := libevent_core libevent_extra libssl libcrypto

PROGRAMS += qkd-tls
qkd-tls_SRCS := $(tls_SRCS)
qkd-tls_LIBS := common qkd
qkd-tls_PKGS := $(tls_PKGS)

MAN += Documentation/man/qkd-tls.1.rst
BASH_COMPLETION += tools/tls/qkd-tls
UNITS += tools/tls/qkd-tls@.service.in

# the same, and the documented example, on the stand-in for links
HELPERS += tls_standin tls_example
tls_standin_SRCS := $(tls_SRCS)
tls_standin_LIBS := common standin
tls_standin_PKGS := $(tls_PKGS)
tls_example_SRCS := Documentation/examples/tls-psk.c
tls_example_LIBS := standin
tls_example_PKGS := libssl libcrypto
