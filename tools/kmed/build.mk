# SPDX-License-Identifier: GPL-2.0-or-later
#
# qkd-kmed, the key management entity. All of it but the process is a library,
# for tests; what it needs of a link it asks of libqkd.

LIBRARIES += kmed
kmed_SRCS := $(addprefix tools/kmed/,base64.c conf.c desk.c desk_get.c \
	desk_mark.c desk_source.c desk_take.c front.c \
	front_004.c front_014.c front_kme.c front_skip.c json.c lease.c listen.c \
	mark.c memory.c metrics.c msg_004.c peer.c seallog.c server.c source.c \
	source_pool.c store.c store_file.c store_key.c store_mark.c store_range.c tls.c tls_psk.c \
	xchg.c)
kmed_LIBS := common
kmed_PKGS := libevent_core libevent_extra libevent_openssl libevent_pthreads \
	libssl libcrypto json-c
kmed_LDLIBS := -pthread

# with tpm2-tss the store's key can be sealed by a TPM
kmed_tss := tss2-esys tss2-tctildr tss2-mu tss2-rc
ifeq ($(shell $(PKG_CONFIG) --exists $(kmed_tss) && echo yes),yes)
kmed_SRCS += tools/kmed/tpm.c
kmed_PKGS += $(kmed_tss)
else
kmed_SRCS += tools/kmed/tpm_none.c
endif

PROGRAMS += qkd-kmed
qkd-kmed_SRCS := tools/kmed/main.c
qkd-kmed_LIBS := kmed qkd
qkd-kmed_DIR := sbin

MAN += Documentation/man/qkd-kmed.8.rst
UNITS += tools/kmed/qkd-kmed.service.in \
	$(addprefix tools/kmed/,qkd-kmed.socket qkd-kmed-004.socket qkd-kmed-skip.socket)
DATA += tools/kmed/kmed.json.example
BASH_COMPLETION += tools/kmed/bash-completion/qkd-kmed
