# SPDX-License-Identifier: GPL-2.0-or-later
#
# What belongs to the system and to no one program: device nodes, the group
# that may use key, folders, modules, the source that DKMS builds.
UDEV += tools/system/udev/60-qkd.rules
SYSUSERS += tools/system/sysusers/qkd.conf
TMPFILES += tools/system/tmpfiles/qkd.conf
ZSH_COMPLETION += tools/system/_qkd
MODULES_LOAD += tools/system/modules-load/qkd.conf
DKMS += tools/system/dkms.conf.in
APPARMOR += $(addprefix tools/system/apparmor/,qkd-exporter.in qkd-kmed.in \
	qkd-relayd.in qkd-swan.in qkd-wg.in qkdd.in)
