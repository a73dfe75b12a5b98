// SPDX-License-Identifier: GPL-2.0
/*
 * The direction we send in: we reserve the key, offer it, and install the
 * outbound SA when the peer has said under which SPI it listens. The other
 * direction is the peer's to key, and in.c's to receive.
 *
 *            wanted                  reserved                accepted
 *    IDLE ------------> WAIT_KEY ----------------> OFFERED ------------> LIVE
 *    ^ ^ ^               |  ^ ^                     | | ^ |               | |
 *    | | '-- given up ---'  | '---- key is no good -' | '-' no answer:    | |
 *    | '----- given up -----+-------------------------'     again         | |
 *    |                      '--------- due, wanted, SA gone --------------' |
 *    '-------------------- SA gone or unused, start traffic ----------------'
 *
 * Beside the state there is an SA, or there is none: WAIT_KEY and OFFERED keep
 * the old one in use. It goes when its successor is in; when its lifetime ends
 * (xfrm sees to that); or, configured to block, some time after a rekey that
 * found no key. An offer is named by its key's offset, and sent again
 * until it is answered. Only so many of a link's tunnels are OFFERED and await
 * an answer at once; the others wait in WAIT_KEY for their turn (turn.c).
 */

#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "trace.h"
#include "tunnel.h"

#define SILENT		3			/* tries: the peer may be away */
#define GIVE_UP		12			/* tries that nobody waits for */
#define STARVED_POLL	msecs_to_jiffies(2000)	/* QKD_KEY wakes earlier */
#define DOWN_POLL	msecs_to_jiffies(60000)	/* the link's events do */
#define REJECTED_POLL	msecs_to_jiffies(2000)	/* for the peer's admin */
#define WANTED_AGE	msecs_to_jiffies(500)	/* the wish was on its way */
#define DRAIN_MAX	1000			/* ms, packets in output */
#define SWEEP_POLL	msecs_to_jiffies(100)	/* a grace period, mostly */

static void out_state(struct qx_tunnel *t, enum qkd_xfrm_state state)
{
	lockdep_assert_held(&t->lock);
	trace_qkd_xfrm_state(t, t->out.state, state);
	WRITE_ONCE(t->out.state, state);
	if (t->consumer)
		qkd_consumer_promise(t->consumer, 0);
}

/**
 * qx_backoff - when to try again
 * @tries: made before, at least 1
 *
 * From 200 ms to 13 s, with a random half: what began together need not go on
 * together. Context: any. Return: jiffies.
 */
unsigned long qx_backoff(u32 tries)
{
	unsigned long base = msecs_to_jiffies(100) << min(tries, 7U);

	return base + get_random_u32() % (base / 2 + 1);
}

/* An offer is over, one way or the other: its key has no use any more. */
static void forget_key(struct qx_out *o)
{
	memzero_explicit(o->key, sizeof(o->key));
	memset(o->secret_id, 0, sizeof(o->secret_id));
	o->tries = 0;
}

/* The time between the limit reached and the SA dropped for want of key. */
static unsigned long margin(const struct qx_settings *set)
{
	u32 ms = set->rekey_time ? clamp(set->rekey_time / 10, 100U, 10000U) :
				   1000;

	return msecs_to_jiffies(ms);
}

/* Why there is no key, for a person. */
static void cause(const struct qx_tunnel *t, char *text, size_t size)
{
	static const char none[] = "no post-quantum secret: ";

	if (!t->link) {
		strscpy(text, "the link is gone", size);
	} else if (t->out.starved_by == -ENOKEY) {
		strscpy(text, none, size);
		qx_secret_why(t->qn, qkd_link_index(t->link),
			      text + sizeof(none) - 1,
			      size - sizeof(none) + 1);
	} else if (t->out.starved_by == -ENETDOWN) {
		strscpy(text, "the link is down or has no generation", size);
	} else {
		strscpy(text, "no key", size);
	}
}

