// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkd-wg: the peer of a WireGuard interface as what keys are rotated for.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <qkd/qkd.h>

#include "device.h"
#include "tools/common/secret.h"
#include "tools/rotate/run.h"

#define PORT	51016	/* UDP, at both ends */

_Static_assert(ROTATE_KEY == WG_KEY_LEN, "a key is WireGuard's");

static const char usage[] =
"qkd-wg: rotates a WireGuard peer's preshared key, from a QKD link\n"
"\n"
"usage: qkd-wg [OPTIONS] LINK INTERFACE [PUBLIC-KEY]\n"
"\n"
"PUBLIC-KEY is the peer's; needed where INTERFACE has several peers.\n"
"\n"
"  -i, --interval SECONDS  from one key to the next, 120\n"
"  -p, --port PORT         UDP, the same at both ends, 51016\n"
"  -s, --stream NAME       of the link, the same at both ends, \"wg\"\n"
"  -d, --debug             tell more\n"
"  -h, --help\n"
"  -V, --version\n";

static const char *why(void *ctx, int err)
{
	switch (-err) {
	case ENODEV:
		return "there is no such WireGuard interface";
	case ENOENT:
		return "the interface has no such peer";
	case ENOTUNIQ:
		return "the interface has several peers: name one by its public key";
	case EPROTONOSUPPORT:
		return "no WireGuard: modprobe wireguard";
	case EPERM:
		return "WireGuard asks for CAP_NET_ADMIN";
	default:
		return strerror(-err);
	}
}

static int hold(void *ctx, const uint8_t key[ROTATE_KEY], bool fresh,
		uint32_t *mark)
{
	struct wg_device *wg = ctx;
	struct wg_state st;
	bool same;
	int ret = wg_device_state(wg, &st);

	if (ret)
		return ret;
	*mark = st.fwmark;
	same = qkd_equal(st.psk, key, sizeof(st.psk));
	wipe(&st, sizeof(st));
	if (same)
		return 0;
	ret = wg_device_set_psk(wg, key);
	return ret ? ret : 1;
}

int main(int argc, char **argv)
{
	struct wg_device wg;
	struct rotate_user user = {
		.kind = "wg",
		.hold = hold,
		.why = why,
		.ctx = &wg,
	};
	struct rotate_conf conf = {
		.stream = "wg",
		.user = &user,
		.port = PORT,
		.interval_ms = 120000,
	};
	struct rotate_options o = { .usage = usage, .least = 1 };
	int i = rotate_parse(&conf, &o, argc, argv);

	if (i < 0)
		return -i - 1;
	if (argc - i < 1 || argc - i > 2)
		return rotate_usage(&o);
	user.name = argv[i];
	if (wg_device_init(&wg, argv[i], argv[i + 1])) {
		fprintf(stderr, "qkd-wg: %s is no public key of WireGuard\n",
			argv[i + 1]);
		return 2;
	}
	i = rotate_run(&conf, &o);
	wg_device_free(&wg);
	return i;
}
