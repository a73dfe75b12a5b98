// SPDX-License-Identifier: GPL-2.0
/*
 * ethtool -S and -i of a device. The names are an interface: they only grow.
 */

#include <linux/ethtool.h>
#include "otp.h"

static const char names[OTP_STATS][ETH_GSTRING_LEN] = {
	[OTP_TX_PAYLOAD] = "tx_payload_bytes",
	[OTP_TX_PAD] = "tx_pad_bytes",
	[OTP_TX_PADDING] = "tx_padding_bytes",
	[OTP_TX_WASTED] = "tx_wasted_pad_bytes",
	[OTP_TX_STARVED] = "tx_starved",
	[OTP_TX_NO_ROUTE] = "tx_no_route",
	[OTP_TX_TOO_LARGE] = "tx_too_large",
	[OTP_TX_FALLBACK] = "tx_fallback",
	[OTP_RX_PAYLOAD] = "rx_payload_bytes",
	[OTP_RX_PAD] = "rx_pad_bytes",
	[OTP_RX_PADDING] = "rx_padding_bytes",
	[OTP_RX_MALFORMED] = "rx_malformed",
	[OTP_RX_NO_KEY] = "rx_no_key",
	[OTP_RX_REPLAY] = "rx_replay",
	[OTP_RX_AUTH] = "rx_auth",
	[OTP_RX_INNER] = "rx_inner_malformed",
	[OTP_RX_FALLBACK] = "rx_fallback",
	[OTP_RX_CLEAR] = "rx_clear_dropped",
	[OTP_ROAMED] = "roamed",
};

static int get_sset_count(struct net_device *dev, int sset)
{
	return sset == ETH_SS_STATS ? OTP_STATS : -EOPNOTSUPP;
}

static void get_strings(struct net_device *dev, u32 sset, u8 *data)
{
	if (sset == ETH_SS_STATS)
		memcpy(data, names, sizeof(names));
}

static void get_stats(struct net_device *dev, struct ethtool_stats *stats,
		      u64 *data)
{
	struct otp_tunnel *t = netdev_priv(dev);
	int cpu, i;

	memset(data, 0, OTP_STATS * sizeof(*data));
	for_each_possible_cpu(cpu)
		for (i = 0; i < OTP_STATS; i++)
			data[i] += READ_ONCE(per_cpu_ptr(t->stats, cpu)->v[i]);
}

static void get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	strscpy(info->driver, KBUILD_MODNAME, sizeof(info->driver));
	strscpy(info->version, QKD_VERSION, sizeof(info->version));
}

const struct ethtool_ops otp_ethtool_ops = {
	.get_drvinfo = get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_sset_count = get_sset_count,
	.get_strings = get_strings,
	.get_ethtool_stats = get_stats,
};
