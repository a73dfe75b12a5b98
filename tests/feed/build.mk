# SPDX-License-Identifier: GPL-2.0-or-later
HELPERS += qkd-feed
qkd-feed_SRCS := tests/feed/feed.c
