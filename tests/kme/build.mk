# SPDX-License-Identifier: GPL-2.0-or-later
#
# The key management entity's tests. The host's kernel has no links: libqkd's
# calls on them are done by a stand-in.

LIBRARIES += standin
standin_SRCS := tests/kme/standin.c tests/kme/standin_stream.c kmod/core/ring.c \
	$(addprefix tools/libqkd/,error.c keyid.c wipe.c)
standin_PKGS := libcrypto
standin_CPPFLAGS := -Itests/kshim

# qkd-kmed on the stand-in
HELPERS += kmed_standin
kmed_standin_SRCS := tools/kmed/main.c
kmed_standin_LIBS := kmed standin

# a client of TLS 1.3 under a PSK with SHA-384
HELPERS += psk_client
psk_client_SRCS := tests/kme/psk_client.c
psk_client_PKGS := libssl libcrypto

TESTS += kme_014
kme_014_SRCS := tests/unit/kme_014.c
kme_014_LIBS := kmed standin
CFLAGS_tests/unit/kme_014.c := -Wno-missing-prototypes

TESTS += kme_store
kme_store_SRCS := tests/unit/kme_store.c
kme_store_LIBS := kmed standin
CFLAGS_tests/unit/kme_store.c := -Wno-missing-prototypes
