// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Follows the kernel's links, and tells the kernel what their sessions report.
 *
 * Events say when to look; what a session is made of is the link as the event
 * tells it. The state of a link is the kernel's, nothing of it is kept here.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <qkd/qkd.h>
#include <qkd/tunnel.h>

#include "link.h"
#include "session.h"
#include "settings.h"
#include "tools/common/clock.h"
#include "tools/common/log.h"

#define RETRY_S		2	/* until a device or the module is looked for */
#define REPORT_EVERY	0.25	/* s between reports on blocks to the kernel */

/* What a session is made of; when it changes, so does the session */
struct link_key {
	uint32_t index;
	enum qkd_role role;
	uint32_t pool_size;
	struct sockaddr_storage local;
	struct sockaddr_storage peer;
	char local_node[QKD_NODE_MAX + 1];
	char peer_node[QKD_NODE_MAX + 1];
	char driver[QKD_NAME_MAX + 1];
	char config[QKD_CONFIG_MAX + 1];
};

struct link {
	TAILQ_ENTRY(link) entry;
	struct links *links;
	char name[QKD_NAME_MAX + 1];
	struct link_key key;
	bool up;
	bool seen;
	struct qkd_dev *dev;
	struct session *session;
	double reported;
};

TAILQ_HEAD(link_list, link);

struct links {
	struct event_base *base;
	struct workers *workers;
	const struct settings *settings;
	struct qkd_monitor *mon;
	struct qkd_nl *nl;
	struct event *ev;
	struct event *retry;
	struct link_list list;
};

/* ---- reports ---- */

static void tell(struct link *l, const struct qkd_link_report *r)
{
	if (l->links->nl &&
	    qkd_link_report(l->links->nl, NULL, l->key.index, r))
		log_line(LOG_LEVEL_DEBUG, l->name, "report: %s", qkd_error());
}

static void on_alarm(void *ctx, enum qkd_alarm alarm, const char *text)
{
	struct qkd_link_report r = QKD_LINK_REPORT_INIT;
	char cut[QKD_REASON_MAX + 1];

	snprintf(cut, sizeof(cut), "%s", text);
	r.alarm = alarm;
	r.alarm_text = cut;
	tell(ctx, &r);
}

static void on_reason(void *ctx, const char *text)
{
	struct qkd_link_report r = QKD_LINK_REPORT_INIT;
	char cut[QKD_REASON_MAX + 1];

	snprintf(cut, sizeof(cut), "%s", text);
	r.reason = cut;
	tell(ctx, &r);
}

static void on_report(void *ctx, const char *json)
{
	struct qkd_link_report r = QKD_LINK_REPORT_INIT;
	struct link *l = ctx;
	double t = clock_now();

	/* it is the last block's, and a fast link has many */
	if (strlen(json) > QKD_REPORT_MAX || t - l->reported < REPORT_EVERY)
		return;
	l->reported = t;
	r.report = json;
	tell(l, &r);
}

static void on_rates(void *ctx, const struct session_rates *s)
{
	struct qkd_link_report r = QKD_LINK_REPORT_INIT;

	r.raw_bps = s->raw_bps;
	r.sifted_bps = s->sifted_bps;
	r.secret_bps = s->secret_bps;
	r.qber_ppm = s->qber_ppm;
	r.efficiency_ppm = s->efficiency_ppm;
	r.blocks = s->blocks;
	r.blocks_discarded = s->discarded;
	r.rates_set = QKD_BIT(QKD_A_RATES_RAW_BPS) |
		      QKD_BIT(QKD_A_RATES_SIFTED_BPS) |
		      QKD_BIT(QKD_A_RATES_SECRET_BPS) |
		      QKD_BIT(QKD_A_RATES_QBER_PPM) |
		      QKD_BIT(QKD_A_RATES_EFFICIENCY_PPM) |
		      QKD_BIT(QKD_A_RATES_BLOCKS) |
		      QKD_BIT(QKD_A_RATES_BLOCKS_DISCARDED);
	r.errors_auth = s->auth;
	r.errors_verify = s->verify;
	r.errors_qber = s->qber;
	r.errors_set = QKD_BIT(QKD_A_ERRORS_AUTH) |
		       QKD_BIT(QKD_A_ERRORS_VERIFY) |
		       QKD_BIT(QKD_A_ERRORS_QBER);
	tell(ctx, &r);
}

/* Without qkd_xfrm there are no tunnels, and nothing is wrong. */
static int told(struct link *l, int err)
{
	if (err)
		log_line(err == -EPROTONOSUPPORT ? LOG_LEVEL_DEBUG :
			 LOG_LEVEL_WARN, l->name, "post-quantum secret: %s",
			 qkd_error());
	return err;
}

static int on_give(void *ctx, const uint8_t *id, const uint8_t *secret)
{
	struct link *l = ctx;

	return l->links->nl ? told(l, qkd_secret_give(l->links->nl, l->name,
						      id, secret)) : -ENODEV;
}

