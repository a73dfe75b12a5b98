# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# strongSwan at two nodes, under key of qkd-swan or beside our tunnels; to be
# sourced after tests/lib.sh.
#
#	hospital 10.77.0.1 =================== 10.77.0.2 biobank
#	  lo 10.11.0.1         IKE, ESP           lo 10.12.0.1

declare -A charon=()

# swan_charon NODE PLUGINS [LEVEL]: start its charon. Unless another LEVEL is
# given, the log has every PPK used: 4 of "ike" tells secrets. From strongSwan 6 on
# ciphers are of the plugin openssl.
swan_charon() {
	local n=$1

	rm -f "$test_dir/$n.vici"
	cat > "$test_dir/$n.strongswan" <<-EOF
	charon-systemd {
		load = random nonce aes sha1 sha2 hmac kdf gmp openssl $2 socket-default vici
		install_routes = no
		make_before_break = yes
		plugins {
			vici {
				socket = unix://$test_dir/$n.vici
			}
		}
		filelog {
			log {
				path = $test_dir/$n.charon
				append = yes
				default = 1
				${3:-ike = 4}
				flush_line = yes
			}
		}
	}
	EOF
	start on "$n" env STRONGSWAN_CONF="$test_dir/$n.strongswan" charon-systemd
	charon[$n]=$started
	wait_for 20 "[ -S $test_dir/$n.vici ]" ||
		die "charon does not start: $(tail "$test_dir/$n.charon")"
	swan_load "$n"
}

# what the connection has where it is to be under a PPK
swan_ppk() { echo "ppk_id = site@qkd"; echo "ppk_required = $1"; }

# swan_conf NODE I [LINES [CHILD'S LINES]]: its connection "site" with child "net",
# under a PPK unless LINES tell otherwise
swan_conf() {
	cat > "$test_dir/$1.swanctl" <<-EOF
	connections {
		site {
			version = 2
			proposals = aes128-sha256-modp2048
			local_addrs = 10.77.0.$2
			remote_addrs = 10.77.0.$((3 - $2))
			${3-$(swan_ppk yes)}
			local {
				auth = psk
				id = node$2
			}
			remote {
				auth = psk
				id = node$((3 - $2))
			}
			children {
				net {
					local_ts = 10.1$2.0.0/24
					remote_ts = 10.1$((3 - $2)).0.0/24
					esp_proposals = aes128-sha256
					${4:-}
					start_action = trap
				}
			}
		}
	}
	secrets {
		ike {
			secret = test
		}
	}
	EOF
}

# swan NODE VERB ARGS...
swan() {
	local n=$1 verb=$2

	shift 2
	env STRONGSWAN_CONF="$test_dir/$n.strongswan" swanctl "$verb" \
		--uri "unix://$test_dir/$n.vici" "$@" 2> "$test_dir/swanctl"
}

swan_load() {
	swan "$1" --load-all --file "$test_dir/$1.swanctl" > "$test_dir/load" ||
		die "swanctl: $(cat "$test_dir/load" "$test_dir/swanctl")"
}

swan_addr() {
	ip -n "$1" addr add "10.1$2.0.1/24" dev lo
	ip -n "$1" route add "10.1$((3 - $2)).0.0/24" \
		via "10.77.0.$((3 - $2))" src "10.1$2.0.1"
}

# ppks NODE: those that its IKE SAs took, a line each, in order
ppks() {
	grep -A 2 'derive keys using PPK' "$test_dir/$1.charon" |
		sed -n 's/.*\[IKE\] *[0-9]*: \(\([0-9A-F][0-9A-F] \)*\).*/\1/p' |
		paste - -
}
# ppks_at_least N: both ends' IKE SAs took so many
ppks_at_least() {
	[ "$(ppks hospital | wc -l)" -ge "$1" ] && [ "$(ppks biobank | wc -l)" -ge "$1" ]
}
# sa NODE: numbers of its IKE SAs
sa() { swan "$1" --list-sas --raw | grep -o 'site {uniqueid=[0-9]*' | grep -o '[0-9]*'; }
reach() { on hospital ping -c 1 -W 1 10.12.0.1; }
