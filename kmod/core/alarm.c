// SPDX-License-Identifier: GPL-2.0
/*
 * Alarms: raised in any context, rate limited, told from a work item. What
 * the daemon itself reports as an alarm is told at once by netlink.c.
 */
#include <linux/slab.h>
#include "core.h"

#define QKD_ALARM_INTERVAL	HZ	/* for each link and code */

struct qkd_alarm_note {
	struct llist_node node;
	u32 code;
	char text[QKD_REASON_MAX + 1];
};

/* Whether a code may be raised now; tells how many were not since. */
static bool alarm_due(struct qkd_link *link, u32 code, u32 *missed)
{
	bool due;

	spin_lock_bh(&link->alarm_lock);
	due = time_after_eq(jiffies, link->alarm_next[code]);
	if (due) {
		link->alarm_next[code] = jiffies + QKD_ALARM_INTERVAL;
		*missed = link->alarm_missed[code];
		link->alarm_missed[code] = 0;
	} else {
		link->alarm_missed[code]++;
	}
	spin_unlock_bh(&link->alarm_lock);
	return due;
}

void qkd_link_alarm(struct qkd_link *link, enum qkd_alarm code,
		    const char *fmt, ...)
{
	struct qkd_alarm_note *note;
	u32 missed;
	va_list ap;
	int n;

	if (WARN_ON_ONCE(code >= QKD_ALARM_CODES) ||
	    !alarm_due(link, code, &missed))
		return;
	note = kmalloc(sizeof(*note), GFP_ATOMIC);
	if (!note)
		return;
	note->code = code;
	va_start(ap, fmt);
	n = vscnprintf(note->text, sizeof(note->text), fmt, ap);
	va_end(ap);
	if (missed)
		scnprintf(note->text + n, sizeof(note->text) - n,
			  " (%u more before)", missed);
	llist_add(&note->node, &link->alarms);
	qkd_link_queue(link, &link->event_work);
}
EXPORT_SYMBOL_GPL(qkd_link_alarm);

/**
 * qkd_alarm_init - no alarm yet
 * @link: new
 */
void qkd_alarm_init(struct qkd_link *link)
{
	unsigned int i;

	init_llist_head(&link->alarms);
	spin_lock_init(&link->alarm_lock);
	for (i = 0; i < QKD_ALARM_CODES; i++)
		link->alarm_next[i] = jiffies;
}

/**
 * qkd_alarm_send - tell the alarms raised so far
 * @link: not deleted
 *
 * Context: may sleep.
 */
void qkd_alarm_send(struct qkd_link *link)
{
	struct qkd_alarm_note *note, *next;
	struct llist_node *list;

	list = llist_reverse_order(llist_del_all(&link->alarms));
	llist_for_each_entry_safe(note, next, list, node) {
		qkd_nl_notify_alarm(link, note->code, note->text);
		kfree(note);
	}
}

/**
 * qkd_alarm_free - forget alarms that were not told
 * @link: that nobody holds any more
 */
void qkd_alarm_free(struct qkd_link *link)
{
	struct qkd_alarm_note *note, *next;

	llist_for_each_entry_safe(note, next, llist_del_all(&link->alarms),
				  node)
		kfree(note);
}
