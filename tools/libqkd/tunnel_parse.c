// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A tunnel's attributes and its structures, both ways, by one table.
 *
 * What the settings mean is the kernel's business; here each is a number, an
 * address or a string at a place.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define N_ELEMS(a) (sizeof(a) / sizeof((a)[0]))

enum kind { U8, U16BE, U32, U32BE, U64, IP, STR, ID };

struct field {
	uint16_t attr;
	uint16_t offset;
	enum kind kind;
};

#define CONF(ATTR, member, kind) { QKD_XFRM_A_TUNNEL_##ATTR, \
	offsetof(struct qkd_tunnel_conf, member), kind }

static const struct field conf_fields[] = {
	CONF(LINK, link, STR),
	CONF(LOCAL, local, IP),
	CONF(PEER, peer, IP),
	CONF(MODE, mode, U32),
	CONF(SRC, src, IP),
	CONF(SRC_PREFIX, src_prefix, U8),
	CONF(DST, dst, IP),
	CONF(DST_PREFIX, dst_prefix, U8),
	CONF(PROTO, proto, U8),
	CONF(SRC_PORT, src_port, U16BE),
	CONF(DST_PORT, dst_port, U16BE),
	CONF(AEAD, aead, U32),
	CONF(ESN, esn, U8),
	CONF(REPLAY_WINDOW, replay_window, U32),
	CONF(REKEY_TIME, rekey_time, U32),
	CONF(REKEY_BYTES, rekey_bytes, U64),
	CONF(REKEY_PACKETS, rekey_packets, U64),
	CONF(HARD_TIME, hard_time, U32),
	CONF(HARD_BYTES, hard_bytes, U64),
	CONF(HARD_PACKETS, hard_packets, U64),
	CONF(GRACE_TIME, grace_time, U32),
	CONF(STARVED, starved, U32),
	CONF(START, start, U32),
	CONF(HYBRID, hybrid, U8),
	CONF(POLICY, policy, U32),
	CONF(REQID, reqid, U32),
	CONF(IF_ID, if_id, U32),
	CONF(PRIORITY, priority, U32),
	CONF(ENCAP_SPORT, encap_sport, U16BE),
	CONF(ENCAP_DPORT, encap_dport, U16BE),
};

#define DIR(ATTR, member, kind) { QKD_XFRM_A_DIR_##ATTR, \
	offsetof(struct qkd_tunnel_dir, member), kind }

static const struct field dir_fields[] = {
	DIR(STATE, state, U32),
	DIR(SPI, spi, U32BE),
	DIR(KEY_OFFSET, key_offset, U64),
	DIR(AGE, age, U64),
	DIR(NEXT_REKEY, next_rekey, U64),
	DIR(PACKETS, packets, U64),
	DIR(BYTES, bytes, U64),
	DIR(TOTAL_PACKETS, total_packets, U64),
	DIR(TOTAL_BYTES, total_bytes, U64),
	DIR(OLD, old, U32),
	DIR(REKEYS, rekeys, U64),
	DIR(FAILURES, failures, U64),
	DIR(OFFERS, offers, U64),
	DIR(RETRIES, retries, U64),
	DIR(REPEATS, repeats, U64),
	DIR(ACCEPTS, accepts, U64),
	DIR(REJECTS, rejects, U64),
	DIR(WANTS, wants, U64),
	DIR(STARVED, starved, U64),
	DIR(KEY_BYTES, key_bytes, U64),
	DIR(SECRET_ID, secret_id, ID),
};

