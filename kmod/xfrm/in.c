// SPDX-License-Identifier: GPL-2.0
/*
 * The direction the peer sends in: we take the key that it offers, install the
 * inbound SA under an SPI of our choice, and say which. What we send is
 * out.c's business.
 *
 *             offer                    offer
 *    IDLE ------------> LIVE ------------------------> OVERLAP
 *     ^                 | ^                             |   ^ |
 *     |   SA gone, none | '-- new one used, and grace --'   '-' offer
 *     '-----------------'
 *
 * The peer goes on sending under the old SA until our answer has arrived and
 * its outbound SA is in. So an old SA stays until the newest has carried a
 * packet, or the peer's next offer says that it uses the newest; and then for
 * the grace time, since packets overtake each other. Without an SA the peer is
 * asked for one: it cannot know that we lost it. When it says that there is
 * none any more, ours ends after the grace time.
 */

#include <linux/random.h>
#include <linux/string.h>

#include "trace.h"
#include "tunnel.h"

#define WANT_FIRST	msecs_to_jiffies(1000)	/* it may offer by itself */
#define WANTS_PER_S	100			/* of all tunnels, about */
#define WANT_MAX	10			/* times in a row */
#define POLL_MAX	msecs_to_jiffies(60000)

static void in_state(struct qx_tunnel *t)
{
	struct qx_in *in = &t->in;

	lockdep_assert_held(&t->lock);
	in->state = !in->sa ? QKD_XFRM_STATE_IDLE :
		    list_empty(&in->old) ? QKD_XFRM_STATE_LIVE :
		    QKD_XFRM_STATE_OVERLAP;
}

static void reject(struct qx_tunnel *t, const struct qx_msg *m,
		   enum qx_reason reason)
{
	t->in.count.rejects++;
	qx_send(t, QX_REJECT, reason, m->offset, 0);
}

static void accept(struct qx_tunnel *t)
{
	const struct qx_sa *sa = t->in.sa;

	trace_qkd_xfrm_accept(t, sa->x->id.spi, sa->offset);
	/* lost, or no key for it: the peer repeats its offer, and we this */
	qx_send(t, QX_ACCEPT, QX_REASON_NONE, sa->offset,
		ntohl(sa->x->id.spi));
}

/* Both ends must have been told the same. */
static bool as_configured(const struct qx_tunnel *t, const struct qx_msg *m)
{
	const struct qx_conf *c = &t->conf;

	return m->aead == c->set.aead && m->mode == c->mode &&
	       m->family == (c->family == AF_INET ? 4 : 6) &&
	       !(m->flags & QX_F_ESN) == !c->set.esn &&
	       !(m->flags & QX_F_ENCAP) == !c->encap_sport;
}

/* One end alone cannot be hybrid, and must not seem to be. */
static void reject_other_kind(struct qx_tunnel *t, const struct qx_msg *m)
{
	reject(t, m, QX_HYBRID);
	qkd_link_alarm(t->link, QKD_ALARM_TUNNEL,
		       "tunnel %s: hybrid is %s here, and %s at the peer",
		       t->conf.name, t->conf.set.hybrid ? "on" : "off",
		       t->conf.set.hybrid ? "off" : "on");
}

static bool same_kind(const struct qx_tunnel *t, const struct qx_msg *m)
{
	return !(m->flags & QX_F_HYBRID) == !t->conf.set.hybrid;
}

/*
 * The time of the SAs that were replaced begins to run out: of those older
 * than @first, or of all if it is NULL.
 */
static void count_down(struct qx_tunnel *t, const struct qx_sa *first)
{
	unsigned long until = jiffies +
			      msecs_to_jiffies(t->conf.set.grace_time);
	struct qx_sa *sa;

	list_for_each_entry(sa, &t->in.old, list) {
		if (sa == first)
			break;
		if (!sa->until)
			sa->until = until ?: 1;
	}
}

static bool counting_down(const struct qx_in *in)
{
	return list_empty(&in->old) ||
	       list_last_entry(&in->old, struct qx_sa, list)->until;
}

