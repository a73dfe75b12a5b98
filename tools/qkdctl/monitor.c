// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkdctl monitor: events as they come, one each line (JSON too).
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "print.h"
#include "qkdctl.h"

static const char usage[] =
	"Usage: qkdctl monitor [ all | link | key | alarm | tunnel ]...\n"
	"Tells of links made, changed and deleted, of key coming and levels, of\n"
	"alarms, of tunnels and their rekeys; -t tells when.\n";

static void print_time(void)
{
	char day[32], buf[48];
	struct timespec now;
	struct tm tm;

	if (!opt.timestamps && !pr_json())
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, sizeof(buf), "%s.%06u", day,
		 (unsigned int)(now.tv_nsec / 1000) % 1000000);
	pr_str(DIM, "time", "[%s] ", buf);
}

static void print_key(const struct qkd_link *l)
{
	char buf[UNIT_ROOM];

	pr_str(NAME, "name", "%s", l->name);
	pr_u64(PLAIN, "index", NULL, l->index);
	pr_str(PLAIN, "oper_state", " state %s",
	       qkd_oper_state_name(l->oper_state));
	pr_as(PLAIN, "tx_available", " tx %s", l->tx->available,
	      fmt_level(buf, l->tx->available));
	pr_as(PLAIN, "rx_available", " rx %s", l->rx->available,
	      fmt_level(buf, l->rx->available));
	pr_u64(PLAIN, "tx_head", " head %s", l->tx->head);
	if (l->have & QKD_BIT(QKD_A_LINK_RATES)) {
		pr_as(PLAIN, "secret_bps", " secret %s", l->rates->secret_bps,
		      fmt_rate(buf, l->rates->secret_bps, "bit/s"));
		pr_as(PLAIN, "qber_ppm", " qber %s", l->rates->qber_ppm,
		      fmt_percent(buf, l->rates->qber_ppm));
	}
}

static void print_alarm(const struct qkd_link *l)
{
	pr_str(NAME, "name", "%s", l->name);
	pr_u64(PLAIN, "index", NULL, l->index);
	pr_str(BAD, "alarm", " %s", qkd_alarm_name(l->alarm));
	pr_str(PLAIN, "text", ": %s", l->text);
}

static void print_changed(const struct qkd_link *l)
{
	pr_u64(PLAIN, "index", "%s: ", l->index);
	pr_str(NAME, "name", "%s", l->name);
	pr_str(PLAIN, "oper_state", " state %s",
	       qkd_oper_state_name(l->oper_state));
	pr_str(PLAIN, "admin_state",
	       l->admin_state == QKD_ADMIN_STATE_UP ? NULL : " admin %s",
	       qkd_admin_state_name(l->admin_state));
	pr_str(PLAIN, "local_node", " local-node %s", l->local_node);
	pr_str(PLAIN, "peer_node", " peer-node %s", l->peer_node);
	pr_str(PLAIN, "driver", " driver %s", l->driver);
	if (*l->reason)
		pr_str(PLAIN, "reason", " (%s)", l->reason);
}

static void print_rekey(const struct qkd_tunnel *t)
{
	char buf[UNIT_ROOM];

	pr_str(NAME, "name", "%s", t->name);
	pr_str(PLAIN, "direction", " %s", t->inbound ? "in" : "out");
	snprintf(buf, sizeof(buf), "0x%08x", t->spi);
	pr_str(GOOD, "spi", " spi %s", buf);
	if (t->old_spi) {
		snprintf(buf, sizeof(buf), "0x%08x", t->old_spi);
		pr_str(PLAIN, "old_spi", " after %s", buf);
	}
	pr_u64(PLAIN, "key_offset", " key-offset %s", t->key_offset);
	pr_str(PLAIN, "link", " link %s", t->conf->link);
}

static void print_changed_tunnel(const struct qkd_tunnel *t)
{
	pr_str(NAME, "name", "%s", t->name);
	pr_str(PLAIN, "link", " link %s", t->conf->link);
	pr_str(PLAIN, "out_state", " out %s",
	       qkd_tunnel_state_name(t->out->state));
	pr_str(PLAIN, "in_state", " in %s",
	       qkd_tunnel_state_name(t->in->state));
	if (*t->reason)
		pr_str(WARN, "reason", " (%s)", t->reason);
}

static int print_event(const struct qkd_event *ev, void *arg)
{
	static const char *const names[] = {
		[QKD_EVENT_LINK] = "link",
		[QKD_EVENT_LINK_DEL] = "link-del",
		[QKD_EVENT_KEY] = "key",
		[QKD_EVENT_ALARM] = "alarm",
		[QKD_EVENT_TUNNEL] = "tunnel",
		[QKD_EVENT_TUNNEL_DEL] = "tunnel-del",
		[QKD_EVENT_REKEY] = "rekey",
		[QKD_EVENT_UP] = "module-up",
		[QKD_EVENT_DOWN] = "module-down",
		[QKD_EVENT_LOST] = "lost",
	};

	if ((size_t)ev->type >= N_ELEMS(names))
		return 0;
	pr_line_begin();
	print_time();
	pr_str(PLAIN, "event", "%-10s ", names[ev->type]);
	switch (ev->type) {
	case QKD_EVENT_LINK:
		print_changed(ev->link);
		break;
	case QKD_EVENT_LINK_DEL:
		pr_u64(PLAIN, "index", "%s: ", ev->link->index);
		pr_str(NAME, "name", "%s", ev->link->name);
		break;
	case QKD_EVENT_KEY:
		print_key(ev->link);
		break;
	case QKD_EVENT_ALARM:
		print_alarm(ev->link);
		break;
	case QKD_EVENT_TUNNEL:
		print_changed_tunnel(ev->tunnel);
		break;
	case QKD_EVENT_TUNNEL_DEL:
		pr_str(NAME, "name", "%s", ev->tunnel->name);
		break;
	case QKD_EVENT_REKEY:
		print_rekey(ev->tunnel);
		break;
	case QKD_EVENT_LOST:
		pr_text("events were dropped, this reader was too slow");
		break;
	default:
		pr_str(NAME, "family", "%s", ev->family);
		break;
	}
	pr_text("\n");
	pr_line_end();
	return ferror(stdout) ? -EPIPE : 0;
}

static int listen_for(unsigned int what)
{
	struct qkd_monitor *mon;
	int err;

	err = qkd_monitor_open(&mon, opt.netns, what);
	if (err)
		return failed(err);
	do {
		struct pollfd p = {
			.fd = qkd_monitor_fd(mon), .events = POLLIN,
		};

		poll(&p, 1, -1);
		err = qkd_monitor_dispatch(mon, print_event, NULL);
	} while (!err);
	if (err != -EPIPE)
		failed(err);
	qkd_monitor_close(mon);
	return err;
}

int do_monitor(struct args *a)
{
	static const struct {
		const char *name;
		unsigned int flag;
	} words[] = {
		{ "all", QKD_MON_ALL },
		{ "link", QKD_MON_LINK },
		{ "key", QKD_MON_KEY },
		{ "alarm", QKD_MON_ALARM },
		{ "tunnel", QKD_MON_TUNNEL },
	};
	unsigned int what = 0;
	const char *word;

	while ((word = arg_next(a))) {
		int i;

		if (!strcmp(word, "help")) {
			fputs(usage, stdout);
			return 0;
		}
		i = ARG_MATCH(words, word, "group");
		if (i < 0)
			return i;
		what |= words[i].flag;
	}
	return listen_for(what ? what : QKD_MON_ALL);
}
