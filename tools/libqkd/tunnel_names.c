// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Names of qkd_xfrm's enumerations, as its specification has them.
 */
#include "internal.h"

#define N_ELEMS(a) (sizeof(a) / sizeof((a)[0]))
#define NAME_OF(table, i) ((size_t)(i) < N_ELEMS(table) ? (table)[i] : "?")

static const char *const modes[] = {
	[QKD_XFRM_MODE_TRANSPORT] = "transport",
	[QKD_XFRM_MODE_TUNNEL] = "tunnel",
};

static const char *const aeads[] = {
	[QKD_XFRM_AEAD_AES256GCM] = "aes256gcm",
	[QKD_XFRM_AEAD_AES128GCM] = "aes128gcm",
	[QKD_XFRM_AEAD_CHACHA20POLY1305] = "chacha20poly1305",
};

static const char *const starveds[] = {
	[QKD_XFRM_STARVED_BLOCK] = "block",
	[QKD_XFRM_STARVED_KEEP] = "keep",
};

static const char *const starts[] = {
	[QKD_XFRM_START_NOW] = "now",
	[QKD_XFRM_START_TRAFFIC] = "traffic",
};

static const char *const policies[] = {
	[QKD_XFRM_POLICY_OWN] = "own",
	[QKD_XFRM_POLICY_NONE] = "none",
};

static const char *const states[] = {
	[QKD_XFRM_STATE_IDLE] = "idle",
	[QKD_XFRM_STATE_WAIT_KEY] = "wait-key",
	[QKD_XFRM_STATE_OFFERED] = "offered",
	[QKD_XFRM_STATE_LIVE] = "live",
	[QKD_XFRM_STATE_OVERLAP] = "overlap",
};

const char *qkd_tunnel_mode_name(enum qkd_xfrm_mode mode)
{
	return NAME_OF(modes, mode);
}

const char *qkd_tunnel_aead_name(enum qkd_xfrm_aead aead)
{
	return NAME_OF(aeads, aead);
}

const char *qkd_tunnel_starved_name(enum qkd_xfrm_starved starved)
{
	return NAME_OF(starveds, starved);
}

const char *qkd_tunnel_start_name(enum qkd_xfrm_start start)
{
	return NAME_OF(starts, start);
}

const char *qkd_tunnel_policy_name(enum qkd_xfrm_policy policy)
{
	return NAME_OF(policies, policy);
}

const char *qkd_tunnel_state_name(enum qkd_xfrm_state state)
{
	return NAME_OF(states, state);
}
