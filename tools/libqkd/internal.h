/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What libqkd's files share and its users do not see: the text of an error,
 * the netlink exchange, and reading attributes into structures.
 */
#ifndef _LIBQKD_INTERNAL_H
#define _LIBQKD_INTERNAL_H

#include <libmnl/libmnl.h>
#include <qkd/qkd.h>
#include <qkd/tunnel.h>

/* The longest message: a link with its configuration and report, and more. */
#define QKD_MSG_SIZE 32768

/* ---- error.c ---- */

/* Sets the text that qkd_error() gives; returns @err (negative). */
__attribute__((format(printf, 2, 3)))
int qkd_fail(int err, const char *fmt, ...);
/* What @err (negative) usually means when the kernel gave no text. */
int qkd_fail_netlink(int err, const char *family);

/* ---- netns.c ---- */

/* A generic netlink socket in the namespace; NULL for the thread's own. */
int qkd_netns_socket(const char *netns, struct mnl_socket **sock);

/* ---- nl.c ---- */

/* One generic netlink family; the ID changes when its module is reloaded. */
struct qkd_family {
	const char *name;
	const char *module;
	uint16_t id;	/* 0: not resolved */
};

struct qkd_nl {
	struct mnl_socket *sock;
	unsigned int seq;
	struct qkd_family qkd;
	struct qkd_family xfrm;
	char *req;	/* QKD_MSG_SIZE */
	char *rsp;	/* 2 * QKD_MSG_SIZE */
};

/* A request under way: where it is written, and whether it still fits. */
struct qkd_req {
	struct qkd_nl *nl;
	struct qkd_family *family;
	const char *const *attr_names;	/* to tell which attribute is at fault */
	unsigned int n_attr_names;
	struct nlmsghdr *nlh;
	bool overflow;
};

/* -EPROTONOSUPPORT when the module is not there. Tells groups too if asked. */
int qkd_family_resolve(struct qkd_nl *nl, struct qkd_family *family,
		       int (*group)(const char *name, uint32_t id, void *arg),
		       void *arg);

/* @flags: NLM_F_DUMP or 0. */
int qkd_req_begin(struct qkd_req *r, struct qkd_nl *nl,
		  struct qkd_family *family, uint8_t cmd, uint16_t flags);
void qkd_req_u8(struct qkd_req *r, uint16_t type, uint8_t v);
void qkd_req_u16(struct qkd_req *r, uint16_t type, uint16_t v);
void qkd_req_u32(struct qkd_req *r, uint16_t type, uint32_t v);
void qkd_req_u64(struct qkd_req *r, uint16_t type, uint64_t v);
void qkd_req_flag(struct qkd_req *r, uint16_t type);
/* NULL: nothing */
void qkd_req_str(struct qkd_req *r, uint16_t type, const char *s);
void qkd_req_mem(struct qkd_req *r, uint16_t type, const void *p, size_t len);
struct nlattr *qkd_req_nest(struct qkd_req *r, uint16_t type);
void qkd_req_nest_end(struct qkd_req *r, struct nlattr *nest);

/*
 * Sends and reads what comes back, to the end. @cb gets each message of
 * answer; other than 0 is returned, after the rest was read away.
 */
int qkd_req_run(struct qkd_req *r,
		int (*cb)(const struct nlmsghdr *nlh, void *arg), void *arg);

/* ---- attrs.c ---- */

/* tb[i]: the attribute of type i, or NULL; those above @max are left out. */
void qkd_attr_table(const struct nlattr **tb, unsigned int max,
		    const void *first, size_t len);
void qkd_attr_table_msg(const struct nlattr **tb, unsigned int max,
			const struct nlmsghdr *nlh);
void qkd_attr_table_nest(const struct nlattr **tb, unsigned int max,
			 const struct nlattr *nest);
/* 0 or "" if absent or of another size. */
uint8_t qkd_attr_u8(const struct nlattr *a);
uint16_t qkd_attr_u16(const struct nlattr *a);
uint32_t qkd_attr_u32(const struct nlattr *a);
uint64_t qkd_attr_u64(const struct nlattr *a);
const char *qkd_attr_str(const struct nlattr *a);
/* Copies if it has exactly @len bytes; else leaves @dst zero. */
bool qkd_attr_mem(const struct nlattr *a, void *dst, size_t len);

/* ---- link_parse.c ---- */

/*
 * A message with attributes of set "link", as a structure: one allocation,
 * freed by free(). NULL without memory.
 */
struct qkd_link *qkd_link_parse(const struct nlmsghdr *nlh);

extern const char *const qkd_link_attr_names[];
extern const unsigned int qkd_n_link_attr_names;

/* ---- tunnel_parse.c ---- */

/* As qkd_link_parse(), of set "tunnel" of family qkd-xfrm. */
struct qkd_tunnel *qkd_tunnel_parse(const struct nlmsghdr *nlh);

/* Appends the settings that are given; as in the table that reads them. */
void qkd_req_tunnel_conf(struct qkd_req *r, const struct qkd_tunnel_conf *c);

extern const char *const qkd_tunnel_attr_names[];
extern const unsigned int qkd_n_tunnel_attr_names;

/* ---- link.c ---- */

/* A structure that the caller made, cut or filled up to the size known here. */
void qkd_adopt(void *dst, size_t size, const void *src, size_t src_size);

void qkd_req_handle(struct qkd_req *r, const char *name, uint32_t index);

#endif
