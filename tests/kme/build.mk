# SPDX-License-Identifier: GPL-2.0-or-later
#
# The key management entity's tests. The host's kernel has no links: libqkd's
# calls on them are done by a stand-in.

kme_standin := tests/kme/standin.c kmod/core/ring.c \
	$(addprefix tools/libqkd/,error.c keyid.c wipe.c)

# qkd-kmed on the stand-in
HELPERS += kmed_standin
kmed_standin_SRCS := tools/kmed/main.c $(kme_standin)
kmed_standin_LIBS := kmed
kmed_standin_CPPFLAGS := -Itests/kshim

TESTS += kme_014
kme_014_SRCS := tests/unit/kme_014.c $(kme_standin)
kme_014_LIBS := kmed
kme_014_CPPFLAGS := -Itests/kshim
CFLAGS_tests/unit/kme_014.c := -Wno-missing-prototypes
