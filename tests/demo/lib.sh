# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034
#
# What the demonstration's nodes do, wherever they are: in two namespaces of
# one machine (namespaces.sh), or on a machine each (machine.sh). The script that
# includes this defines `enter NODE COMMAND...`, which becomes that command, on
# that node. The tests' own library sets up and takes down.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
trap demo_end EXIT

link=hospital-biobank
tunnel=genomes
vcf_gz=/usr/share/doc/python3-vcf/test/1kg.vcf.gz
rekey=${REKEY:-2s}		# an SA is replaced when it is this old
rate=${RATE:-2400kbit}		# of the wan: slow enough to watch
length=${LENGTH:-25}		# km of fibre
# A source of 10 MHz and blocks of a quarter million bits: what an emulated
# processor can follow in real time, with the first key after a few seconds.
source="rate=10e6 pz=0.8 block=262144"
patience=${PATIENCE:-120}	# seconds until the first key
state=/run/qkd-demo

# addresses: wan carries packets, fibre photons and the classical channel
declare -A wan=([hospital]=10.77.0.1 [biobank]=10.77.0.2)
declare -A fibre=([hospital]=10.78.0.1 [biobank]=10.78.0.2)
declare -A other=([hospital]=biobank [biobank]=hospital)
declare -A role=([hospital]=alice [biobank]=bob)

