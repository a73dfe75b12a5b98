// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What qkd-swan asks of charon, each a command of VICI.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "charon.h"
#include "vici.h"

/* "success" and "errmsg" of an answer */
struct answer {
	struct charon *c;
	bool success;
	uint64_t matches;
};

static void copy(char *to, size_t room, const struct vici_reader *r)
{
	snprintf(to, room, "%.*s", (int)r->value_len, r->value);
}

static uint64_t number(const struct vici_reader *r)
{
	char text[24];

	copy(text, sizeof(text), r);
	return strtoull(text, NULL, 10);
}

static int read_answer(void *arg, struct vici_reader *r)
{
	struct answer *a = arg;
	int type;

	while ((type = vici_next(r)) > 0) {
		if (type != VICI_KEY_VALUE || r->depth)
			continue;
		if (vici_named(r, "success"))
			a->success = vici_is(r, "yes");
		else if (vici_named(r, "matches"))
			a->matches = number(r);
		else if (vici_named(r, "errmsg"))
			copy(a->c->error, sizeof(a->c->error), r);
	}
	return type;
}

static int order(struct charon *c, struct vici_request *r, struct answer *a)
{
	int ret;

	*a = (struct answer){ .c = c };
	strcpy(c->error, "no reason given");
	ret = vici_call(c->fd, r, NULL, read_answer, a);
	return ret ? ret : a->success ? 0 : -EREMOTEIO;
}

int charon_open(struct charon *c)
{
	c->fd = vici_connect(c->socket);
	return c->fd < 0 ? c->fd : 0;
}

void charon_close(struct charon *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

/* ---- configuration ---- */

static int read_conn(void *arg, struct vici_reader *r)
{
	struct charon_conn *conn = arg;
	int type;

	while ((type = vici_next(r)) > 0) {
		if (type == VICI_SECTION_START && r->depth == 1)
			conn->found = true;
		if (type != VICI_KEY_VALUE || r->depth != 1)
			continue;
		if (vici_named(r, "ppk_id"))
			copy(conn->ppk_id, sizeof(conn->ppk_id), r);
		else if (vici_named(r, "ppk_required"))
			conn->required = vici_is(r, "yes");
	}
	return type;
}

int charon_conn(struct charon *c, struct charon_conn *conn)
{
	struct vici_request r;

	memset(conn, 0, sizeof(*conn));
	vici_begin(&r, "list-conns");
	vici_put_text(&r, "ike", c->conn);
	return vici_call(c->fd, &r, "list-conn", read_conn, conn);
}

/* ---- the key ---- */

/* What the key is called in charon, not in IKE */
static void key_name(const struct charon *c, char *name, size_t room)
{
	snprintf(name, room, "qkd-swan-%s", c->conn);
}

struct search {
	char name[CHARON_ID];
	bool found;
};

static int read_keys(void *arg, struct vici_reader *r)
{
	struct search *s = arg;
	int type;

	while ((type = vici_next(r)) > 0)
		if (type == VICI_LIST_ITEM && vici_named(r, "keys") &&
		    vici_is(r, s->name))
			s->found = true;
	return type;
}

int charon_has(struct charon *c)
{
	struct search s = { .found = false };
	struct vici_request r;
	int ret;

	key_name(c, s.name, sizeof(s.name));
	vici_begin(&r, "get-shared");
	ret = vici_call(c->fd, &r, NULL, read_keys, &s);
	return ret ? ret : s.found;
}

int charon_load(struct charon *c, const char *ppk_id,
		const uint8_t key[CHARON_PPK])
{
	struct vici_request r;
	char name[CHARON_ID];
	struct answer a;

	key_name(c, name, sizeof(name));
	vici_begin(&r, "load-shared");
	/* replaces what had this name */
	vici_put_text(&r, "id", name);
	vici_put_text(&r, "type", "ppk");
	vici_put(&r, "data", key, CHARON_PPK);
	vici_put_list(&r, "owners", ppk_id);
	return order(c, &r, &a);
}

/* ---- IKE SAs ---- */

struct sa_search {
	uint64_t newest;
	struct charon_sas *sas;
};

/* An event is of one IKE SA, the answer of none. */
static int read_sa(void *arg, struct vici_reader *r)
{
	bool any = false, established = false, ppk = false;
	struct sa_search *s = arg;
	uint64_t id = 0;
	int type;

	while ((type = vici_next(r)) > 0) {
		if (type != VICI_KEY_VALUE || r->depth != 1)
			continue;
		any = true;
		if (vici_named(r, "uniqueid"))
			id = number(r);
		else if (vici_named(r, "state"))
			established = vici_is(r, "ESTABLISHED");
		else if (vici_named(r, "ppk"))
			ppk = vici_is(r, "yes");
	}
	if (!any)
		return type;
	s->sas->all++;
	s->sas->old += id <= s->newest;
	s->sas->young += id > s->newest && established && ppk;
	if (id > s->sas->newest)
		s->sas->newest = id;
	return type;
}

int charon_sas(struct charon *c, uint64_t newest, struct charon_sas *sas)
{
	struct sa_search s = { .newest = newest, .sas = sas };
	struct vici_request r;

	memset(sas, 0, sizeof(*sas));
	vici_begin(&r, "list-sas");
	vici_put_text(&r, "ike", c->conn);
	return vici_call(c->fd, &r, "list-sa", read_sa, &s);
}

int charon_reauth(struct charon *c)
{
	struct vici_request r;
	struct answer a;
	int ret;

	vici_begin(&r, "rekey");
	vici_put_text(&r, "ike", c->conn);
	vici_put_text(&r, "reauth", "yes");
	ret = order(c, &r, &a);
	return ret == -EREMOTEIO && !a.matches ? -ENOENT : ret;
}

int charon_initiate(struct charon *c)
{
	struct vici_request r;
	struct answer a;

	vici_begin(&r, "initiate");
	vici_put_text(&r, "ike", c->conn);
	vici_put_text(&r, "child", c->child);
	/* not to wait for it */
	vici_put_text(&r, "timeout", "-1");
	return order(c, &r, &a);
}
