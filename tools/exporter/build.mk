# SPDX-License-Identifier: GPL-2.0-or-later
#
# qkd-exporter: what the kernel tells of links, to Prometheus and the journal.

PROGRAMS += qkd-exporter
qkd-exporter_SRCS := $(addprefix tools/exporter/,alarms.c consumers.c links.c \
	main.c page.c tunnels.c)
qkd-exporter_LIBS := common qkd
qkd-exporter_PKGS := libevent_core libevent_extra
MAN += Documentation/man/qkd-exporter.8.rst
BASH_COMPLETION += tools/exporter/bash-completion/qkd-exporter
UNITS += tools/exporter/qkd-exporter.service.in
CATALOG += tools/exporter/qkd.catalog
DATA += tools/exporter/grafana-dashboard.json
