// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which of the kernel's links are hops, and at which addresses.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hop_priv.h"

static bool address(struct hop *hop, const struct qkd_link *l)
{
	struct sockaddr_in *l4 = (void *)&hop->local, *p4 = (void *)&hop->peer;
	struct sockaddr_in6 *l6 = (void *)l4, *p6 = (void *)p4;

	memset(&hop->local, 0, sizeof(hop->local));
	memset(&hop->peer, 0, sizeof(hop->peer));
	if (l->have & QKD_BIT(QKD_A_LINK_PEER4)) {
		p4->sin_family = AF_INET;
		p4->sin_addr = l->peer4;
		p4->sin_port = htons(hop->hops->conf->port);
		if (l->have & QKD_BIT(QKD_A_LINK_LOCAL4)) {
			l4->sin_family = AF_INET;
			l4->sin_addr = l->local4;
		}
		return true;
	}
	if (!(l->have & QKD_BIT(QKD_A_LINK_PEER6)))
		return false;
	p6->sin6_family = AF_INET6;
	p6->sin6_addr = l->peer6;
	p6->sin6_port = htons(hop->hops->conf->port);
	if (l->have & QKD_BIT(QKD_A_LINK_LOCAL6)) {
		l6->sin6_family = AF_INET6;
		l6->sin6_addr = l->local6;
	}
	return true;
}

void hop_free(struct hop *hop)
{
	LIST_REMOVE(hop, entry);
	if (hop->out)
		hop_conn_free(hop->out);
	if (hop->in)
		hop_conn_free(hop->in);
	hop_queue_free(hop);
	hop_key_close(hop);
	free(hop);
}

static int hop_add(struct hops *h, const struct qkd_link *l)
{
	struct hop *hop = calloc(1, sizeof(*hop));

	if (!hop)
		return 0;
	hop->hops = h;
	snprintf(hop->link, sizeof(hop->link), "%s", l->name);
	snprintf(hop->local_node, sizeof(hop->local_node), "%s",
		 l->local_node);
	snprintf(hop->peer_node, sizeof(hop->peer_node), "%s", l->peer_node);
	hop->index = l->index;
	hop->hello = -1;
	hop->seen = true;
	if (!address(hop, l) || hop_queue_init(hop)) {
		free(hop);
		return 0;
	}
	LIST_INSERT_HEAD(&h->list, hop, entry);
	return 0;
}

static bool is_same(const struct hop *hop, const struct qkd_link *l)
{
	struct hop other = { .hops = hop->hops };

	return address(&other, l) && hop->index == l->index &&
	       !strcmp(hop->link, l->name) &&
	       !strcmp(hop->local_node, l->local_node) &&
	       !strcmp(hop->peer_node, l->peer_node) &&
	       !memcmp(&hop->peer, &other.peer, sizeof(other.peer)) &&
	       !memcmp(&hop->local, &other.local, sizeof(other.local));
}

static int on_link(const struct qkd_link *l, void *arg)
{
	struct hops *h = arg;
	struct hop *hop;

	if (!conf_is_hop(h->conf, l->name, l->driver) || !*l->local_node ||
	    !*l->peer_node)
		return 0;
	LIST_FOREACH(hop, &h->list, entry) {
		if (is_same(hop, l)) {
			hop->seen = true;
			return 0;
		}
	}
	return hop_add(h, l);
}

void hop_links_look(struct hops *h)
{
	struct hop *hop, *next;

	LIST_FOREACH(hop, &h->list, entry)
		hop->seen = false;
	/* not loaded, or not now: what there was stays until it fails */
	if ((!h->nl && qkd_nl_open(&h->nl, NULL)) ||
	    qkd_link_each(h->nl, on_link, h))
		return;
	for (hop = LIST_FIRST(&h->list); hop; hop = next) {
		next = LIST_NEXT(hop, entry);
		if (!hop->seen)
			hop_free(hop);
	}
}