static int on_use(void *ctx, const uint8_t *id)
{
	struct link *l = ctx;
	int err;

	if (!l->links->nl)
		return -ENODEV;
	err = told(l, qkd_secret_use(l->links->nl, l->name, id));
	if (!err)
		log_line(LOG_LEVEL_DEBUG, l->name,
			 "post-quantum secret %02x%02x%02x%02x... in use",
			 id[0], id[1], id[2], id[3]);
	return err;
}

static void on_none(void *ctx, const char *why)
{
	struct link *l = ctx;

	log_line(LOG_LEVEL_INFO, l->name, "no post-quantum secret: %s", why);
	if (l->links->nl)
		told(l, qkd_secret_none(l->links->nl, l->name, why));
}

static const struct session_ops session_calls = {
	.alarm = on_alarm,
	.reason = on_reason,
	.report = on_report,
	.rates = on_rates,
	.give = on_give,
	.use = on_use,
	.none = on_none,
};

/* ---- one link ---- */

static void link_stop(struct link *l)
{
	session_free(l->session);
	l->session = NULL;
	qkd_dev_close(l->dev);
	l->dev = NULL;
}

static void link_start(struct link *l)
{
	struct links *ls = l->links;
	struct session_conf conf = {
		.base = ls->base,
		.workers = ls->workers,
		.link = l->name,
		.local_node = l->key.local_node,
		.peer_node = l->key.peer_node,
		.role = l->key.role,
		.driver = l->key.driver,
		.config = l->key.config,
		.local = l->key.local,
		.peer = l->key.peer,
		.port = ls->settings->port,
		.pool_size = l->key.pool_size,
		.psk_dir = ls->settings->psk_dir,
		.state_dir = ls->settings->state_dir,
		.sink.ops = &sink_dev_ops,
	};

	if (l->session || !l->up || !l->key.driver[0])
		return;
	if (qkd_dev_open(&l->dev, NULL, NULL, l->key.index, true)) {
		/* udev may not have made the node yet */
		log_line(LOG_LEVEL_DEBUG, l->name, "%s", qkd_error());
		on_reason(l, qkd_error());
		return;
	}
	qkd_dev_label(l->dev, "qkdd");
	conf.sink.ctx = l->dev;
	l->session = session_new(&conf, &session_calls, l);
	if (!l->session)
		link_stop(l);
}

static void link_free(struct link *l)
{
	link_stop(l);
	TAILQ_REMOVE(&l->links->list, l, entry);
	free(l);
}

static void key_of(const struct qkd_link *k, struct link_key *key)
{
	struct sockaddr_in6 *l6 = (struct sockaddr_in6 *)&key->local;
	struct sockaddr_in6 *p6 = (struct sockaddr_in6 *)&key->peer;
	struct sockaddr_in *l4 = (struct sockaddr_in *)&key->local;
	struct sockaddr_in *p4 = (struct sockaddr_in *)&key->peer;

	memset(key, 0, sizeof(*key));
	key->index = k->index;
	key->role = k->role;
	key->pool_size = k->pool_size;
	snprintf(key->local_node, sizeof(key->local_node), "%s",
		 k->local_node);
	snprintf(key->peer_node, sizeof(key->peer_node), "%s", k->peer_node);
	snprintf(key->driver, sizeof(key->driver), "%s", k->driver);
	snprintf(key->config, sizeof(key->config), "%s", k->config);
	if (k->have & QKD_BIT(QKD_A_LINK_PEER4)) {
		p4->sin_family = AF_INET;
		p4->sin_addr = k->peer4;
		if (k->have & QKD_BIT(QKD_A_LINK_LOCAL4)) {
			l4->sin_family = AF_INET;
			l4->sin_addr = k->local4;
		}
	} else if (k->have & QKD_BIT(QKD_A_LINK_PEER6)) {
		p6->sin6_family = AF_INET6;
		p6->sin6_addr = k->peer6;
		if (k->have & QKD_BIT(QKD_A_LINK_LOCAL6)) {
			l6->sin6_family = AF_INET6;
			l6->sin6_addr = k->local6;
		}
	}
}

static struct link *link_by_name(struct links *ls, const char *name)
{
	struct link *l;

	TAILQ_FOREACH(l, &ls->list, entry)
		if (!strcmp(l->name, name))
			return l;
	return NULL;
}

static int link_told(const struct qkd_link *k, void *arg)
{
	struct links *ls = arg;
	struct link *l = link_by_name(ls, k->name);
	struct link_key key;
	bool up = k->admin_state == QKD_ADMIN_STATE_UP;

	key_of(k, &key);
	if (!l) {
		l = calloc(1, sizeof(*l));
		if (!l)
			return -ENOMEM;
		l->links = ls;
		snprintf(l->name, sizeof(l->name), "%s", k->name);
		TAILQ_INSERT_TAIL(&ls->list, l, entry);
		log_line(LOG_LEVEL_INFO, l->name, "link to %s, driver %s",
			 key.peer_node, key.driver[0] ? key.driver : "none");
	} else if (l->session && (!up || memcmp(&key, &l->key, sizeof(key)))) {
		log_line(LOG_LEVEL_INFO, l->name, up ? "settings changed" :
			 "taken down");
		link_stop(l);
	}
	l->key = key;
	l->up = up;
	l->seen = true;
	return 0;
}

