// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Feeds a link's device through libqkd.
 */
#include <qkd/qkd.h>

#include "sink.h"

static int dev_state(void *ctx, struct qkd_state *state)
{
	return qkd_dev_state(ctx, state);
}

static int dev_start(void *ctx, const uint8_t generation[QKD_GENERATION_SIZE])
{
	return qkd_dev_start(ctx, generation);
}

static int dev_feed(void *ctx, const struct qkd_feed *head, const void *block)
{
	return qkd_dev_feed(ctx, head, block);
}

static int dev_confirm(void *ctx, const struct qkd_confirm *confirm)
{
	return qkd_dev_confirm(ctx, confirm);
}

const struct sink_ops sink_dev_ops = {
	.state = dev_state,
	.start = dev_start,
	.feed = dev_feed,
	.confirm = dev_confirm,
};
