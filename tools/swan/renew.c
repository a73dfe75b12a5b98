// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Gives charon each new key, and sees to it that IKE SAs take it.
 *
 *   SET --told charon to reauthenticate--> ASKED --all SAs are young--> DONE
 *    ^ ^----------- nothing came of it ------'                           |
 *    '------ the next key; or no SA is left, and a child is named -------'
 *
 * IKE takes a PPK in IKE_AUTH only (RFC 8784, section 3): rekeying goes on with the
 * old one. So the IKE SA is made anew, which charon calls reauthentication, and that
 * it was done is seen by the SA's number and by its being under a PPK. The PPK has
 * one ID for good: charon looks it up by this ID at each IKE_AUTH, also when it
 * starts one of its own accord, and finds the newest. Were the ID another each time,
 * reauthentication would go on with the ID of the SA that it replaces.
 */
#include <errno.h>
#include <string.h>

#include "renew.h"
#include "tools/common/log.h"

#define LOOK_TICKS	4	/* between looks at the SAs: a second */
#define LONG_TICKS	80	/* until it is asked again */
#define NONE_LOOKS	3	/* an SA may be gone before the next is there */

static void become(struct renew *r, enum renew_state state)
{
	r->state = state;
	r->ticks = 0;
	r->none = 0;
}

/* ---- the key ---- */

static void tell_loose(struct renew *r, bool required)
{
	if (!required && !r->loose)
		log_line(LOG_LEVEL_WARN, r->link,
			 "%s: comes up without quantum key, too, unless it has ppk_required = yes",
			 r->charon.conn);
	r->loose = !required;
}

static int give(struct renew *r, const uint8_t *key, bool fresh)
{
	struct charon *c = &r->charon;
	struct charon_conn conn;
	int ret = charon_conn(c, &conn);

	if (ret)
		return ret;
	if (!conn.found)
		return -ESRCH;
	if (!*conn.ppk_id)
		return -ENODATA;
	tell_loose(r, conn.required);
	ret = fresh ? 0 : charon_has(c);
	if (ret)
		return ret < 0 ? ret : 0;
	ret = charon_load(c, conn.ppk_id, key);
	if (ret)
		return ret;
	/* numbers begin anew with the stream */
	if (fresh)
		r->known = false;
	return 1;
}

int renew_hold(void *ctx, const uint8_t key[ROTATE_KEY], bool fresh,
	       uint32_t *mark)
{
	struct renew *r = ctx;
	int ret = charon_open(&r->charon);

	if (ret)
		return ret;
	ret = give(r, key, fresh);
	charon_close(&r->charon);
	return ret;
}

const char *renew_why(void *ctx, int err)
{
	struct renew *r = ctx;

	switch (-err) {
	case ENOENT:
	case ECONNREFUSED:
		return "strongSwan's charon is not there, or has no such VICI socket";
	case EACCES:
		return "charon's VICI socket is root's";
	case ESRCH:
		return "strongSwan has no such connection";
	case ENODATA:
		return "the connection has no ppk_id";
	case EREMOTEIO:
		return r->charon.error;
	case ETIMEDOUT:
		return "charon does not answer";
	case ENOSYS:
	case EBADMSG:
		return "charon speaks another VICI";
	default:
		return strerror(-err);
	}
}

/* ---- its use ---- */

static void tell_failed(struct renew *r)
{
	if (!r->said)
		log_line(LOG_LEVEL_WARN, r->link,
			 "%s: no IKE SA with key %u; charon's log says why",
			 r->charon.conn, r->number);
	r->said = true;
}

static void ask(struct renew *r)
{
	struct charon *c = &r->charon;
	struct charon_sas sas;
	int ret = charon_sas(c, 0, &sas);

	if (ret)
		return;
	r->newest = sas.newest;
	ret = sas.all ? charon_reauth(c) : -ENOENT;
	/* an IKE SA that lost its children is not reauthenticated */
	if (ret == -ENOENT || (!ret && r->said))
		ret = c->child ? charon_initiate(c) : ret ? 1 : 0;
	if (ret < 0)
		log_line(LOG_LEVEL_WARN, r->link, "%s: %s", c->conn,
			 renew_why(r, ret));
	/* without SA: the next takes the key, whenever it is made */
	become(r, ret == 1 ? RENEW_DONE : RENEW_ASKED);
}

static void look(struct renew *r)
{
	struct charon *c = &r->charon;
	struct charon_sas sas;

	if (charon_sas(c, r->newest, &sas))
		return;
	r->none = sas.all ? 0 : r->none + 1;
	if (sas.young && !sas.old) {
		log_line(LOG_LEVEL_INFO, r->link, "%s: IKE SA %llu has key %u",
			 c->conn, (unsigned long long)sas.newest, r->number);
		r->said = false;
		become(r, RENEW_DONE);
	} else if (r->ticks >= LONG_TICKS ||
		   (c->child && r->none == NONE_LOOKS)) {
		tell_failed(r);
		become(r, RENEW_SET);
	}
}

/* A tunnel that went, however that came, is made again. */
static void watch(struct renew *r)
{
	struct charon_sas sas;

	if (charon_sas(&r->charon, r->newest, &sas))
		return;
	r->none = sas.all ? 0 : r->none + 1;
	if (r->none == NONE_LOOKS)
		become(r, RENEW_SET);
}

void renew_both(void *ctx, uint32_t number, bool lead)
{
	struct renew *r = ctx;

	if (!r->known || r->number != number) {
		if (r->state == RENEW_ASKED)
			tell_failed(r);
		r->known = true;
		r->number = number;
		become(r, RENEW_SET);
	}
	if (!lead || r->ticks++ % LOOK_TICKS ||
	    (r->state == RENEW_DONE && !r->charon.child) ||
	    charon_open(&r->charon))
		return;
	switch (r->state) {
	case RENEW_SET:
		ask(r);
		break;
	case RENEW_ASKED:
		look(r);
		break;
	case RENEW_DONE:
		watch(r);
		break;
	}
	charon_close(&r->charon);
}