static void say_starved(struct qx_tunnel *t)
{
	char why[QKD_XFRM_REASON_MAX - 40];
	struct qx_out *o = &t->out;

	cause(t, why, sizeof(why));
	qx_reason(t, "%s; %s", why, !o->sa ? "traffic waits" :
		  o->dropping ? "traffic will wait" :
		  "the old SA is kept to its hard limit");
}

/* No key, for the offer or for the message that carries it, or no link. */
static void starved(struct qx_tunnel *t, int err)
{
	struct qx_out *o = &t->out;

	o->starved_by = err;
	o->next = jiffies + (err == -ENETDOWN ? DOWN_POLL : STARVED_POLL);
	trace_qkd_xfrm_starved(t, err);
	if (o->starved) {
		/* qkdd may have said more by now */
		if (err == -ENOKEY)
			say_starved(t);
		return;
	}
	o->starved = true;
	o->count.starved++;
	if (o->sa && t->conf.set.starved == QKD_XFRM_STARVED_BLOCK) {
		o->dropping = true;
		o->drop_at = jiffies + margin(&t->conf.set);
	}
	say_starved(t);
	if (t->link)
		qkd_link_alarm(t->link, QKD_ALARM_TUNNEL, "tunnel %s: %s",
			       t->conf.name, t->reason);
}

static void not_starved(struct qx_out *o)
{
	o->starved = false;
	o->dropping = false;
}

static void send_offer(struct qx_tunnel *t)
{
	struct qx_out *o = &t->out;
	u32 spi = o->sa ? ntohl(o->sa->x->id.spi) : 0;
	int err;

	if (o->tries++) {
		o->count.retries++;
		qx_turn_unanswered(t);
	}
	o->next = jiffies + max(qx_backoff(o->tries), qx_turn_patience(t));
	trace_qkd_xfrm_offer(t, o->offset, o->tries);
	err = qx_send(t, QX_OFFER, QX_REASON_NONE, o->offset, spi);
	if (err == -EAGAIN || err == -ENETDOWN) {
		starved(t, err);
		return;
	}
	if (o->starved)
		qx_well(t);
	not_starved(o);
	if (err)
		qx_reason(t, "cannot send to the peer: error %d", err);
	else if (o->tries == SILENT)
		qx_reason(t, "the peer does not answer");
}

/* Both secrets become one; the quantum one is gone, and cannot be used alone. */
static int mix_in(struct qx_out *o, const struct qx_secret *s, u32 len)
{
	u8 key[QX_KEY_MAX];
	int err;

	memcpy(key, o->key, len);
	memcpy(o->secret_id, s->id, sizeof(o->secret_id));
	err = qx_derive_extract(o->key, s, key, len);
	memzero_explicit(key, sizeof(key));
	return err;
}

/* Return: 0, -ENOKEY without a post-quantum secret, or as qkd_reserve(). */
static int reserve(struct qx_tunnel *t)
{
	u32 len = qx_aead_key_len(t->conf.set.aead);
	struct qx_out *o = &t->out;
	struct qx_secret s;
	int err = 0;

	if (!t->link)
		return -ENETDOWN;
	/* it first: key without it would be spent in vain */
	if (t->conf.set.hybrid)
		err = qx_secret_now(t->qn, qkd_link_index(t->link), &s);
	if (err)
		return err;
	err = qkd_reserve(t->consumer, o->key, len, &o->offset, &o->epoch);
	if (!err)
		o->count.key_bytes += len;
	if (!err && t->conf.set.hybrid)
		err = mix_in(o, &s, len);
	memzero_explicit(&s, sizeof(s));
	return err;
}

