/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A path: the IDs of the nodes from origin to target, as text, as bytes.
 */
#ifndef _RELAY_PATH_H
#define _RELAY_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/qkd.h>

#define PATH_NODES	8
#define PATH_BYTES	(PATH_NODES * (1 + QKD_NODE_MAX))	/* at most */

struct wire;

/**
 * struct path - nodes, both ends included
 * @nodes: 2 to PATH_NODES
 * @node: IDs; none twice
 */
struct path {
	unsigned int nodes;
	char node[PATH_NODES][QKD_NODE_MAX + 1];
};

/* An ID, a byte of length before it; @out has 1 + QKD_NODE_MAX bytes. */
size_t path_put_id(uint8_t *out, const char *id);
/* False: none that a node can have. */
bool path_get_id(struct wire *w, char id[QKD_NODE_MAX + 1]);

/* Bytes written, at most PATH_BYTES. */
size_t path_put(uint8_t *out, const struct path *p);
/* False: not @nodes good IDs, or one is there twice. */
bool path_get(struct wire *w, unsigned int nodes, struct path *p);

/*
 * "clinic/lab,institute": two paths from @from to @to, with "/" between the
 * nodes of one. How many, or -EINVAL with @err.
 */
int path_parse(const char *text, const char *from, const char *to,
	       struct path *paths, unsigned int max, char *err, size_t room);
/* Of the nodes between the ends, for messages: "clinic/lab", or "direct". */
const char *path_text(const struct path *p, char *buf, size_t room);
/* They have an inner node in common. */
bool path_meet(const struct path *a, const struct path *b);

#endif /* _RELAY_PATH_H */
