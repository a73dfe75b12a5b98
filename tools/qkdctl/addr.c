// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Addresses of either family, alone and with a prefix length.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "qkdctl.h"

int parse_ip(const char *s, const char *key, struct qkd_ip *ip)
{
	memset(ip, 0, sizeof(*ip));
	if (inet_pton(AF_INET, s, &ip->a4) == 1)
		ip->family = AF_INET;
	else if (inet_pton(AF_INET6, s, &ip->a6) == 1)
		ip->family = AF_INET6;
	else
		return bad("%s: \"%s\" is no IPv4 or IPv6 address", key, s);
	return 0;
}

int parse_prefix(const char *s, const char *key, struct qkd_ip *ip,
		 int *prefix)
{
	const char *slash = strchr(s, '/');
	char addr[IP_ROOM];
	uint64_t v;
	int err;

	*prefix = -1;
	if (!slash)
		return parse_ip(s, key, ip);
	if ((size_t)(slash - s) >= sizeof(addr))
		return bad("%s: \"%s\" is no network", key, s);
	memcpy(addr, s, slash - s);
	addr[slash - s] = '\0';
	err = parse_ip(addr, key, ip);
	if (err)
		return err;
	if (parse_number(slash + 1, 0, ip->family == AF_INET ? 32 : 128, &v))
		return bad("%s: \"%s\" is no prefix length", key, slash + 1);
	*prefix = v;
	return 0;
}

char *fmt_ip(char *buf, const struct qkd_ip *ip)
{
	buf[0] = '\0';
	if (ip->family == AF_INET)
		inet_ntop(AF_INET, &ip->a4, buf, IP_ROOM);
	else if (ip->family == AF_INET6)
		inet_ntop(AF_INET6, &ip->a6, buf, IP_ROOM);
	return buf;
}

struct qkd_ip ip4(struct in_addr a)
{
	struct qkd_ip ip = { .family = AF_INET };

	ip.a4 = a;
	return ip;
}

struct qkd_ip ip6(struct in6_addr a)
{
	struct qkd_ip ip = { .family = AF_INET6 };

	ip.a6 = a;
	return ip;
}