static void reserve_key(struct qx_tunnel *t)
{
	struct qx_out *o = &t->out;
	int err = reserve(t);

	if (err) {
		/* of the next that comes, programs leave it this */
		if (err == -EAGAIN)
			qkd_consumer_promise(t->consumer,
					     qx_aead_key_len(t->conf.set.aead));
		forget_key(o);
		starved(t, err);
		return;
	}
	o->count.offers++;
	o->tries = 0;
	o->since = jiffies;
	o->refused = QX_REASON_NONE;
	out_state(t, QKD_XFRM_STATE_OFFERED);
	send_offer(t);
}

static void rekey_later(struct qx_tunnel *t)
{
	u32 ms = t->conf.set.rekey_time;

	/* not all at once, although they were made together */
	ms -= get_random_u32() % (ms / 10 + 1);
	t->out.rekey_at = jiffies + msecs_to_jiffies(ms);
}

/* Replaced: it stays for the packets that chose it and are not out yet. */
static void retire(struct qx_tunnel *t, struct qx_sa *sa)
{
	struct qx_out *o = &t->out;
	u32 drain = min_t(u32, t->conf.set.grace_time / 2, DRAIN_MAX);

	qx_sa_step_back(sa);
	sa->until = jiffies + msecs_to_jiffies(drain);
	list_add_tail(&sa->list, &o->old);
	o->n_old++;
}

/*
 * xfrm asks for an SA first, and puts the larval one that stands for it into
 * the database then: where the new SA is quicker, nothing takes that out any
 * more. All this is under RCU; so from a grace period after the new SA on, no
 * other comes.
 */
static void sweep_later(struct qx_out *o)
{
	o->lookups = start_poll_synchronize_rcu();
	o->sweep_at = jiffies + SWEEP_POLL;
	o->sweeping = true;
}

static void drop_sa(struct qx_tunnel *t)
{
	struct qx_out *o = &t->out;

	if (!o->sa)
		return;
	qx_sa_delete(o->sa, &o->count.gone);
	o->sa = NULL;
}

static void delete_old(struct qx_tunnel *t, bool all)
{
	struct qx_out *o = &t->out;
	struct qx_sa *sa, *tmp;

	list_for_each_entry_safe(sa, tmp, &o->old, list) {
		if (!all && o->n_old <= QX_OLD_MAX &&
		    time_before(jiffies, sa->until) && qx_sa_alive(sa))
			break;
		list_del(&sa->list);
		o->n_old--;
		qx_sa_delete(sa, &o->count.gone);
	}
}

/* Nor will there be another: the peer need not keep its side of it. */
static void part(struct qx_tunnel *t, enum qx_reason reason)
{
	u64 offset = t->out.sa ? t->out.sa->offset : 0;

	drop_sa(t);
	if (offset)
		qx_send(t, QX_NONE, reason, offset, 0);
}

static void give_up(struct qx_tunnel *t)
{
	forget_key(&t->out);
	t->out.fails = 0;
	not_starved(&t->out);
	out_state(t, t->out.sa ? QKD_XFRM_STATE_LIVE : QKD_XFRM_STATE_IDLE);
	if (t->out.sa)
		rekey_later(t);
}

/* The key is spent, and there is no SA: another one, not at once. */
static void again(struct qx_tunnel *t)
{
	t->out.count.failures++;
	t->out.fails++;
	forget_key(&t->out);
	t->out.next = jiffies + qx_backoff(t->out.fails + 1);
	out_state(t, QKD_XFRM_STATE_WAIT_KEY);
}

/* Not by itself any more, and nobody's packets need it. */
static bool pointless(const struct qx_tunnel *t)
{
	return t->conf.set.start == QKD_XFRM_START_TRAFFIC &&
	       (t->out.tries >= GIVE_UP || t->out.fails >= GIVE_UP);
}

/**
 * qx_out_accepted - the peer listens; send under the new SA
 * @t: tunnel
 * @m: its ACCEPT
 * @epoch: that the message was of
 *
 * An answer to another offer than the one under way is late, and ignored.
 * Context: process, @t->lock held.
 */
