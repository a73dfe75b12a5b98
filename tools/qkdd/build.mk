# SPDX-License-Identifier: GPL-2.0-or-later
#
# The daemon. All of it but what deals with the kernel's links is a library,
# so that tests and benchmarks can run two ends of a link in one process.

LIBRARIES += daemon
daemon_SRCS := $(addprefix tools/qkdd/,auth.c chain.c chain_alice.c \
	chain_block.c chain_bob.c chain_cut.c chain_pairs.c chain_report.c \
	chain_run.c chain_sift.c channel.c channel_conn.c channel_listen.c \
	channel_meet.c channel_read.c deliver.c driver_etsi004.c \
	driver_etsi014.c driver_file.c driver_file_pad.c \
	driver_file_plain.c driver_file_store.c driver_pipe.c driver_relay.c \
	driver_replay.c driver_sim.c drivers.c durable.c etsi004.c \
	etsi014.c greet.c hybrid.c kem.c keyflow.c psk.c raw_stream.c \
	record.c session.c session_calls.c session_meet.c \
	session_say.c words.c work.c) \
	tools/kmed/msg_004.c tools/relay/local.c tools/relay/path.c
daemon_LIBS := common net pad post sim coinc raw
daemon_PKGS := libevent_core libssl libcrypto libcurl json-c
daemon_LDLIBS := -pthread -lm

PROGRAMS += qkdd
qkdd_SRCS := $(addprefix tools/qkdd/,link.c main.c privs.c \
	settings.c sink_dev.c)
qkdd_LIBS := daemon qkd
qkdd_DIR := sbin
MAN += Documentation/man/qkdd.8.rst
BASH_COMPLETION += tools/qkdd/bash-completion/qkdd
UNITS += tools/qkdd/qkdd.service.in
CONFIG += tools/qkdd/qkdd.conf

qkdd_pair := tests/unit/qkdd_pair.c tests/unit/qkdd_pool.c
BENCHES += qkdd_chain
qkdd_chain_SRCS := tests/bench/qkdd_chain.c tests/unit/qkdd_delay.c $(qkdd_pair)
qkdd_chain_LIBS := daemon
BENCHES += pad_link
pad_link_SRCS := tests/bench/pad_link.c tests/unit/qkdd_delay.c $(qkdd_pair)
pad_link_LIBS := daemon

TESTS += qkdd_cut
qkdd_cut_SRCS := tests/unit/qkdd_cut.c
qkdd_cut_LIBS := daemon
CFLAGS_tests/unit/qkdd_cut.c := -Wno-missing-prototypes

TESTS += qkdd_keyflow
qkdd_keyflow_SRCS := tests/unit/qkdd_keyflow.c
qkdd_keyflow_LIBS := daemon
CFLAGS_tests/unit/qkdd_keyflow.c := -Wno-missing-prototypes

TESTS += qkdd_auth
qkdd_auth_SRCS := tests/unit/qkdd_auth.c
qkdd_auth_LIBS := daemon

TESTS += qkdd_channel qkdd_drivers qkdd_session
qkdd_channel_SRCS := tests/unit/qkdd_channel.c $(qkdd_pair)
qkdd_channel_LIBS := daemon
qkdd_drivers_SRCS := tests/unit/qkdd_drivers.c $(qkdd_pair)
qkdd_drivers_LIBS := daemon
qkdd_session_SRCS := tests/unit/qkdd_session.c $(qkdd_pair)
qkdd_session_LIBS := daemon

TESTS += qkdd_verify
qkdd_verify_SRCS := tests/unit/qkdd_verify.c $(qkdd_pair)
qkdd_verify_LIBS := daemon
qkdd_verify_LDLIBS := -Wl,--wrap=post_verify_tag

TESTS += qkdd_hybrid qkdd_kem
qkdd_hybrid_SRCS := tests/unit/qkdd_hybrid.c $(qkdd_pair)
qkdd_hybrid_LIBS := daemon
qkdd_kem_SRCS := tests/unit/qkdd_kem.c
qkdd_kem_LIBS := daemon

TESTS += qkdd_file
qkdd_file_SRCS := tests/unit/qkdd_file.c
qkdd_file_LIBS := daemon
qkdd_file_LDLIBS := -Wl,--wrap=pread,--wrap=pwrite,--wrap=pwritev2,--wrap=fdatasync,--wrap=fsync

# against a key management entity, started by tests/unit/etsi014.sh
HELPERS += etsi014_pair
etsi014_pair_SRCS := tests/unit/etsi014_pair.c $(qkdd_pair)
etsi014_pair_LIBS := daemon
HELPERS += etsi014_residue
etsi014_residue_SRCS := tests/unit/etsi014_residue.c
etsi014_residue_LIBS := daemon

# the harness' fixtures have none
$(foreach t,auth channel drivers file hybrid kem session verify,\
	$(eval CFLAGS_tests/unit/qkdd_$(t).c := -Wno-missing-prototypes))
