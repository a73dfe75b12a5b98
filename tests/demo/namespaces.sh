#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The main job in one machine: two nodes in network namespaces, joined by a
# wire that a capture watches and by the fibre of their QKD devices.
#
#	hospital                                biobank
#	nginx  wan 10.77.0.1 ===capture=== wan 10.77.0.2  curl
#	qkdd   fibre 10.78.0.1 ----------- fibre 10.78.0.2  qkdd
#
# Runs as root in the virtual machine that tests/demo/run boots, or in any
# machine whose kernel has the modules.
set -u
. "$(dirname "$0")/lib.sh"

enter() { exec ip netns exec "$@"; }

step "1. The machine: $(uname -sr), $(nproc) processors"
load_modules
topo_two_nodes
mkdir -p $state
capture_start hospital wan $state/wan.pcap

step "2. Two nodes: a pre-shared secret, a simulated BB84 link of $length km, a tunnel"
qkdctl psk new $state/psk >/dev/null || die "no pre-shared secret"
start_node hospital $state/psk
start_node biobank $state/psk
shred -u $state/psk
at hospital qkdctl tunnel show $tunnel | sed 's/^/    /'

step "3. Photons become key"
await_key hospital

step "4. curl, which knows nothing of all this, fetches a 1000 Genomes VCF"
make_genomes
serve hospital wan
fetch biobank

step "5. Who used how much key"
show_use hospital
show_use biobank

step "6. Verdict"
capture_stop
verdict_file
verdict_wire $state/wan.pcap $state/www/1kg.vcf
verdict_loss hospital biobank
exit $failed