void qx_out_accepted(struct qx_tunnel *t, const struct qx_msg *m, u32 epoch)
{
	struct qx_out *o = &t->out;
	struct qx_sa *sa, *old = o->sa;

	lockdep_assert_held(&t->lock);
	if (o->state != QKD_XFRM_STATE_OFFERED || o->offset != m->offset ||
	    o->epoch != epoch ||
	    memcmp(o->secret_id, m->secret_id, sizeof(o->secret_id)))
		return;
	o->count.accepts++;
	qx_turn_answered(t, jiffies - o->since, o->tries == 1);
	sa = qx_sa_install(t, true, htonl(m->spi), o->key,
			   t->conf.set.hybrid ? o->secret_id : NULL,
			   o->offset);
	if (IS_ERR(sa)) {
		qx_reason(t, "cannot install the outbound SA: error %ld",
			  PTR_ERR(sa));
		again(t);
		return;
	}
	forget_key(o);
	not_starved(o);
	o->fails = 0;
	o->count.rekeys++;
	o->sa = sa;
	rekey_later(t);
	sweep_later(o);
	trace_qkd_xfrm_rekey(t, false, sa->x->id.spi, sa->offset);
	qx_notify_rekey(t, false, sa, old);
	if (old)
		retire(t, old);
	out_state(t, QKD_XFRM_STATE_LIVE);
	qx_well(t);
}

/**
 * qx_out_rejected - the peer does not want the offer under way
 * @t: tunnel
 * @m: its REJECT
 * @epoch: that the message was of
 *
 * Where the key is untouched and the peer's administrator must do something,
 * the offer stands. Context: process, @t->lock held.
 */
void qx_out_rejected(struct qx_tunnel *t, const struct qx_msg *m, u32 epoch)
{
	struct qx_out *o = &t->out;

	lockdep_assert_held(&t->lock);
	if (o->state != QKD_XFRM_STATE_OFFERED || o->offset != m->offset ||
	    o->epoch != epoch)
		return;
	o->count.rejects++;
	qx_reason(t, "refused by the peer: %s", qx_reason_text(m->reason));
	if (m->reason == QX_NO_SECRET)
		qx_secret_refused(t->qn, qkd_link_index(t->link),
				  o->secret_id);
	if (m->reason == QX_HYBRID)
		qkd_link_alarm(t->link, QKD_ALARM_TUNNEL, "tunnel %s: %s",
			       t->conf.name, t->reason);
	/* an offer is never made under another secret: it could be taken twice */
	if (m->reason == QX_NO_KEY || m->reason == QX_FAILED ||
	    m->reason == QX_NO_SECRET)
		again(t);
	else
		o->next = jiffies + REJECTED_POLL + qx_backoff(o->tries);
	o->refused = o->state == QKD_XFRM_STATE_OFFERED ? m->reason :
							  QX_REASON_NONE;
}

/**
 * qx_out_peer_spoke - the peer has something to say about this tunnel
 * @t: tunnel
 *
 * So it has been made there, if it was not before: an offer that was refused
 * for that need not wait. One that was refused for anything else waits, or two
 * ends that differ would answer each other for ever. Context: process,
 * @t->lock held.
 */
void qx_out_peer_spoke(struct qx_tunnel *t)
{
	struct qx_out *o = &t->out;

	lockdep_assert_held(&t->lock);
	if (o->refused != QX_NO_TUNNEL)
		return;
	if (o->state == QKD_XFRM_STATE_OFFERED)
		o->next = jiffies;
	o->refused = QX_REASON_NONE;
}

/**
 * qx_out_wanted - the peer says that it has no SA from us
 * @t: tunnel
 *
 * Context: process, @t->lock held. Return: false if there will be none, since
 * there is nothing to send.
 */
