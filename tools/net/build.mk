# SPDX-License-Identifier: GPL-2.0-or-later
#
# What programs with sockets of their own share.

LIBRARIES += net
net_SRCS := tools/net/bypass.c
