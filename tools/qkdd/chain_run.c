// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a device's run is: whether key may be made of it at all, which analysis
 * its intensities ask for, and that both ends speak of the same one.
 *
 * Alice tells Bob in RUN, as she is the one who knows what she prepares.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "chain_priv.h"
#include "messages.h"
#include "tools/common/wire.h"

#define RUN_HEAD	(RAW_RUN_SIZE + 16)	/* run, slots_hz, intensities, 0 */

/*
 * Takes intensities into the protocol, none of entangled pairs; NULL or what
 * is wrong with them.
 */
static const char *protocol_set(struct chain *c, unsigned int count,
				const double *mu, const double *p)
{
	struct post_protocol pr = {
		.eps_sec = c->conf.eps_sec,
		.eps_cor = c->conf.eps_cor,
	};

	if (count == 1)
		return "one intensity: without decoys nothing is known of single photons";
	if (count > POST_INTENSITIES)
		return "the device has more intensities than are understood";
	if (count) {
		memcpy(pr.mu, mu, count * sizeof(*mu));
		memcpy(pr.p, p, count * sizeof(*p));
	}
	pr.method = count == 3 ? POST_LIM2014 : count == 2 ? POST_RUSCA2018 :
		    POST_BBM92;
	if ((!strcmp(c->conf.method, "lim2014") && count != 3) ||
	    (!strcmp(c->conf.method, "rusca2018") && count != 2) ||
	    (!strcmp(c->conf.method, "bbm92") && count))
		return "the method configured does not fit the device's intensities";
	c->intensities = count ? count : 1;
	c->proto = pr;
	return post_protocol_check(&pr);
}

void run_say(struct chain *c, uint64_t slots_hz)
{
	uint8_t buf[RUN_HEAD + POST_INTENSITIES * 16] = { 0 };
	unsigned int i, count = c->pairs ? 0 : c->intensities;
	uint64_t v;

	memcpy(buf, c->run, RAW_RUN_SIZE);
	wire_put64(buf + RAW_RUN_SIZE, slots_hz);
	wire_put32(buf + RAW_RUN_SIZE + 8, count);
	for (i = 0; i < count; i++) {
		memcpy(&v, &c->proto.mu[i], sizeof(v));
		wire_put64(buf + RUN_HEAD + 16 * i, v);
		memcpy(&v, &c->proto.p[i], sizeof(v));
		wire_put64(buf + RUN_HEAD + 16 * i + 8, v);
	}
	c->ops->send(c->ctx, MSG_RUN, 0, buf, RUN_HEAD + 16 * count, NULL, 0);
}

static void run_compare(struct chain *c)
{
	c->run_agreed = c->run_known && c->peer_run_known &&
			c->pairs == c->peer_pairs &&
			!memcmp(c->run, c->peer_run, RAW_RUN_SIZE);
	if (c->conf.recorded && c->run_known && c->peer_run_known &&
	    !c->run_agreed)
		c->ops->reason(c->ctx, "the two ends' recordings are of different runs");
}

/* What a device tells of itself that forbids to make key of it, or NULL. */
static const char *header_wrong(struct chain *c, const struct raw_header *h)
{
	bool alice = c->role == QKD_ROLE_ALICE, resampled, three;
	char v[16];

	if (h->kind != (alice ? RAW_PREPARED : RAW_DETECTED) &&
	    h->kind != RAW_TAGS)
		return "the device is of the other role";
	if (!raw_header_word(h, "seeded", v, sizeof(v)))
		return "the device repeats a known sequence: it is for tests";
	if (!raw_header_word(h, "basis", v, sizeof(v)) && !strcmp(v, "none"))
		return "the recording does not tell Bob's bases: no key can come of it";
	resampled = !raw_header_word(h, "resampled", v, sizeof(v));
	if (resampled && !c->conf.resampled)
		return "detections drawn by a recording's statistics: to try (resampled=yes)";
	three = !raw_header_word(h, "states", v, sizeof(v)) && strcmp(v, "4");
	if (three && c->conf.states > 3)
		return "three states: no analysis here is for them (to try: states=3)";
	snprintf(c->assumes, sizeof(c->assumes), "%s%s%s",
		 resampled ? "resampled" : "", resampled && three ? "," : "",
		 three ? "fourth-state" : "");
	return NULL;
}

/* Alice's intensities, or that she has none. */
static const char *header_intensities(struct chain *c,
				      const struct raw_header *h)
{
	double mu[RAW_INTENSITIES], p[RAW_INTENSITIES];
	int n, m;

	if (h->kind == RAW_TAGS)
		return protocol_set(c, 0, NULL, NULL);
	n = raw_header_numbers(h, "intensities", mu, RAW_INTENSITIES);
	m = raw_header_numbers(h, "probabilities", p, RAW_INTENSITIES);
	if (n <= 0 || n != m)
		return "the device does not tell its intensities";
	return protocol_set(c, n, mu, p);
}

void run_told(struct chain *c, const struct raw_header *h)
{
	const char *wrong;

	alice_forget_events(c);
	alice_forget_told(c);
	/* what was asked is still answered, and counts at both ends */
	bob_drop_filling(c);
	c->ev_end = 0;
	c->heard_end = 0;
	c->heard_any = false;
	c->run_known = false;
	memcpy(c->run, h->run, RAW_RUN_SIZE);
	c->pairs = h->kind == RAW_TAGS;
	pairs_run(c, h);
	wrong = header_wrong(c, h);
	if (!wrong && c->role == QKD_ROLE_ALICE)
		wrong = header_intensities(c, h);
	if (wrong) {
		c->ops->alarm(c->ctx, QKD_ALARM_DRIVER, wrong);
		c->ops->reason(c->ctx, wrong);
		return;
	}
	c->run_known = true;
	if (c->started && c->role == QKD_ROLE_ALICE)
		run_say(c, h->slots_hz);
	run_compare(c);
}

int run_message(struct chain *c, const uint8_t *data, size_t len)
{
	struct wire w = { .p = data, .len = len };
	double mu[POST_INTENSITIES], p[POST_INTENSITIES];
	const char *wrong;
	uint32_t count, i;
	uint64_t v;

	if (c->role != QKD_ROLE_BOB)
		return -EBADMSG;
	wire_copy(&w, c->peer_run, RAW_RUN_SIZE);
	wire_u64(&w);
	count = wire_u32(&w);
	wire_u32(&w);
	if (count > POST_INTENSITIES)
		return -EBADMSG;
	for (i = 0; i < count; i++) {
		v = wire_u64(&w);
		memcpy(&mu[i], &v, sizeof(v));
		v = wire_u64(&w);
		memcpy(&p[i], &v, sizeof(v));
	}
	if (!wire_done(&w))
		return -EBADMSG;
	wrong = protocol_set(c, count, mu, p);
	if (wrong) {
		c->ops->alarm(c->ctx, QKD_ALARM_DRIVER, wrong);
		c->ops->reason(c->ctx, wrong);
		return 0;
	}
	c->peer_run_known = true;
	c->peer_pairs = !count;
	run_compare(c);
	return 0;
}