/*
 * The sender says with an offer what it uses: the latest, or an old one that
 * our answer did not reach it for, or none.
 */
static void in_use(struct qx_tunnel *t, __be32 spi)
{
	struct qx_in *in = &t->in;
	struct qx_sa *sa;

	if (!spi || (in->sa && in->sa->x->id.spi == spi)) {
		count_down(t, NULL);
		return;
	}
	list_for_each_entry(sa, &in->old, list) {
		if (sa->x->id.spi == spi) {
			count_down(t, sa);
			return;
		}
	}
}

static void delete_oldest(struct qx_tunnel *t)
{
	struct qx_sa *sa = list_first_entry(&t->in.old, struct qx_sa, list);

	list_del(&sa->list);
	t->in.n_old--;
	qx_sa_delete(sa, &t->in.count.gone);
}

static void replace(struct qx_tunnel *t, struct qx_sa *sa)
{
	unsigned long look = jiffies +
			     msecs_to_jiffies(t->conf.set.grace_time / 2);
	struct qx_in *in = &t->in;
	struct qx_sa *old = in->sa;

	in->count.accepts++;
	in->count.rekeys++;
	in->sa = sa;
	in->wanting = false;
	in->wants = 0;
	trace_qkd_xfrm_rekey(t, true, sa->x->id.spi, sa->offset);
	qx_notify_rekey(t, true, sa, old);
	if (!old)
		return;
	/* a look that is pending is not put off, however often this is done */
	if (counting_down(in) || time_before(look, in->poll_at))
		in->poll_at = look;
	in->polls = 0;
	list_add_tail(&old->list, &in->old);
	if (++in->n_old > QX_OLD_MAX)
		delete_oldest(t);
}

/* @key: as offered. Return: the SA or an ERR_PTR. */
static struct qx_sa *install(struct qx_tunnel *t, const struct qx_msg *m,
			     const u8 *key, const struct qx_secret *s)
{
	u8 prk[QX_PRK_SIZE];
	struct qx_sa *sa;
	int err;

	if (!s)
		return qx_sa_install(t, false, 0, key, NULL, m->offset);
	err = qx_derive_extract(prk, s, key,
				qx_aead_key_len(t->conf.set.aead));
	sa = err ? ERR_PTR(err) :
	     qx_sa_install(t, false, 0, prk, s->id, m->offset);
	memzero_explicit(prk, sizeof(prk));
	return sa;
}

static void take_and_install(struct qx_tunnel *t, const struct qx_msg *m,
			     u32 epoch, const struct qx_secret *s)
{
	u32 len = qx_aead_key_len(t->conf.set.aead);
	struct qx_in *in = &t->in;
	u8 key[QX_KEY_MAX];
	struct qx_sa *sa;
	int err;

	err = qkd_take(t->consumer, epoch, m->offset, key, len);
	if (err == -ESTALE || err == -ENETDOWN)
		return;
	in->offset = m->offset;
	in->epoch = epoch;
	memcpy(in->secret_id, m->secret_id, sizeof(in->secret_id));
	if (err) {
		reject(t, m, QX_NO_KEY);
		return;
	}
	in->count.key_bytes += len;
	sa = install(t, m, key, s);
	memzero_explicit(key, sizeof(key));
	if (IS_ERR(sa)) {
		in->count.failures++;
		qx_reason(t, "cannot install the inbound SA: error %ld",
			  PTR_ERR(sa));
		reject(t, m, QX_FAILED);
		return;
	}
	replace(t, sa);
	accept(t);
}

/* Key is taken only with the secret that it is to be used with at hand. */
static void take_hybrid(struct qx_tunnel *t, const struct qx_msg *m, u32 epoch)
{
	struct qx_secret s;

	if (qx_secret_offered(t->qn, qkd_link_index(t->link), m->secret_id,
			      &s)) {
		reject(t, m, QX_NO_SECRET);
		return;
	}
	take_and_install(t, m, epoch, &s);
	memzero_explicit(&s, sizeof(s));
}

