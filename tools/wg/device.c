// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * WireGuard's generic netlink, as far as a peer's preshared key goes.
 *
 * What the kernel tells of an interface includes its private key. libnl frees
 * its buffers unwiped; rotate_run() makes free() wipe them. Messages made here
 * are wiped here.
 */
#include <errno.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <openssl/evp.h>
#include <string.h>
#include <time.h>

#include "device.h"
#include "tools/common/secret.h"

struct lookup {
	struct wg_device *wg;
	struct wg_state *state;
	unsigned int found;
};

static int to_errno(int err)
{
	switch (-err) {
	case 0:
		return 0;
	case NLE_NODEV:
	case NLE_OBJ_NOTFOUND:
		return -ENODEV;
	case NLE_OPNOTSUPP:
		return -EPROTONOSUPPORT;	/* such an interface, but no WireGuard */
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_NOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

static void read_peer(struct lookup *l, struct nlattr **a)
{
	struct wg_device *wg = l->wg;
	struct timespec ts = { 0 };
	struct nlattr *t;

	if (!a[WGPEER_A_PUBLIC_KEY] ||
	    (!wg->any && memcmp(nla_data(a[WGPEER_A_PUBLIC_KEY]), wg->peer,
				WG_KEY_LEN)))
		return;
	/* a peer with many allowed addresses comes in several messages */
	if (l->found && !memcmp(nla_data(a[WGPEER_A_PUBLIC_KEY]), wg->peer,
				WG_KEY_LEN))
		return;
	l->found++;
	memcpy(wg->peer, nla_data(a[WGPEER_A_PUBLIC_KEY]), WG_KEY_LEN);
	if (a[WGPEER_A_PRESHARED_KEY])
		memcpy(l->state->psk, nla_data(a[WGPEER_A_PRESHARED_KEY]),
		       WG_KEY_LEN);
	t = a[WGPEER_A_LAST_HANDSHAKE_TIME];
	if (t && nla_len(t) >= (int)sizeof(ts))
		memcpy(&ts, nla_data(t), sizeof(ts));
	l->state->handshake = ts.tv_sec;
}

static int read_device(struct nl_msg *msg, void *arg)
{
	static const struct nla_policy dev_policy[WGDEVICE_A_MAX + 1] = {
		[WGDEVICE_A_FWMARK] = { .type = NLA_U32 },
		[WGDEVICE_A_PEERS] = { .type = NLA_NESTED },
	};
	static const struct nla_policy peer_policy[WGPEER_A_MAX + 1] = {
		[WGPEER_A_PUBLIC_KEY] = { .minlen = WG_KEY_LEN },
		[WGPEER_A_PRESHARED_KEY] = { .minlen = WG_KEY_LEN },
	};
	struct nlattr *dev[WGDEVICE_A_MAX + 1], *peer[WGPEER_A_MAX + 1], *p;
	struct lookup *l = arg;
	int left;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, dev, WGDEVICE_A_MAX,
			  (struct nla_policy *)dev_policy))
		return NL_SKIP;
	if (dev[WGDEVICE_A_FWMARK])
		l->state->fwmark = nla_get_u32(dev[WGDEVICE_A_FWMARK]);
	if (!dev[WGDEVICE_A_PEERS])
		return NL_OK;
	nla_for_each_nested(p, dev[WGDEVICE_A_PEERS], left)
		if (!nla_parse_nested(peer, WGPEER_A_MAX, p,
				      (struct nla_policy *)peer_policy))
			read_peer(l, peer);
	return NL_OK;
}

/* The module may be loaded later than we are started. */
static int connect_family(struct wg_device *wg)
{
	int err;

	if (!wg->sock) {
		wg->sock = nl_socket_alloc();
		if (!wg->sock)
			return -ENOMEM;
		err = genl_connect(wg->sock);
		if (err)
			return to_errno(err);
	}
	if (wg->family < 0)
		wg->family = genl_ctrl_resolve(wg->sock, WG_GENL_NAME);
	return wg->family < 0 ? -EPROTONOSUPPORT : 0;
}