bool qx_out_wanted(struct qx_tunnel *t)
{
	struct qx_out *o = &t->out;

	lockdep_assert_held(&t->lock);
	if (o->state == QKD_XFRM_STATE_IDLE)
		return false;
	if (o->sa && time_after(jiffies, o->sa->made + WANTED_AGE))
		qx_kick(t, QX_EV_WANTED);
	return true;
}

/* Settings changed: an offer made under the old ones is void. @t->lock held. */
void qx_out_changed(struct qx_tunnel *t)
{
	lockdep_assert_held(&t->lock);
	if (t->out.state != QKD_XFRM_STATE_OFFERED)
		return;
	forget_key(&t->out);
	t->out.next = jiffies;
	out_state(t, QKD_XFRM_STATE_WAIT_KEY);
}

/*
 * The tunnel is hybrid from now on: an SA without that is not used any more,
 * nor until there is another. @t->lock held.
 */
void qx_out_hybrid(struct qx_tunnel *t)
{
	struct qx_out *o = &t->out;
	struct qx_sa *sa;

	lockdep_assert_held(&t->lock);
	if (o->sa && !o->sa->hybrid)
		qx_sa_end(o->sa);
	list_for_each_entry(sa, &o->old, list)
		if (!sa->hybrid)
			qx_sa_end(sa);
}

static bool is_due(const struct qx_tunnel *t, unsigned long events)
{
	const unsigned long why = BIT(QX_EV_SOFT) | BIT(QX_EV_GENERATION) |
				  BIT(QX_EV_WANTED) | BIT(QX_EV_REKEY);

	return events & why || !qx_sa_alive(t->out.sa) ||
	       (t->conf.set.rekey_time &&
		time_after_eq(jiffies, t->out.rekey_at));
}

/* An SA that carried nothing is renewed only where it is always to be there. */
static bool is_unused(const struct qx_tunnel *t, unsigned long events)
{
	struct qx_usage u;

	if (t->conf.set.start != QKD_XFRM_START_TRAFFIC ||
	    events & (BIT(QX_EV_ACQUIRE) | BIT(QX_EV_REKEY)))
		return false;
	if (!qx_sa_alive(t->out.sa))
		return true;
	qx_sa_usage(t->out.sa, &u);
	return !u.packets;
}

static void live(struct qx_tunnel *t, unsigned long events)
{
	if (!is_due(t, events))
		return;
	if (is_unused(t, events)) {
		part(t, QX_IDLE);
		out_state(t, QKD_XFRM_STATE_IDLE);
		return;
	}
	t->out.next = jiffies;
	out_state(t, QKD_XFRM_STATE_WAIT_KEY);
}

static void idle(struct qx_tunnel *t, unsigned long events)
{
	if (t->conf.set.start == QKD_XFRM_START_TRAFFIC &&
	    !(events & (BIT(QX_EV_ACQUIRE) | BIT(QX_EV_REKEY))))
		return;
	t->out.next = jiffies;
	out_state(t, QKD_XFRM_STATE_WAIT_KEY);
}

static void wait_key(struct qx_tunnel *t, unsigned long events)
{
	/* keys spent in vain are a reason to wait, unless it is for key now */
	if (events & (BIT(QX_EV_KEY) | BIT(QX_EV_LINK) |
		      BIT(QX_EV_GENERATION)) &&
	    (!t->out.fails || t->out.starved))
		t->out.next = jiffies;
	if (events & BIT(QX_EV_SECRET))
		t->out.next = jiffies;
	if (time_before(jiffies, t->out.next))
		return;
	if (pointless(t))
		give_up(t);
	else if (qx_turn_take(t))
		reserve_key(t);
}

static void offered(struct qx_tunnel *t, unsigned long events)
{
	if (events & BIT(QX_EV_GENERATION)) {
		qx_out_changed(t);
		return;
	}
	if (t->out.starved && events & (BIT(QX_EV_KEY) | BIT(QX_EV_LINK)))
		t->out.next = jiffies;
	if (time_before(jiffies, t->out.next))
		return;
	if (pointless(t))
		give_up(t);
	else
		send_offer(t);
}

