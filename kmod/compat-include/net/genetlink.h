/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Generic netlink families with split operations on kernels before 6.2.
 *
 * The generated tables list do and dump of a command as two entries. There,
 * struct genl_ops has a place for both, and a command may appear only once:
 * registration merges the entries. genl_info_dump() came with 6.6.
 */
#ifndef _QKD_COMPAT_NET_GENETLINK_H
#define _QKD_COMPAT_NET_GENETLINK_H

#include_next <net/genetlink.h>

#ifndef HAVE_GENL_SPLIT_OPS
#include <linux/slab.h>

#define genl_split_ops	genl_ops
#define split_ops	ops
#define n_split_ops	n_ops

static inline int qkd_compat_genl_register(struct genl_family *family)
{
	const struct genl_ops *from = family->ops;
	struct genl_ops *to;
	u8 n = 0, i;
	int err;

	to = kcalloc(family->n_ops, sizeof(*to), GFP_KERNEL);
	if (!to)
		return -ENOMEM;
	for (i = 0; i < family->n_ops; i++) {
		if (!n || to[n - 1].cmd != from[i].cmd) {
			to[n++] = from[i];
			continue;
		}
		to[n - 1].start = from[i].start;
		to[n - 1].dumpit = from[i].dumpit;
		to[n - 1].done = from[i].done;
		to[n - 1].flags |= from[i].flags;
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
