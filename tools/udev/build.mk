# SPDX-License-Identifier: GPL-2.0-or-later
UDEV += tools/udev/60-qkd.rules
SYSUSERS += tools/udev/qkd.conf
