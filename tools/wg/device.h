/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One peer of a WireGuard interface: its preshared key, over generic netlink.
 */
#ifndef _WG_DEVICE_H
#define _WG_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/wireguard.h>

struct nl_sock;

/**
 * struct wg_device - an interface, and which of its peers is meant
 * @name: of the interface
 * @any: its only peer is meant; @peer is filled when it was found
 * @peer: public key of the peer
 */
struct wg_device {
	struct nl_sock *sock;
	int family;
	const char *name;
	bool any;
	uint8_t peer[WG_KEY_LEN];
};

/**
 * struct wg_state - what the kernel tells of the peer
 * @psk: key that its next handshake takes; wipe it
 * @handshake: seconds since the epoch of the latest, 0: none yet
 * @fwmark: with which the interface sends, 0: none
 */
struct wg_state {
	uint8_t psk[WG_KEY_LEN];
	int64_t handshake;
	uint32_t fwmark;
};

/* @peer: a public key in base64, or NULL. -EINVAL: it is none. */
int wg_device_init(struct wg_device *wg, const char *name, const char *peer);
void wg_device_free(struct wg_device *wg);

/*
 * -ENODEV: no such interface; -ENOENT: it has no such peer; -ENOTUNIQ: several,
 * and none was named; -EPROTONOSUPPORT: no WireGuard; -EPERM.
 */
int wg_device_state(struct wg_device *wg, struct wg_state *state);
int wg_device_set_psk(struct wg_device *wg, const uint8_t psk[WG_KEY_LEN]);

#endif /* _WG_DEVICE_H */
