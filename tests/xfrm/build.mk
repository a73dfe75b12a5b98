# SPDX-License-Identifier: GPL-2.0-or-later
TESTS += xfrm_msg
xfrm_msg_SRCS := tests/unit/xfrm_msg.c

HELPERS += xfrm_many
xfrm_many_SRCS := tests/bench/xfrm_many.c
xfrm_many_LIBS := qkd
