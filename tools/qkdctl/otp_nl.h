/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices of link type "qkdotp" over rtnetlink, for qkdctl otp. */
#ifndef _QKDCTL_OTP_NL_H
#define _QKDCTL_OTP_NL_H

#include <linux/qkd_otp.h>

#include "qkdctl.h"

/* A setting that is 0 or NULL and has no bit in @set is not told. */
struct otp_conf {
	uint64_t set;	/* QKD_BIT()s of IFLA_QKDOTP_ */
	const char *link;
	const char *fallback;
	struct qkd_ip remote;
	uint64_t rate;
	uint32_t key_reserve;
	uint32_t weight;
	uint32_t mtu;	/* 0: not told */
	uint16_t id;
	uint16_t port;	/* host order, as all here */
	uint16_t remote_port;
	uint16_t pad_to;
};

/* What the kernel tells of a device; strings live as long as the call. */
struct otp_dev {
	const char *name;
	uint32_t mtu;
	bool up;
	struct otp_conf conf;
	struct qkd_ip endpoint;
	uint16_t endpoint_port;
	enum qkdotp_state state;
	uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped;
	uint64_t tx_bytes, tx_packets, tx_errors, tx_dropped;
};

/* Each returns 0 or a negative errno, having complained. */
int otp_parse(struct args *a, const char **name, struct otp_conf *conf);
int otp_nl_add(const char *name, const struct otp_conf *conf);
int otp_nl_set(const char *name, const struct otp_conf *conf);
int otp_nl_del(const char *name);
int otp_nl_each(const char *name, void (*cb)(const struct otp_dev *d));

#endif