/* As qkdctl writes them. */
const char *const qkd_tunnel_attr_names[] = {
	[QKD_XFRM_A_TUNNEL_NAME] = "name",
	[QKD_XFRM_A_TUNNEL_LINK] = "link",
	[QKD_XFRM_A_TUNNEL_LOCAL] = "local",
	[QKD_XFRM_A_TUNNEL_PEER] = "peer",
	[QKD_XFRM_A_TUNNEL_MODE] = "mode",
	[QKD_XFRM_A_TUNNEL_SRC] = "src",
	[QKD_XFRM_A_TUNNEL_SRC_PREFIX] = "src",
	[QKD_XFRM_A_TUNNEL_DST] = "dst",
	[QKD_XFRM_A_TUNNEL_DST_PREFIX] = "dst",
	[QKD_XFRM_A_TUNNEL_PROTO] = "proto",
	[QKD_XFRM_A_TUNNEL_SRC_PORT] = "sport",
	[QKD_XFRM_A_TUNNEL_DST_PORT] = "dport",
	[QKD_XFRM_A_TUNNEL_AEAD] = "aead",
	[QKD_XFRM_A_TUNNEL_ESN] = "esn",
	[QKD_XFRM_A_TUNNEL_REPLAY_WINDOW] = "replay-window",
	[QKD_XFRM_A_TUNNEL_REKEY_TIME] = "rekey time",
	[QKD_XFRM_A_TUNNEL_REKEY_BYTES] = "rekey bytes",
	[QKD_XFRM_A_TUNNEL_REKEY_PACKETS] = "rekey packets",
	[QKD_XFRM_A_TUNNEL_HARD_TIME] = "hard time",
	[QKD_XFRM_A_TUNNEL_HARD_BYTES] = "hard bytes",
	[QKD_XFRM_A_TUNNEL_HARD_PACKETS] = "hard packets",
	[QKD_XFRM_A_TUNNEL_GRACE_TIME] = "grace-time",
	[QKD_XFRM_A_TUNNEL_STARVED] = "starved",
	[QKD_XFRM_A_TUNNEL_START] = "start",
	[QKD_XFRM_A_TUNNEL_POLICY] = "policy",
	[QKD_XFRM_A_TUNNEL_REQID] = "reqid",
	[QKD_XFRM_A_TUNNEL_IF_ID] = "if-id",
	[QKD_XFRM_A_TUNNEL_PRIORITY] = "priority",
	[QKD_XFRM_A_TUNNEL_ENCAP_SPORT] = "encap",
	[QKD_XFRM_A_TUNNEL_ENCAP_DPORT] = "encap",
	[QKD_XFRM_A_TUNNEL_HYBRID] = "hybrid",
};

const unsigned int qkd_n_tunnel_attr_names = N_ELEMS(qkd_tunnel_attr_names);

/* ---- out ---- */

static void put_ip(struct qkd_req *r, uint16_t attr, const struct qkd_ip *ip)
{
	if (ip->family == AF_INET)
		qkd_req_mem(r, attr, &ip->a4, sizeof(ip->a4));
	else if (ip->family == AF_INET6)
		qkd_req_mem(r, attr, &ip->a6, sizeof(ip->a6));
}

static void put_number(struct qkd_req *r, const struct field *f, const void *at)
{
	uint64_t v64;
	uint32_t v32;
	uint16_t v16;

	switch (f->kind) {
	case U8:
		qkd_req_u8(r, f->attr, *(const uint8_t *)at);
		break;
	case U16BE:
		memcpy(&v16, at, sizeof(v16));
		qkd_req_u16(r, f->attr, htons(v16));
		break;
	case U32:
		memcpy(&v32, at, sizeof(v32));
		qkd_req_u32(r, f->attr, v32);
		break;
	case U32BE:
		memcpy(&v32, at, sizeof(v32));
		qkd_req_u32(r, f->attr, htonl(v32));
		break;
	case U64:
		memcpy(&v64, at, sizeof(v64));
		qkd_req_u64(r, f->attr, v64);
		break;
	default:
		break;
	}
}

void qkd_req_tunnel_conf(struct qkd_req *r, const struct qkd_tunnel_conf *c)
{
	for (size_t i = 0; i < N_ELEMS(conf_fields); i++) {
		const struct field *f = &conf_fields[i];
		const void *at = (const char *)c + f->offset;

		if (f->kind == STR)
			qkd_req_str(r, f->attr, *(const char *const *)at);
		else if (f->kind == IP)
			put_ip(r, f->attr, at);
		else if (c->set & QKD_BIT(f->attr))
			put_number(r, f, at);
	}
}

/* ---- in ---- */

static void get_ip(const struct nlattr *a, struct qkd_ip *ip)
{
	if (qkd_attr_mem(a, &ip->a4, sizeof(ip->a4)))
		ip->family = AF_INET;
	else if (qkd_attr_mem(a, &ip->a6, sizeof(ip->a6)))
		ip->family = AF_INET6;
}

