/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where finished key goes: a link's device, or what stands for it in tests.
 *
 * The calls are those of <linux/qkd_dev.h>, with their semantics and errors.
 */
#ifndef _QKDD_SINK_H
#define _QKDD_SINK_H

#include <stdint.h>

#include <linux/qkd_dev.h>

struct qkd_dev;

struct sink_ops {
	int (*state)(void *ctx, struct qkd_state *state);
	int (*start)(void *ctx, const uint8_t generation[QKD_GENERATION_SIZE]);
	int (*feed)(void *ctx, const struct qkd_feed *head, const void *block);
	int (*confirm)(void *ctx, const struct qkd_confirm *confirm);
};

struct sink {
	const struct sink_ops *ops;
	void *ctx;
};

/* A sink on libqkd's device; its ctx is the struct qkd_dev. */
extern const struct sink_ops sink_dev_ops;

#endif /* _QKDD_SINK_H */