bold='' green='' red='' dim='' off=''
if [ -n "${COLOUR:-}" ]; then
	bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' dim=$'\e[2m' off=$'\e[0m'
fi

step() { printf '\n%s%s%s\n' "$bold" "$*" "$off"; }
tell() { printf '  %s\n' "$*"; }
die() { # WHY...
	printf '%sdemo: %s%s\n' "$red" "$*" "$off" >&2
	tail -n 20 $state/*/qkdd.log 2>/dev/null >&2
	exit 1
}

demo_end() {
	local status=$? i

	trap - EXIT INT TERM
	for ((i = ${#test_undo[@]} - 1; i >= 0; i--)); do
		eval "${test_undo[i]}" >/dev/null 2>&1
	done
	rm -rf "$test_dir"
	exit $status
}

# at NODE CMD...; in the background it is (enter NODE CMD...) &, so that the
# process known is CMD itself
at() { (enter "$@"); }

# The modules, and what they stand on.
load_modules() {
	modprobe -qa esp4 esp6 xfrm_user 2>/dev/null
	need_module qkd_xfrm
	tell "modules: $(lsmod | awk '/^qkd/ { printf "%s (%d KiB) ", $1, $2 / 1024 }')"
}

# The daemon, the link and the tunnel of one node; PSK is its secret's file.
start_node() { # NODE PSK
	local me=$1 peer=${other[$1]}

	mkdir -p "$state/$me/psk" "$state/$me/lib"
	install -m 600 "$2" "$state/$me/psk/$link"
	at "$me" qkdctl link add $link \
		local-node "$me" peer-node "$peer" \
		local "${wan[$me]}" peer "${wan[$peer]}" \
		driver sim role "${role[$me]}" \
		config "length=$length $source channel=${fibre[$peer]} fibre=${fibre[hospital]}" ||
		die "$me: the link was refused"
	at "$me" qkdctl tunnel add $tunnel link $link mode transport \
		rekey time "$rekey" || die "$me: the tunnel was refused"
	(enter "$me" qkdd --psk-dir "$state/$me/psk" \
		--state-dir "$state/$me/lib") 2>"$state/$me/qkdd.log" &
	at_exit stop $!
}

# One line of what device, pools and tunnel do.
show_node() { # NODE
	{
		at "$1" qkdctl -j link show $link
		at "$1" qkdctl -j -s tunnel show $tunnel
	} | jq -rs 'def k: (. // 0) / 1000 | round | tostring;
		.[1][0].out as $out | .[0][0] |
		"\($out.rekeys // 0) keys  \(.oper_state)" +
		"  QBER \((.rates.qber_ppm // 0) / 100 | round / 100) %" +
		"  raw \(.rates.raw_bps | k)k/s  sifted \(.rates.sifted_bps | k) kbit/s" +
		"  secret \(.rates.secret_bps | k) kbit/s" +
		"  pool \(.tx.available)+\(.rx.available) B"'
}

tunnel_field() { # NODE JQ-FILTER
	at "$1" qkdctl -j -s tunnel show $tunnel | jq -r ".[0] | $2"
}
rekeys() { tunnel_field "$1" '.out.rekeys // 0'; }
keyed() { [ "$(tunnel_field "$1" '.out.spi != null and .in.spi != null')" = true ]; }

# There is key for the next rekeys: without, a tunnel that blocks drops packets, which
# no rekey is to be blamed for.
stocked() { at "$1" qkdctl -j link show $link | jq -e '.[0].tx.available >= 2048' > /dev/null; }

# Until the tunnel has an SA each way, and a stock.
await_key() { # NODE
	local end=$((SECONDS + patience))

	until keyed "$1" && stocked "$1"; do
		[ $SECONDS -lt $end ] || die "no key in $patience seconds"
		tell "$1  $(show_node "$1")"
		sleep 1
	done
	tell "$1  $(show_node "$1")"
	tell "the tunnel has its first security associations:"
	at "$1" ip xfrm state | grep -E '^src|spi|aead' | sed "s/^/    $dim/; s/$/$off/"
}

make_genomes() {
	mkdir -p $state/www
	gzip -dc $vcf_gz >$state/www/1kg.vcf || die "no data: $vcf_gz"
}

# A stock web server with the genomes, behind a line that is no faster than
# people watch.
serve() { # NODE DEVICE
	at "$1" tc qdisc add dev "$2" root tbf rate "$rate" burst 16k latency 2s ||
		die "the line to the world cannot be made slow"
	cat >$state/nginx.conf <<-END
		user root;
		daemon off;
		pid $state/nginx.pid;
		error_log $state/nginx.log;
		events {}
		http { access_log off; server { listen 80; root $state/www; } }
	END
	(enter "$1" nginx -c $state/nginx.conf) 2>>$state/nginx.log &
	at_exit stop $!
}

# curl at NODE, its progress and the rekeys told; sets curl_status, during.
fetch() { # NODE
	local from=${wan[${other[$1]}]} size got first curl

	wait_for "$patience" at "$1" curl -sfI -o /dev/null "http://$from/1kg.vcf" ||
		die "the web server does not answer"
	size=$(stat -c %s $state/www/1kg.vcf)
	first=$(rekeys "$1")
	(enter "$1" curl -sS -o $state/got.vcf \
		"http://$from/1kg.vcf") &
	curl=$!
	while kill -0 $curl 2>/dev/null; do
		sleep 1
		got=$(stat -c %s $state/got.vcf 2>/dev/null || echo 0)
		tell "$(printf '%3d %%  ' $((100 * got / size)))$(show_node "$1")"
	done
	wait $curl
	curl_status=$?
	during=$(($(rekeys "$1") - first))
}

show_use() { # NODE
	tell "$1:"
	at "$1" qkdctl -s key show $link | sed 's/^/    /'
}

# ---- the verdict

failed=0
verdict() { # WHAT COMMAND...
	local what=$1

	shift
	if "$@"; then
		printf '  %s✓%s %s\n' "$green" "$off" "$what"
	else
		printf '  %s✗ %s%s\n' "$red" "$what" "$off"
		failed=1
	fi
}

verdict_file() {
	verdict "curl ended well" [ "$curl_status" = 0 ]
	verdict "the file arrived as it was sent (SHA-256)" \
		[ "$(sha256sum <$state/www/1kg.vcf)" = "$(sha256sum <$state/got.vcf)" ]
	verdict "$during rekeys while it ran" [ "$during" -ge 3 ]
}

verdict_wire() { # CAPTURE PLANTED
	local seen alive=0

	seen=$(qkd-canary -p "$2" "$1") || alive=$?
	tell "$dim$seen$off"
	field() { jq ".$1" <<<"$seen"; }
	verdict "$(field esp) ESP packets on the wire under $(field spis) SPIs" \
		[ "$(field spis)" -ge 6 ]
	verdict "nothing else but the rekeying itself ($(field control)) and neighbour discovery ($(field neighbour))" \
		[ "$(field clear) $(field otp) $(field other) $(field cut)" = "0 0 0 0" ]
	verdict "not one line of the file in the capture" [ $alive = 0 ]
}

verdict_loss() { # NODE...
	local node errors=0

	for node in "$@"; do
		errors=$((errors + $(at "$node" awk '$2 { n += $2 }
			END { print n + 0 }' /proc/net/xfrm_stat)))
	done
	verdict "$errors packets lost by rekeying (/proc/net/xfrm_stat: $*)" \
		[ $errors = 0 ]
}
