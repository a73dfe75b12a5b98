#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# machine.sh NODE PSK: one node of the main job on a machine of its own: eth0
# is the wan, eth1 the fibre of the QKD devices. The hospital serves until the
# biobank says, over the fibre's network, that it is done.
set -u
. "$(dirname "$0")/lib.sh"

enter() { shift; exec "$@"; }
node=$1 psk=$2
peer=${other[$node]}
done_port=7070

step "The $node: $(uname -sr), $(nproc) processors"
load_modules
ip addr add "${wan[$node]}/24" dev eth0
ip addr add "${fibre[$node]}/24" dev eth1
ip link set eth0 up
ip link set eth1 up
mkdir -p $state
make_genomes
[ "$node" = biobank ] || serve "$node" eth0
wait_for "$patience" ping -c 1 -W 1 "${fibre[$peer]}" ||
	die "the $peer does not answer"
start_node "$node" "$psk"
await_key "$node"

if [ "$node" = hospital ]; then
	nc -l -N "${fibre[$node]}" $done_port >/dev/null </dev/null
else
	fetch "$node"
	verdict_file
fi
show_use "$node"
verdict_loss "$node"
if [ "$node" = biobank ]; then
	wait_for 10 nc -z -w 2 "${fibre[$peer]}" $done_port
fi
exit $failed
