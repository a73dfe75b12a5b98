# SPDX-License-Identifier: GPL-2.0-or-later
#
# churn: links, namespaces and modules come and go while they are used
HELPERS += churn
churn_SRCS := tests/churn/churn.c tests/churn/dump.c \
	tests/churn/keys.c tests/churn/memory.c tests/churn/rtnl.c
churn_LIBS := pair qkd
churn_PKGS := libmnl