/*
 * An answer is awaited, or the turn to ask for one. A peer that is silent keeps
 * nobody else waiting, nor does one whose administrator must do something.
 */
static bool needs_turn(const struct qx_tunnel *t)
{
	const struct qx_out *o = &t->out;

	if (o->state == QKD_XFRM_STATE_WAIT_KEY)
		return time_after_eq(jiffies, o->next);
	return o->state == QKD_XFRM_STATE_OFFERED && o->tries < SILENT &&
	       !o->refused && !o->starved;
}

/* Configured to block, and the margin is over. */
static void drop_when_starved(struct qx_tunnel *t)
{
	struct qx_out *o = &t->out;

	if (!o->dropping || time_before(jiffies, o->drop_at))
		return;
	o->dropping = false;
	drop_sa(t);
	say_starved(t);
}

static void sweep_when_settled(struct qx_tunnel *t)
{
	struct qx_out *o = &t->out;

	if (!o->sweeping || time_before(jiffies, o->sweep_at))
		return;
	if (!poll_state_synchronize_rcu(o->lookups)) {
		o->sweep_at = jiffies + SWEEP_POLL;
		return;
	}
	o->sweeping = false;
	qx_larval_end(t);
}

static unsigned long until(unsigned long when, unsigned long wait)
{
	unsigned long now = jiffies;

	return time_after(when, now) ? min(wait, when - now) : 0;
}

/* Then it is told. */
static bool waits_for_turn(const struct qx_tunnel *t)
{
	return READ_ONCE(t->turn) == QX_TURN_WAITS;
}

static unsigned long next_run(const struct qx_tunnel *t)
{
	const struct qx_out *o = &t->out;
	unsigned long wait = MAX_JIFFY_OFFSET;

	if (o->state == QKD_XFRM_STATE_OFFERED ||
	    (o->state == QKD_XFRM_STATE_WAIT_KEY && !waits_for_turn(t)))
		wait = until(o->next, wait);
	if (o->state == QKD_XFRM_STATE_LIVE && t->conf.set.rekey_time)
		wait = until(o->rekey_at, wait);
	if (o->dropping)
		wait = until(o->drop_at, wait);
	if (o->sweeping)
		wait = until(o->sweep_at, wait);
	if (!list_empty(&o->old))
		wait = until(list_first_entry(&o->old, struct qx_sa,
					      list)->until, wait);
	return wait;
}

/**
 * qx_out_run - do what is due
 * @t: tunnel
 * @events: bits of enum qx_event since the last run
 *
 * Context: process, @t->lock held. Return: jiffies until it is to run again.
 */
unsigned long qx_out_run(struct qx_tunnel *t, unsigned long events)
{
	struct qx_out *o = &t->out;

	lockdep_assert_held(&t->lock);
	delete_old(t, false);
	if (o->state == QKD_XFRM_STATE_LIVE)
		live(t, events);
	else if (o->sa && !qx_sa_alive(o->sa))
		drop_sa(t);
	if (o->state == QKD_XFRM_STATE_IDLE)
		idle(t, events);
	if (o->state == QKD_XFRM_STATE_OFFERED)
		offered(t, events);
	if (o->state == QKD_XFRM_STATE_WAIT_KEY)
		wait_key(t, events);
	if (!needs_turn(t))
		qx_turn_end(t);
	drop_when_starved(t);
	sweep_when_settled(t);
	return next_run(t);
}

/* The end of a tunnel: no SA and no key stays. @t->lock held. */
void qx_out_clear(struct qx_tunnel *t)
{
	lockdep_assert_held(&t->lock);
	delete_old(t, true);
	part(t, QX_NO_TUNNEL);
	forget_key(&t->out);
	out_state(t, QKD_XFRM_STATE_IDLE);
}