static void start_all(struct links *ls)
{
	struct link *l;

	TAILQ_FOREACH(l, &ls->list, entry)
		link_start(l);
}

/* ---- all of them ---- */

static void forget_all(struct links *ls)
{
	while (!TAILQ_EMPTY(&ls->list))
		link_free(TAILQ_FIRST(&ls->list));
}

static void list_anew(struct links *ls)
{
	struct link *l, *next;

	if (!ls->nl && qkd_nl_open(&ls->nl, NULL)) {
		log_debug("%s", qkd_error());
		return;
	}
	TAILQ_FOREACH(l, &ls->list, entry)
		l->seen = false;
	if (qkd_link_each(ls->nl, link_told, ls)) {
		log_debug("%s", qkd_error());
		return;
	}
	for (l = TAILQ_FIRST(&ls->list); l; l = next) {
		next = TAILQ_NEXT(l, entry);
		if (!l->seen)
			link_free(l);
	}
}

/* The module of tunnels was loaded, and knows nothing of before. */
static void secrets_again(struct links *ls)
{
	struct link *l;

	TAILQ_FOREACH(l, &ls->list, entry)
		if (l->session)
			session_secret_again(l->session);
}

static int on_event(const struct qkd_event *ev, void *arg)
{
	struct links *ls = arg;
	struct link *l;

	switch (ev->type) {
	case QKD_EVENT_LINK:
		return link_told(ev->link, ls);
	case QKD_EVENT_LINK_DEL:
		l = link_by_name(ls, ev->link->name);
		if (l && l->key.index == ev->link->index) {
			log_line(LOG_LEVEL_INFO, l->name, "deleted");
			link_free(l);
		}
		return 0;
	case QKD_EVENT_DOWN:
		if (!strcmp(ev->family, QKD_FAMILY_NAME)) {
			log_notice("the qkd module was unloaded");
			forget_all(ls);
		}
		return 0;
	case QKD_EVENT_UP:
		if (!strcmp(ev->family, QKD_XFRM_FAMILY_NAME)) {
			secrets_again(ls);
			return 0;
		}
		list_anew(ls);
		return 0;
	case QKD_EVENT_LOST:
		list_anew(ls);
		return 0;
	default:
		return 0;
	}
}

static void on_monitor(evutil_socket_t fd, short what, void *arg)
{
	struct links *ls = arg;

	if (qkd_monitor_dispatch(ls->mon, on_event, ls))
		log_warn("links: %s", qkd_error());
	/* not while an event is being read: sessions talk to the kernel, too */
	start_all(ls);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct links *ls = arg;

	if (!ls->nl)
		list_anew(ls);
	start_all(ls);
}

struct channel *links_find(void *ctx, const char *local_node,
			   const char *peer_node, const char *link)
{
	struct link *l, *found = NULL;
	struct links *ls = ctx;
	unsigned int fit = 0;

	TAILQ_FOREACH(l, &ls->list, entry) {
		if (!l->session || strcmp(l->key.local_node, local_node) ||
		    strcmp(l->key.peer_node, peer_node))
			continue;
		if (!strcmp(l->name, link))
			return session_channel(l->session);
		found = l;
		fit++;
	}
	/* the name may differ where there is no other link to that node */
	return fit == 1 ? session_channel(found->session) : NULL;
}

struct links *links_new(struct event_base *base, struct workers *workers,
			const struct settings *st)
{
	struct timeval tv = { .tv_sec = RETRY_S };
	struct links *ls = calloc(1, sizeof(*ls));

	if (!ls)
		return NULL;
	ls->base = base;
	ls->workers = workers;
	ls->settings = st;
	TAILQ_INIT(&ls->list);
	if (qkd_monitor_open(&ls->mon, NULL,
			     QKD_MON_LINK | QKD_MON_XFRM | QKD_MON_WAIT)) {
		log_err("links: %s", qkd_error());
		goto err;
	}
	ls->ev = event_new(base, qkd_monitor_fd(ls->mon), EV_READ | EV_PERSIST,
			   on_monitor, ls);
	ls->retry = event_new(base, -1, EV_PERSIST, on_retry, ls);
	if (!ls->ev || !ls->retry || event_add(ls->ev, NULL) ||
	    event_add(ls->retry, &tv))
		goto err;
	list_anew(ls);
	start_all(ls);
	return ls;
err:
	links_free(ls);
	return NULL;
}

void links_free(struct links *ls)
{
	if (!ls)
		return;
	forget_all(ls);
	if (ls->ev)
		event_free(ls->ev);
	if (ls->retry)
		event_free(ls->retry);
	qkd_monitor_close(ls->mon);
	qkd_nl_close(ls->nl);
	free(ls);
}
