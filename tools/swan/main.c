// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkd-swan: options.
 */
#include "renew.h"
#include "tools/rotate/run.h"
#include "vici.h"

#define PORT	51017	/* UDP, at both ends */

_Static_assert(ROTATE_KEY == CHARON_PPK, "a key is a PPK");

static const char usage[] =
"qkd-swan: rotates the PPK of a strongSwan connection, from a QKD link\n"
"\n"
"usage: qkd-swan [OPTIONS] LINK CONNECTION [CHILD]\n"
"\n"
"CONNECTION is swanctl.conf's, with a ppk_id. CHILD, one of its children, is\n"
"initiated whenever CONNECTION has no IKE SA.\n"
"\n"
"  -i, --interval SECONDS  from one key to the next, 600\n"
"  -p, --port PORT         UDP, the same at both ends, 51017\n"
"  -s, --stream NAME       of the link, the same at both ends, \"swan\"\n"
"  -u, --uri PATH          of charon's VICI socket, " VICI_SOCKET "\n"
"  -d, --debug             tell more\n"
"  -h, --help\n"
"  -V, --version\n";

int main(int argc, char **argv)
{
	struct renew r = { .charon.fd = -1 };
	struct rotate_user user = {
		.kind = "swan",
		.hold = renew_hold,
		.why = renew_why,
		.both = renew_both,
		.ctx = &r,
	};
	struct rotate_conf conf = {
		.stream = "swan",
		.user = &user,
		.port = PORT,
		.interval_ms = 600000,
	};
	struct rotate_options o = {
		.usage = usage,
		.more = "uri",
		.value = VICI_SOCKET,
		.least = 3,
	};
	int i = rotate_parse(&conf, &o, argc, argv);

	if (i < 0)
		return -i - 1;
	if (argc - i < 1 || argc - i > 2)
		return rotate_usage(&o);
	user.name = argv[i];
	r.link = conf.link;
	r.charon.socket = o.value;
	r.charon.conn = argv[i];
	r.charon.child = argv[i + 1];
	return rotate_run(&conf, &o);
}