static void get_field(const struct nlattr *a, const struct field *f, void *at)
{
	uint32_t v32;
	uint16_t v16;

	switch (f->kind) {
	case U8:
		qkd_attr_mem(a, at, sizeof(uint8_t));
		break;
	case U16BE:
		v16 = ntohs(qkd_attr_u16(a));
		memcpy(at, &v16, sizeof(v16));
		break;
	case U32:
		qkd_attr_mem(a, at, sizeof(v32));
		break;
	case U32BE:
		v32 = ntohl(qkd_attr_u32(a));
		memcpy(at, &v32, sizeof(v32));
		break;
	case U64:
		qkd_attr_mem(a, at, sizeof(uint64_t));
		break;
	case IP:
		get_ip(a, at);
		break;
	case STR:
		*(const char **)at = qkd_attr_str(a);
		break;
	case ID:
		qkd_attr_mem(a, at, QKD_XFRM_SECRET_ID_SIZE);
		break;
	}
}

/* Return: the bits of the attributes that were there. */
static uint64_t get_fields(const struct nlattr **tb, unsigned int max,
			   const struct field *fields, size_t n, void *base)
{
	uint64_t have = 0;

	for (unsigned int i = 0; i <= max; i++)
		if (tb[i])
			have |= QKD_BIT(i);
	for (size_t i = 0; i < n; i++)
		get_field(tb[fields[i].attr], &fields[i],
			  (char *)base + fields[i].offset);
	return have;
}

struct parsed {
	struct qkd_tunnel tunnel;
	struct qkd_tunnel_conf conf;
	struct qkd_tunnel_dir out;
	struct qkd_tunnel_dir in;
	struct nlmsghdr msg[];
};

static void parse_dir(const struct nlattr *nest, struct qkd_tunnel_dir *d)
{
	const struct nlattr *tb[QKD_XFRM_A_DIR_MAX + 1];

	qkd_attr_table_nest(tb, QKD_XFRM_A_DIR_MAX, nest);
	d->have = get_fields(tb, QKD_XFRM_A_DIR_MAX, dir_fields,
			     N_ELEMS(dir_fields), d);
}

static void parse_event(const struct nlattr **tb, struct qkd_tunnel *t)
{
	t->inbound = qkd_attr_u8(tb[QKD_XFRM_A_TUNNEL_INBOUND]);
	t->spi = ntohl(qkd_attr_u32(tb[QKD_XFRM_A_TUNNEL_SPI]));
	t->old_spi = ntohl(qkd_attr_u32(tb[QKD_XFRM_A_TUNNEL_OLD_SPI]));
	t->key_offset = qkd_attr_u64(tb[QKD_XFRM_A_TUNNEL_KEY_OFFSET]);
}

struct qkd_tunnel *qkd_tunnel_parse(const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[QKD_XFRM_A_TUNNEL_MAX + 1];
	struct qkd_tunnel *t;
	struct parsed *p;

	p = calloc(1, sizeof(*p) + nlh->nlmsg_len);
	if (!p)
		return NULL;
	memcpy(p->msg, nlh, nlh->nlmsg_len);
	qkd_attr_table_msg(tb, QKD_XFRM_A_TUNNEL_MAX, p->msg);
	t = &p->tunnel;
	t->have = get_fields(tb, QKD_XFRM_A_TUNNEL_MAX, conf_fields,
			     N_ELEMS(conf_fields), &p->conf);
	t->name = qkd_attr_str(tb[QKD_XFRM_A_TUNNEL_NAME]);
	t->link_index = tb[QKD_XFRM_A_TUNNEL_LINK_INDEX] ?
		qkd_attr_u32(tb[QKD_XFRM_A_TUNNEL_LINK_INDEX]) : QKD_NO_INDEX;
	t->adhoc = tb[QKD_XFRM_A_TUNNEL_ADHOC];
	t->reason = qkd_attr_str(tb[QKD_XFRM_A_TUNNEL_REASON]);
	parse_event(tb, t);
	parse_dir(tb[QKD_XFRM_A_TUNNEL_OUT], &p->out);
	parse_dir(tb[QKD_XFRM_A_TUNNEL_IN], &p->in);
	p->conf.size = sizeof(p->conf);
	p->conf.set = t->have;
	t->conf = &p->conf;
	t->out = &p->out;
	t->in = &p->in;
	return t;
}

void qkd_tunnel_free(struct qkd_tunnel *tunnel)
{
	free(tunnel);	/* the first member of its allocation */
}
