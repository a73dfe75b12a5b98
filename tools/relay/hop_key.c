// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The key of a hop's link.
 *
 * Its device is opened when key is needed first, and again when the link was
 * made anew.
 */
#include <errno.h>

#include "hop_priv.h"

#define LABEL	"relay"		/* consumer of the hops' key */

void hop_key_close(struct hop *hop)
{
	qkd_dev_close(hop->dev);
	hop->dev = NULL;
}

int hop_key_open(struct hop *hop)
{
	int ret;

	if (hop->dev)
		return 0;
	ret = qkd_dev_open(&hop->dev, NULL, NULL, hop->index, true);
	if (ret)
		return ret;
	ret = qkd_dev_label(hop->dev, LABEL);
	if (ret)
		hop_key_close(hop);
	return ret;
}

/* The link may have been made anew. */
static void dev_failed(struct hop *hop, int err)
{
	if (err == -ENODEV)
		hop_key_close(hop);
}

int hop_key_get(struct hop *hop, size_t len, struct qkd_key_id *id)
{
	int ret = hop_key_open(hop);

	if (!ret)
		ret = qkd_dev_get(hop->dev, hop->hops->key, len, id);
	dev_failed(hop, ret);
	return ret;
}

int hop_key_take(struct hop *hop, const struct qkd_key_id *id, size_t room)
{
	int ret = hop_key_open(hop);

	if (!ret)
		ret = qkd_dev_take(hop->dev, id, hop->hops->key, room);
	dev_failed(hop, ret);
	return ret;
}
