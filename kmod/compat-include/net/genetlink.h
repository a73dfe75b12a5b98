/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Generic netlink families with split operations on kernels before 6.2.
 *
 * The generated tables list do and dump of a command as two entries. There,
 * struct genl_ops has a place for both, and a command may appear only once:
 * registration merges the entries. It has one policy, too, of all attributes
 * that either takes; each looks at its own. genl_info_dump() came with 6.6.
 */
#ifndef _QKD_COMPAT_NET_GENETLINK_H
#define _QKD_COMPAT_NET_GENETLINK_H

#include_next <net/genetlink.h>

#ifndef HAVE_GENL_SPLIT_OPS
#include <linux/slab.h>

#define genl_split_ops	genl_ops
#define split_ops	ops
#define n_split_ops	n_ops

/* What the policies of all entries take up. */
static inline size_t qkd_compat_genl_policies(const struct genl_family *family)
{
	size_t size = 0;
	u8 i;

	for (i = 0; i < family->n_ops; i++)
		size += (family->ops[i].maxattr + 1) *
			sizeof(*family->ops[i].policy);
	return size;
}

/* Entries' policies made one in @room. Return: the room behind it. */
static inline struct nla_policy *
qkd_compat_genl_join(struct genl_ops *to, const struct genl_ops *from,
		     struct nla_policy *room)
{
	unsigned int i, most = max(to->maxattr, from->maxattr);
	const struct nla_policy *p;

	for (i = 1; i <= most; i++) {
		p = i <= to->maxattr && to->policy[i].type ? to->policy :
							     from->policy;
		/* members are const */
		if (p == to->policy || i <= from->maxattr)
			memcpy(&room[i], &p[i], sizeof(*p));
	}
	to->policy = room;
	to->maxattr = most;
	return room + most + 1;
}

static inline int qkd_compat_genl_register(struct genl_family *family)
{
	const struct genl_ops *from = family->ops;
	size_t size = family->n_ops * sizeof(*from);
	struct nla_policy *room;
	struct genl_ops *to;
	u8 n = 0, i;
	int err;

	/* a join is of two entries, and no larger than both */
	to = kzalloc(size + qkd_compat_genl_policies(family), GFP_KERNEL);
	if (!to)
		return -ENOMEM;
	room = (void *)to + size;
	for (i = 0; i < family->n_ops; i++) {
		if (!n || to[n - 1].cmd != from[i].cmd) {
			to[n++] = from[i];
			continue;
		}
		to[n - 1].start = from[i].start;
		to[n - 1].dumpit = from[i].dumpit;
		to[n - 1].done = from[i].done;
		to[n - 1].flags |= from[i].flags;
		/* a dump without policy is given the other's, and looks at none */
		if (from[i].maxattr)
			room = qkd_compat_genl_join(&to[n - 1], &from[i], room);
	}
	family->ops = to;
	family->n_ops = n;
	err = genl_register_family(family);
	if (err)
		kfree(to);
	return err;
}

static inline int qkd_compat_genl_unregister(struct genl_family *family)
{
	const struct genl_ops *ops = family->ops;
	int err = genl_unregister_family(family);

	kfree(ops);
	return err;
}

#define genl_register_family	qkd_compat_genl_register
#define genl_unregister_family	qkd_compat_genl_unregister
#endif /* HAVE_GENL_SPLIT_OPS */

#ifndef HAVE_GENL_INFO_DUMP
#define genl_info_dump(cb)	genl_dumpit_info(cb)
#endif

#endif /* _QKD_COMPAT_NET_GENETLINK_H */
