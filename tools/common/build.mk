# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the daemons share: logging, readiness, memory that keeps key.

LIBRARIES += common
common_SRCS := $(addprefix tools/common/,guard.c log.c notify.c secret.c \
	wipe_free.c)

TESTS += common_free
common_free_SRCS := tests/unit/common_free.c
common_free_LIBS := common
CFLAGS_tests/unit/common_free.c := -Wno-missing-prototypes -fno-builtin