/**
 * qx_in_offered - the peer offers key for an SA towards us
 * @t: tunnel
 * @m: its OFFER
 * @epoch: that the message was of
 *
 * An offer repeated gets the answer of the first time; one that another has
 * overtaken gets none, since the peer does not wait for it any more. Context:
 * process, @t->lock held, and a link.
 */
void qx_in_offered(struct qx_tunnel *t, const struct qx_msg *m, u32 epoch)
{
	struct qx_in *in = &t->in;

	lockdep_assert_held(&t->lock);
	if (epoch == in->epoch && m->offset < in->offset)
		return;
	if (epoch == in->epoch && m->offset == in->offset) {
		in->count.repeats++;
		if (in->sa && in->sa->offset == m->offset &&
		    qx_sa_alive(in->sa) &&
		    !memcmp(in->secret_id, m->secret_id,
			    sizeof(in->secret_id)))
			accept(t);
		else
			reject(t, m, QX_NO_KEY);
		return;
	}
	in->count.offers++;
	in_use(t, htonl(m->spi));
	if (!same_kind(t, m))
		reject_other_kind(t, m);
	else if (!as_configured(t, m))
		reject(t, m, QX_MISMATCH);
	else if (t->conf.set.hybrid)
		take_hybrid(t, m, epoch);
	else
		take_and_install(t, m, epoch, NULL);
	in_state(t);
}

/* No successor follows: this one's time begins to run out. */
static void retire(struct qx_tunnel *t)
{
	struct qx_in *in = &t->in;
	struct qx_sa *sa = in->sa;

	sa->until = jiffies + msecs_to_jiffies(t->conf.set.grace_time);
	sa->until = sa->until ?: 1;
	list_add_tail(&sa->list, &in->old);
	in->n_old++;
	in->sa = NULL;
}

/**
 * qx_in_none - the peer has no SA for us, and will make none
 * @t: tunnel
 * @m: its NONE; names the SA that is gone, so that one that came late does not
 *	end the next
 *
 * Context: process, @t->lock held.
 */
void qx_in_none(struct qx_tunnel *t, const struct qx_msg *m)
{
	struct qx_in *in = &t->in;

	lockdep_assert_held(&t->lock);
	if (m->offset && !(in->sa && in->sa->offset == m->offset))
		return;
	in->wanting = false;
	in->wants = WANT_MAX;
	if (m->offset)
		retire(t);
	if (m->reason == QX_NO_TUNNEL && !t->reason[0])
		qx_reason(t, "the peer says: %s", qx_reason_text(m->reason));
}

/*
 * The tunnel is hybrid from now on: what the peer has sent without that may
 * still arrive, and then no more. @t->lock held.
 */
void qx_in_hybrid(struct qx_tunnel *t)
{
	struct qx_in *in = &t->in;

	lockdep_assert_held(&t->lock);
	count_down(t, NULL);
	if (in->sa && !in->sa->hybrid) {
		retire(t);
		in->wanting = true;
		in->wants = 0;
		in->want_at = jiffies;
	}
	in_state(t);
}

/* Nobody tells of the first packet; look, less and less often. */
static void poll(struct qx_tunnel *t)
{
	unsigned long grace = msecs_to_jiffies(t->conf.set.grace_time);
	struct qx_in *in = &t->in;
	struct qx_usage u;

	if (!in->sa || counting_down(in) || time_before(jiffies, in->poll_at))
		return;
	qx_sa_usage(in->sa, &u);
	if (u.packets)
		count_down(t, NULL);
	in->polls++;
	in->poll_at = jiffies + min(POLL_MAX, grace << min(in->polls, 8U)) + 1;
}

static void delete_old(struct qx_tunnel *t, bool all)
{
	struct qx_in *in = &t->in;
	struct qx_sa *sa, *tmp;

	list_for_each_entry_safe(sa, tmp, &in->old, list) {
		if (!all && qx_sa_alive(sa) &&
		    (!sa->until || time_before(jiffies, sa->until)))
			continue;
		list_del(&sa->list);
		in->n_old--;
		qx_sa_delete(sa, &in->count.gone);
	}
}

