// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Alarms: counted for Prometheus, and written to the journal under message IDs
 * that never change (qkd-exporter(8), qkd.catalog).
 *
 * The journal's protocol is one datagram of lines FIELD=VALUE, as
 * systemd's "Native Journal Protocol" has it.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "exporter.h"
#include "tools/common/log.h"

#define JOURNAL	"/run/systemd/journal/socket"
#define ALARMS	9	/* kinds, enum qkd_alarm */
#define LINKS	65536	/* that are counted apart */

/* By enum qkd_alarm. */
static const struct kind {
	const char *message_id;
	int priority;
} kinds[ALARMS] = {
	[QKD_ALARM_STARVED] = { "bae7edd55a01490e93bd87c1db9f4fe6", LOG_ERR },
	[QKD_ALARM_LOW] = { "705eedab88334dd5a0bccdc63a38465a", LOG_WARNING },
	[QKD_ALARM_QBER] = { "631ac4e585ba4147b57e96c17fdfdc39", LOG_ALERT },
	[QKD_ALARM_VERIFY] = { "a7a03879be994b9eae4f386df1aafd39", LOG_ERR },
	[QKD_ALARM_AUTH] = { "b4d1fba1fbec492bb0250a986f649489", LOG_ALERT },
	[QKD_ALARM_PEER] = { "2a8732d7895949ffb61f6026e917bd82", LOG_WARNING },
	[QKD_ALARM_DRIVER] = { "340e8c8a1f0847d7bdbdb0e40e6dafa3", LOG_ERR },
	[QKD_ALARM_GENERATION] = { "26e80ba330324061b8531ca605fa3ef0",
				   LOG_NOTICE },
	[QKD_ALARM_TUNNEL] = { "d8e774e3993d44738068b3e7d937338a", LOG_ERR },
};

/* How often a link raised each. */
struct tally {
	LIST_ENTRY(tally) entry;
	uint64_t n[ALARMS];
	char link[];
};

static LIST_HEAD(, tally) tallies = LIST_HEAD_INITIALIZER(tallies);
static unsigned int tally_count;

static struct tally *tally_of(const char *link)
{
	struct tally *t;

	LIST_FOREACH(t, &tallies, entry)
		if (!strcmp(t->link, link))
			return t;
	if (tally_count == LINKS)
		return NULL;
	t = calloc(1, sizeof(*t) + strlen(link) + 1);
	if (!t)
		return NULL;
	strcpy(t->link, link);
	LIST_INSERT_HEAD(&tallies, t, entry);
	tally_count++;
	return t;
}

static bool tell_journal(const struct qkd_link *l, const struct kind *k)
{
	struct sockaddr_un addr = {
		.sun_family = AF_UNIX,
		.sun_path = JOURNAL,
	};
	char text[2048];
	int fd, len;
	bool told;

	len = snprintf(text, sizeof(text),
		       "MESSAGE=%s: %s\nMESSAGE_ID=%s\nPRIORITY=%d\n"
		       "SYSLOG_IDENTIFIER=qkd\nQKD_LINK=%s\nQKD_ALARM=%s\n",
		       l->name, l->text, k->message_id, k->priority, l->name,
		       qkd_alarm_name(l->alarm));
	if (len < 0 || (size_t)len >= sizeof(text))
		return false;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	told = sendto(fd, text, len, MSG_NOSIGNAL, (struct sockaddr *)&addr,
		      sizeof(addr)) == len;
	close(fd);
	return told;
}

void alarm_heard(const struct qkd_link *l)
{
	struct tally *t;

	if ((unsigned int)l->alarm >= ALARMS)
		return;
	t = tally_of(l->name);
	if (t)
		t->n[l->alarm]++;
	/* a text of several lines would be fields of its own choosing */
	if (strchr(l->text, '\n') || !tell_journal(l, &kinds[l->alarm]))
		log_line(LOG_LEVEL_WARN, l->name, "%s: %s",
			 qkd_alarm_name(l->alarm), l->text);
}

int page_alarms(struct evbuffer *out)
{
	struct metric m = { "alarms_total", "counter",
			    "Alarms heard since the exporter started.", NULL };
	const struct tally *t;

	if (metrics_begin(&m, 1))
		return -ENOMEM;
	LIST_FOREACH(t, &tallies, entry)
		for (int a = 0; a < ALARMS; a++)
			metric_put(&m, LABELS({ "link", t->link },
					      { "alarm", qkd_alarm_name(a) }),
				   t->n[a]);
	metrics_end(&m, 1, out);
	return 0;
}
