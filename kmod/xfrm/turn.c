// SPDX-License-Identifier: GPL-2.0
/*
 * Turns: how many tunnels of a link may await the answer to an offer at once.
 * Hundreds may become due together (made by one script, a new generation, key
 * after a drought), and all they say to the peer goes through one queue there.
 * Without turns most of it would be dropped, with the key that it cost, and be
 * said again, and dropped. The rest wait here, first come, first served.
 *
 * How many there are is found out as TCP does: one more for each round of
 * answers, half as many when an answer stays out. So a slow peer, or a bad
 * network, is not asked faster than it answers; nor again before the time that
 * answers take.
 *
 *    NONE --take, some are free--> HELD
 *    NONE --take, none is free---> WAITS --end of another's--> HELD, and told
 *    HELD, WAITS --end--> NONE
 */

#include <linux/minmax.h>
#include <linux/slab.h>

#include "tunnel.h"

#define TURNS_FIRST	16
#define TURNS_MIN	4
/* both ends' offers and answers together are fewer than a link queues */
#define TURNS_MAX	64
#define PATIENCE_MAX	(5UL * HZ)

/**
 * struct qx_turns - the turns of a link
 * @list: in qx_net.turns
 * @link: whose; held by the tunnels
 * @users: tunnels that are bound to the link
 * @allowed: turns that there are
 * @answers: since @allowed changed
 * @takes: jiffies that an answer takes, smoothed; repeats included
 * @held: turns given
 * @waiting: tunnels, in order
 *
 * All is protected by qx_net.turn_lock, as are qx_tunnel.turn and turn_list.
 */
struct qx_turns {
	struct list_head list;
	const struct qkd_link *link;
	u32 users;
	u32 allowed;
	u32 answers;
	unsigned long takes;
	u32 held;
	struct list_head waiting;
};

static struct qx_turns *find(struct qx_net *qn, const struct qkd_link *link)
{
	struct qx_turns *g;

	lockdep_assert_held(&qn->turn_lock);
	list_for_each_entry(g, &qn->turns, list)
		if (g->link == link)
			return g;
	return NULL;
}

/**
 * qx_turns_join - a tunnel is bound to a link
 * @t: tunnel
 * @link: held by the caller
 *
 * Context: process, @t->lock held. Return: 0 or -ENOMEM.
 */
int qx_turns_join(struct qx_tunnel *t, const struct qkd_link *link)
{
	struct qx_net *qn = t->qn;
	struct qx_turns *new, *g;

	new = kzalloc(sizeof(*new), GFP_KERNEL);
	if (!new)
		return -ENOMEM;
	new->link = link;
	new->allowed = TURNS_FIRST;
	INIT_LIST_HEAD(&new->waiting);
	spin_lock(&qn->turn_lock);
	g = find(qn, link);
	if (!g) {
		g = new;
		new = NULL;
		list_add(&g->list, &qn->turns);
	}
	g->users++;
	t->turns = g;
	spin_unlock(&qn->turn_lock);
	kfree(new);
	return 0;
}

static void give(struct qx_turns *g, struct qx_tunnel *t)
{
	lockdep_assert_held(&t->qn->turn_lock);
	g->held++;
	WRITE_ONCE(t->turn, QX_TURN_HELD);
}

/* There are some again: who waits longest is next. */
static void pass_on(struct qx_turns *g)
{
	struct qx_tunnel *t, *tmp;

	list_for_each_entry_safe(t, tmp, &g->waiting, turn_list) {
		if (g->held >= g->allowed)
			break;
		list_del_init(&t->turn_list);
		give(g, t);
		qx_kick(t, QX_EV_TURN);
	}
}

static void end(struct qx_tunnel *t)
{
	enum qx_turn turn = t->turn;

	lockdep_assert_held(&t->qn->turn_lock);
	WRITE_ONCE(t->turn, QX_TURN_NONE);
	if (turn == QX_TURN_WAITS)
		list_del_init(&t->turn_list);
	if (turn != QX_TURN_HELD)
		return;
	t->turns->held--;
	pass_on(t->turns);
}

/**
 * qx_turns_leave - a tunnel lets its link go
 * @t: that joined
 *
 * Context: process, @t->lock held.
 */
void qx_turns_leave(struct qx_tunnel *t)
{
	struct qx_turns *g = t->turns;

	spin_lock(&t->qn->turn_lock);
	end(t);
	t->turns = NULL;
	if (--g->users)
		g = NULL;
	else
		list_del(&g->list);
	spin_unlock(&t->qn->turn_lock);
	kfree(g);
}

/**
 * qx_turn_take - may this tunnel offer key now?
 * @t: tunnel
 *
 * Context: process, @t->lock held. Return: true if it may, until
 * qx_turn_end(); false if it is to wait for QX_EV_TURN.
 */
bool qx_turn_take(struct qx_tunnel *t)
{
	struct qx_turns *g = t->turns;
	bool held;

	/* no link: there is nobody to wait for */
	if (!g)
		return true;
	spin_lock(&t->qn->turn_lock);
	if (t->turn == QX_TURN_NONE && list_empty(&g->waiting) &&
	    g->held < g->allowed) {
		give(g, t);
	} else if (t->turn == QX_TURN_NONE) {
		list_add_tail(&t->turn_list, &g->waiting);
		WRITE_ONCE(t->turn, QX_TURN_WAITS);
	}
	held = t->turn == QX_TURN_HELD;
	spin_unlock(&t->qn->turn_lock);
	return held;
}

/**
 * qx_turn_end - this tunnel awaits no answer, and no turn
 * @t: tunnel
 *
 * Context: process, @t->lock held.
 */
void qx_turn_end(struct qx_tunnel *t)
{
	spin_lock(&t->qn->turn_lock);
	end(t);
	spin_unlock(&t->qn->turn_lock);
}

/* Up at once, down slowly. */
static void learn(struct qx_turns *g, unsigned long took)
{
	u32 weight = took > g->takes ? 2 : 8;

	WRITE_ONCE(g->takes, (g->takes * (weight - 1) + took) / weight);
}

/**
 * qx_turn_answered - the peer answered an offer
 * @t: tunnel
 * @took: jiffies, since its first message
 * @first: that message was the only one
 *
 * Context: process, @t->lock held.
 */
void qx_turn_answered(struct qx_tunnel *t, unsigned long took, bool first)
{
	struct qx_turns *g = t->turns;

	if (!g)
		return;
	spin_lock(&t->qn->turn_lock);
	learn(g, took);
	if (first && ++g->answers >= g->allowed) {
		g->answers = 0;
		g->allowed = min_t(u32, g->allowed + 1, TURNS_MAX);
	}
	spin_unlock(&t->qn->turn_lock);
}

/**
 * qx_turn_patience - how long to wait for an answer, at least
 * @t: tunnel
 *
 * Context: process, @t->lock held. Return: jiffies.
 */
unsigned long qx_turn_patience(struct qx_tunnel *t)
{
	struct qx_turns *g = t->turns;

	return g ? min(2 * READ_ONCE(g->takes), PATIENCE_MAX) : 0;
}

/**
 * qx_turn_unanswered - an offer has to be repeated
 * @t: tunnel
 *
 * Context: process, @t->lock held.
 */
void qx_turn_unanswered(struct qx_tunnel *t)
{
	struct qx_turns *g = t->turns;

	if (!g)
		return;
	spin_lock(&t->qn->turn_lock);
	g->answers = 0;
	g->allowed = max_t(u32, g->allowed / 2, TURNS_MIN);
	spin_unlock(&t->qn->turn_lock);
}
