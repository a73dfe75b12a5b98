# SPDX-License-Identifier: GPL-2.0-or-later
#
# The simulated devices (library sim), and the program qkd-sim.

LIBRARIES += sim
sim_SRCS := tools/sim/address.c tools/sim/bb84.c tools/sim/bbm92.c \
	tools/sim/config.c tools/sim/connect.c tools/sim/expect.c \
	tools/sim/random.c tools/sim/run.c tools/sim/serve.c tools/sim/sim.c
sim_LIBS := net raw
sim_PKGS := libcrypto
sim_LDLIBS := -lm

PROGRAMS += qkd-sim
qkd-sim_SRCS := tools/sim/qkd-sim.c tools/sim/cmd_rate.c tools/sim/cmd_run.c \
	tools/sim/cmd_serve.c tools/sim/plan.c
qkd-sim_LIBS := sim post
MAN += Documentation/man/qkd-sim.1.rst
BASH_COMPLETION += tools/sim/bash-completion/qkd-sim

sim_tests := sim_bb84 sim_config sim_random sim_serve
TESTS += $(sim_tests) sim_bbm92 sim_plan
$(foreach t,$(sim_tests),$(eval $(t)_SRCS := tests/unit/$(t).c)\
	$(eval $(t)_LIBS := sim))
sim_bbm92_SRCS := tests/unit/sim_bbm92.c
sim_bbm92_LIBS := sim coinc post
sim_plan_SRCS := tests/unit/sim_plan.c tools/sim/plan.c
sim_plan_LIBS := sim post
# what the harness makes of FIXTURE() has no prototypes
CFLAGS_tests/unit/sim_serve.c := -Wno-missing-prototypes

BENCHES += bench_sim
bench_sim_SRCS := tests/bench/sim.c
bench_sim_LIBS := sim coinc
