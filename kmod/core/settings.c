// SPDX-License-Identifier: GPL-2.0
/*
 * Settings of a link: what an administrator may ask for, and what follows.
 */
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>
#include "core.h"

static unsigned int max_pool_size = QKD_POOL_MAX;
module_param(max_pool_size, uint, 0644);
MODULE_PARM_DESC(max_pool_size, "bytes of each of a pool's two rings, at most");

static unsigned int userns_max_pool_size = SZ_1M;
module_param(userns_max_pool_size, uint, 0644);
MODULE_PARM_DESC(userns_max_pool_size,
		 "max_pool_size in a network namespace owned by another user namespace");

static unsigned int pool_size = QKD_POOL_DEFAULT;
module_param(pool_size, uint, 0644);
MODULE_PARM_DESC(pool_size, "bytes of each ring where a link does not say");

/* Words that name things: visible, no blanks, no slash. */
static bool is_word(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	for (; *p; p++)
		if (*p <= ' ' || *p == '/' || *p == 0x7f)
			return false;
	return *s;
}

/**
 * qkd_check_words - whether a link can be called so
 * @set: name and node IDs are given
 * @extack: says what to mend
 *
 * Return: 0 or -EINVAL.
 */
int qkd_check_words(const struct qkd_settings *set,
		    struct netlink_ext_ack *extack)
{
	if (!is_word(set->name)) {
		NL_SET_ERR_MSG(extack, "name must be visible, without blanks or slashes");
		return -EINVAL;
	}
	if (!is_word(set->local_node) || !is_word(set->peer_node)) {
		NL_SET_ERR_MSG(extack, "a node ID must be visible, without blanks or slashes");
		return -EINVAL;
	}
	if (!strcmp(set->local_node, set->peer_node)) {
		NL_SET_ERR_MSG(extack, "peer-node must differ from local-node");
		return -EINVAL;
	}
	return 0;
}

/**
 * qkd_check_size - how large a new link's rings will be
 * @net: its namespace
 * @set: what is wanted
 * @extack: says what to mend
 *
 * Return: bytes of each ring, or -EINVAL.
 */
int qkd_check_size(const struct net *net, const struct qkd_settings *set,
		   struct netlink_ext_ack *extack)
{
	u32 size = set->has_pool_size ? set->pool_size : READ_ONCE(pool_size);
	u32 most = READ_ONCE(max_pool_size);

	if (net->user_ns != &init_user_ns)
		most = min(most, READ_ONCE(userns_max_pool_size));
	if (!is_power_of_2(size) || size < QKD_POOL_MIN ||
	    size > QKD_POOL_MAX) {
		NL_SET_ERR_MSG(extack, "pool-size must be a power of two from 4096 to 1073741824");
		return -EINVAL;
	}
	if (size > most) {
		NL_SET_ERR_MSG(extack, "pool-size is above the module's limit (parameters max_pool_size)");
		return -EINVAL;
	}
	return size;
}

static int check_marks(u32 low, u32 high, u32 size,
		       struct netlink_ext_ack *extack)
{
	if (low > high) {
		NL_SET_ERR_MSG(extack, "low-watermark must not be above high-watermark");
		return -EINVAL;
	}
	if (high > size) {
		NL_SET_ERR_MSG(extack, "high-watermark must not be above pool-size");
		return -EINVAL;
	}
	return 0;
}

/* The rest of what link-set can change; nothing of it fails. */
static void set_info(struct qkd_link *link, const struct qkd_settings *set,
		     char *config)
{
	mutex_lock(&link->info_mutex);
	if (set->driver)
		strscpy(link->driver, set->driver, sizeof(link->driver));
	if (set->config) {
		kfree(link->config);
		link->config = config;
	}
	if (set->has_low)
		WRITE_ONCE(link->low, set->low);
	if (set->has_high)
		WRITE_ONCE(link->high, set->high);
	if (set->has_peer_port)
		WRITE_ONCE(link->peer_port, set->peer_port);
	mutex_unlock(&link->info_mutex);
	if (set->has_grace)
		WRITE_ONCE(link->pool.grace_ms, set->grace_ms);
	if (set->has_admin)
		WRITE_ONCE(link->admin_up, set->admin == QKD_ADMIN_STATE_UP);
}

/**
 * qkd_settings_apply - change what can be changed of a link
 * @link: with qkd_conf_mutex held
 * @set: what is to change
 * @extack: says what to mend
 *
 * Context: may sleep. Return: 0 or an error, and then nothing changed.
 */
int qkd_settings_apply(struct qkd_link *link, const struct qkd_settings *set,
		       struct netlink_ext_ack *extack)
{
	char *config = NULL;
	int err;

	lockdep_assert_held(&qkd_conf_mutex);
	err = check_marks(set->has_low ? set->low : link->low,
			  set->has_high ? set->high : link->high,
			  link->pool.size, extack);
	if (err)
		return err;
	if (set->has_peer_port && !set->peer_port) {
		NL_SET_ERR_MSG(extack, "peer-port must not be 0");
		return -EINVAL;
	}
	if (set->config && *set->config) {
		config = kstrdup(set->config, GFP_KERNEL_ACCOUNT);
		if (!config)
			return -ENOMEM;
	}
	err = qkd_ends_set(link, set, extack);
	if (err) {
		kfree(config);
		return err;
	}
	set_info(link, set, config);
	return 0;
}
