// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a link's owner is told: why there is no key, alarms, rates.
 */
#include <stdio.h>
#include <string.h>

#include "session_priv.h"
#include "tools/common/clock.h"
#include "tools/common/log.h"

#define SAME_ALARM	10.0	/* s in which it is not repeated */

static void say_reason(struct session *s)
{
	const char *text = s->apart[0] ? s->apart : s->flow;

	if (s->said_any && !strcmp(text, s->said))
		return;
	snprintf(s->said, sizeof(s->said), "%s", text);
	s->said_any = true;
	s->ops->reason(s->ctx, text);
}

void say_apart(struct session *s, const char *text)
{
	snprintf(s->apart, sizeof(s->apart), "%s", text);
	say_reason(s);
}

void say_flow(void *ctx, const char *text)
{
	struct session *s = ctx;

	snprintf(s->flow, sizeof(s->flow), "%s", text ? text : "");
	say_reason(s);
}

void say_alarm(void *ctx, enum qkd_alarm alarm, const char *text)
{
	struct session *s = ctx;
	double t = clock_now();

	if (alarm >= ALARMS)
		return;
	if (s->alarm_at[alarm] && t - s->alarm_at[alarm] < SAME_ALARM &&
	    !strncmp(text, s->alarm_text[alarm],
		     sizeof(s->alarm_text[alarm]) - 1))
		return;
	s->alarm_at[alarm] = t;
	snprintf(s->alarm_text[alarm], sizeof(s->alarm_text[alarm]), "%s",
		 text);
	log_line(LOG_LEVEL_WARN, s->link, "%s", text);
	s->ops->alarm(s->ctx, alarm, text);
}

void say_rates(struct session *s)
{
	const struct keyflow_stats *k = s->keyflow ?
					keyflow_stats(s->keyflow) : NULL;
	const struct chain_stats *c = s->chain ? chain_stats(s->chain) : NULL;
	struct sample *first = &s->sample[0], *last;
	struct session_rates r = { .auth = s->auth_errors };
	double dt;

	if (s->samples == WINDOW + 1)
		memmove(s->sample, s->sample + 1, sizeof(*first) * WINDOW);
	else
		s->samples++;
	last = &s->sample[s->samples - 1];
	memset(last, 0, sizeof(*last));
	last->at = clock_now();
	if (s->deliver)
		last->delivered = 8 * deliver_pooled(s->deliver);
	if (c) {
		last->raw = c->detections;
		last->sifted = c->sifted;
		r.qber_ppm = c->qber_ppm;
		r.efficiency_ppm = c->efficiency_ppm;
		r.blocks = c->blocks;
		r.discarded = c->discarded;
		r.verify = c->verify;
		r.qber = c->qber;
	}
	if (k) {
		r.blocks = k->blocks;
		r.discarded = k->discarded;
		r.verify = k->verify;
	}
	dt = last->at - first->at;
	if (dt > 0 && last->raw >= first->raw &&
	    last->delivered >= first->delivered) {
		r.raw_bps = (last->raw - first->raw) / dt;
		r.sifted_bps = (last->sifted - first->sifted) / dt;
		r.secret_bps = (last->delivered - first->delivered) / dt;
	}
	if (memcmp(&r, &s->rates, sizeof(r))) {
		s->rates = r;
		s->ops->rates(s->ctx, &r);
	}
}
