# SPDX-License-Identifier: GPL-2.0-or-later
#
# The detections format (library raw).

LIBRARIES += raw
raw_SRCS := tools/raw/header.c tools/raw/pack.c tools/raw/reader.c \
	tools/raw/unpack.c
# its passes over arrays want vectors
CFLAGS_tools/raw/pack.c := -O3

TESTS += raw_format raw_ohio
raw_format_SRCS := tests/unit/raw_format.c
raw_format_LIBS := raw

# coincidences of time tags
LIBRARIES += coinc
coinc_SRCS := tools/raw/coinc.c
coinc_PKGS := fftw3
coinc_LDLIBS := -lm

PROGRAMS += qkd-raw
qkd-raw_SRCS := $(addprefix tools/raw/,cmd_kiwi.c cmd_ohio.c cmd_pairs.c \
	cmd_show.c ohio.c qkd-raw.c three_states.c)
qkd-raw_LIBS := sim coinc post
qkd-raw_PKGS := matio
MAN += Documentation/man/qkd-raw.1.rst
BASH_COMPLETION += tools/raw/bash-completion/qkd-raw

TESTS += raw_three_states
raw_three_states_SRCS := tests/unit/raw_three_states.c tools/raw/three_states.c
raw_three_states_LIBS := post
raw_three_states_LDLIBS := -lm

raw_ohio_SRCS := tests/unit/raw_ohio.c tools/raw/ohio.c
raw_ohio_PKGS := matio
raw_ohio_LDLIBS := -lm
