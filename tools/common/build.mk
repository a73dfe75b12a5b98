# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the daemons share: logging, readiness, memory that keeps key.

LIBRARIES += common
common_SRCS := $(addprefix tools/common/,guard.c log.c notify.c secret.c)
