// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Reading netlink attributes without trusting their sizes.
 *
 * A newer kernel may send attributes that this library does not know; they are
 * passed over. One of an unexpected size counts as absent.
 */
#include <string.h>
#include <linux/genetlink.h>

#include "internal.h"

void qkd_attr_table(const struct nlattr **tb, unsigned int max,
		    const void *first, size_t len)
{
	const struct nlattr *a = first;

	memset(tb, 0, (max + 1) * sizeof(*tb));
	while (mnl_attr_ok(a, len)) {
		uint16_t type = mnl_attr_get_type(a);
		size_t step = MNL_ALIGN(a->nla_len);

		if (type <= max)
			tb[type] = a;
		if (step >= len)
			break;
		len -= step;
		a = mnl_attr_next(a);
	}
}

void qkd_attr_table_msg(const struct nlattr **tb, unsigned int max,
			const struct nlmsghdr *nlh)
{
	size_t len = mnl_nlmsg_get_payload_len(nlh);

	if (len < sizeof(struct genlmsghdr))
		len = sizeof(struct genlmsghdr);
	qkd_attr_table(tb, max,
		       mnl_nlmsg_get_payload_offset(nlh,
						    sizeof(struct genlmsghdr)),
		       len - sizeof(struct genlmsghdr));
}

void qkd_attr_table_nest(const struct nlattr **tb, unsigned int max,
			 const struct nlattr *nest)
{
	if (nest)
		qkd_attr_table(tb, max, mnl_attr_get_payload(nest),
			       mnl_attr_get_payload_len(nest));
	else
		memset(tb, 0, (max + 1) * sizeof(*tb));
}

bool qkd_attr_mem(const struct nlattr *a, void *dst, size_t len)
{
	if (!a || mnl_attr_get_payload_len(a) != len)
		return false;
	memcpy(dst, mnl_attr_get_payload(a), len);
	return true;
}

uint8_t qkd_attr_u8(const struct nlattr *a)
{
	uint8_t v = 0;

	qkd_attr_mem(a, &v, sizeof(v));
	return v;
}

uint16_t qkd_attr_u16(const struct nlattr *a)
{
	uint16_t v = 0;

	qkd_attr_mem(a, &v, sizeof(v));
	return v;
}

uint32_t qkd_attr_u32(const struct nlattr *a)
{
	uint32_t v = 0;

	qkd_attr_mem(a, &v, sizeof(v));
	return v;
}

uint64_t qkd_attr_u64(const struct nlattr *a)
{
	uint64_t v = 0;

	qkd_attr_mem(a, &v, sizeof(v));
	return v;
}

const char *qkd_attr_str(const struct nlattr *a)
{
	size_t len = a ? mnl_attr_get_payload_len(a) : 0;

	if (!len || !memchr(mnl_attr_get_payload(a), '\0', len))
		return "";
	return mnl_attr_get_payload(a);
}