static struct nl_msg *request(struct wg_device *wg, uint8_t cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (msg && genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, wg->family, 0,
			       flags, cmd, WG_GENL_VERSION) &&
	    !nla_put_string(msg, WGDEVICE_A_IFNAME, wg->name))
		return msg;
	nlmsg_free(msg);
	return NULL;
}

int wg_device_state(struct wg_device *wg, struct wg_state *state)
{
	struct lookup l = { .wg = wg, .state = state };
	struct nl_msg *msg;
	int ret = connect_family(wg);

	memset(state, 0, sizeof(*state));
	if (ret)
		return ret;
	msg = request(wg, WG_CMD_GET_DEVICE, NLM_F_DUMP);
	if (!msg)
		return -ENOMEM;
	nl_socket_modify_cb(wg->sock, NL_CB_VALID, NL_CB_CUSTOM, read_device,
			    &l);
	ret = nl_send_auto(wg->sock, msg);
	nlmsg_free(msg);
	if (ret >= 0)
		ret = nl_recvmsgs_default(wg->sock);
	ret = ret < 0 ? to_errno(ret) : !l.found ? -ENOENT :
	      l.found > 1 ? -ENOTUNIQ : 0;
	if (ret)
		wipe(state, sizeof(*state));
	return ret;
}

static int put_psk(struct nl_msg *msg, const struct wg_device *wg,
		   const uint8_t psk[WG_KEY_LEN])
{
	struct nlattr *peers, *peer;

	peers = nla_nest_start(msg, WGDEVICE_A_PEERS | NLA_F_NESTED);
	peer = peers ? nla_nest_start(msg, 0 | NLA_F_NESTED) : NULL;
	/* never make a peer: one that was removed stays so */
	if (!peer ||
	    nla_put(msg, WGPEER_A_PUBLIC_KEY, WG_KEY_LEN, wg->peer) ||
	    nla_put_u32(msg, WGPEER_A_FLAGS, WGPEER_F_UPDATE_ONLY) ||
	    nla_put(msg, WGPEER_A_PRESHARED_KEY, WG_KEY_LEN, psk))
		return -ENOMEM;
	nla_nest_end(msg, peer);
	nla_nest_end(msg, peers);
	return 0;
}

int wg_device_set_psk(struct wg_device *wg, const uint8_t psk[WG_KEY_LEN])
{
	struct nl_msg *msg;
	int ret = connect_family(wg);

	if (ret)
		return ret;
	msg = request(wg, WG_CMD_SET_DEVICE, NLM_F_ACK);
	if (!msg)
		return -ENOMEM;
	ret = put_psk(msg, wg, psk);
	if (!ret)
		ret = nl_send_auto(wg->sock, msg);
	wipe(nlmsg_data(nlmsg_hdr(msg)), nlmsg_datalen(nlmsg_hdr(msg)));
	nlmsg_free(msg);
	if (ret >= 0)
		ret = nl_wait_for_ack(wg->sock);
	return to_errno(ret < 0 ? ret : 0);
}

int wg_device_init(struct wg_device *wg, const char *name, const char *peer)
{
	uint8_t key[WG_KEY_LEN + 1];

	memset(wg, 0, sizeof(*wg));
	wg->name = name;
	wg->any = !peer;
	wg->family = -1;
	if (!peer)
		return 0;
	/* 32 bytes are 43 characters and one to fill up */
	if (strlen(peer) != 44 || peer[43] != '=' || peer[42] == '=' ||
	    EVP_DecodeBlock(key, (const uint8_t *)peer, 44) != sizeof(key))
		return -EINVAL;
	memcpy(wg->peer, key, WG_KEY_LEN);
	return 0;
}

void wg_device_free(struct wg_device *wg)
{
	nl_socket_free(wg->sock);
	wg->sock = NULL;
}
