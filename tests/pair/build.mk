# SPDX-License-Identifier: GPL-2.0-or-later
# What the C tests of qkd.ko share. The harness's fixtures are not static.
LIBRARIES += pair
pair_SRCS := tests/pair/pair.c tests/pair/wire.c
pair_LIBS := qkd
pair_PKGS := libcrypto

$(foreach t,account erased exporter faults feed get lifetime links netlink peer stream threads userns xfrm_bind,\
	$(eval k_$(t)_SRCS := tests/kernel/$(t).c)\
	$(eval k_$(t)_LIBS := pair qkd)\
	$(eval k_$(t)_LDLIBS := -pthread)\
	$(eval CFLAGS_tests/kernel/$(t).c := -Wno-missing-prototypes))
k_netlink_PKGS := libmnl
k_faults_SRCS += tests/otp/rtnl.c


HELPERS += pool_device
pool_device_SRCS := tests/bench/pool_device.c
pool_device_LIBS := pair qkd
pool_device_LDLIBS := -pthread