/* What many tunnels ask is not asked by all at once. */
static unsigned long spread(const struct qx_tunnel *t)
{
	u32 seconds = READ_ONCE(t->qn->n_tunnels) / WANTS_PER_S;

	return get_random_u32() % (seconds * HZ + 1);
}

static void want(struct qx_tunnel *t, unsigned long after)
{
	t->in.wanting = true;
	t->in.wants = 0;
	t->in.want_at = jiffies + after;
}

/* Three quarters of an SA's life: its successor should be here by then. */
static unsigned long overdue_at(const struct qx_sa *sa)
{
	return sa->made + sa->x->lft.hard_add_expires_seconds * HZ / 4 * 3;
}

/* It is late, and used: the peer may have forgotten us. */
static bool overdue(const struct qx_sa *sa)
{
	struct qx_usage u;

	if (!sa->x->lft.hard_add_expires_seconds ||
	    time_before(jiffies, overdue_at(sa)))
		return false;
	qx_sa_usage(sa, &u);
	return u.packets;
}

static void ask(struct qx_tunnel *t)
{
	struct qx_in *in = &t->in;
	int err;

	if (!in->wanting || time_before(jiffies, in->want_at))
		return;
	/* first it is to answer our offer, and others' */
	if (READ_ONCE(t->turn) != QX_TURN_NONE) {
		in->want_at = jiffies + WANT_FIRST + spread(t);
		return;
	}
	if (in->wants++ >= WANT_MAX) {
		in->wanting = false;
		return;
	}
	in->want_at = jiffies + qx_backoff(in->wants + 2) + spread(t);
	err = qx_send(t, QX_WANT, QX_REASON_NONE, 0, 0);
	if (!err)
		in->count.wants++;
	else if (err == -ENETDOWN)
		in->wanting = false;	/* until the link is up */
}

static void check(struct qx_tunnel *t, unsigned long events)
{
	struct qx_in *in = &t->in;

	if (in->sa && !qx_sa_alive(in->sa)) {
		qx_sa_delete(in->sa, &in->count.gone);
		in->sa = NULL;
		want(t, 0);
	}
	if (!in->sa && events & (BIT(QX_EV_START) | BIT(QX_EV_LINK) |
				 BIT(QX_EV_GENERATION)))
		want(t, WANT_FIRST + spread(t));
	if (in->sa && !in->wanting && in->wants < WANT_MAX &&
	    overdue(in->sa))
		want(t, 0);
}

static unsigned long until(unsigned long when, unsigned long wait)
{
	unsigned long now = jiffies;

	return time_after(when, now) ? min(wait, when - now) : 0;
}

static unsigned long next_run(const struct qx_tunnel *t)
{
	const struct qx_in *in = &t->in;
	unsigned long wait = MAX_JIFFY_OFFSET;
	const struct qx_sa *sa;

	if (in->sa && !counting_down(in))
		wait = until(in->poll_at, wait);
	list_for_each_entry(sa, &in->old, list)
		if (sa->until)
			wait = until(sa->until, wait);
	if (in->wanting)
		wait = until(in->want_at, wait);
	else if (in->sa && in->sa->x->lft.hard_add_expires_seconds &&
		 time_before(jiffies, overdue_at(in->sa)))
		wait = until(overdue_at(in->sa), wait);
	return wait;
}

/**
 * qx_in_run - do what is due
 * @t: tunnel
 * @events: bits of enum qx_event since the last run
 *
 * Context: process, @t->lock held. Return: jiffies until it is to run again.
 */
unsigned long qx_in_run(struct qx_tunnel *t, unsigned long events)
{
	lockdep_assert_held(&t->lock);
	check(t, events);
	poll(t);
	delete_old(t, false);
	ask(t);
	in_state(t);
	return next_run(t);
}

/* The end of a tunnel: no SA stays. @t->lock held. */
void qx_in_clear(struct qx_tunnel *t)
{
	lockdep_assert_held(&t->lock);
	delete_old(t, true);
	if (t->in.sa)
		qx_sa_delete(t->in.sa, &t->in.count.gone);
	t->in.sa = NULL;
	in_state(t);
}
