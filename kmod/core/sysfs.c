// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/class/qkd/qkdN: what scripts and udev rules ask of a link first. The
 * whole is told over netlink; nothing can be changed here.
 */
#include <linux/sysfs.h>
#include "core.h"

static struct qkd_link *to_link(struct device *dev)
{
	return container_of(dev, struct qkd_link, dev);
}

static ssize_t name_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%s\n", to_link(dev)->name);
}
static DEVICE_ATTR_RO(name);

static ssize_t local_node_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", to_link(dev)->local_node);
}
static DEVICE_ATTR_RO(local_node);

static ssize_t peer_node_show(struct device *dev,
			      struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", to_link(dev)->peer_node);
}
static DEVICE_ATTR_RO(peer_node);

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	static const char * const names[] = {
		[QKD_OPER_STATE_DOWN] = "down",
		[QKD_OPER_STATE_WAITING] = "waiting",
		[QKD_OPER_STATE_STARVED] = "starved",
		[QKD_OPER_STATE_LOW] = "low",
		[QKD_OPER_STATE_UP] = "up",
	};

	return sysfs_emit(buf, "%s\n", names[READ_ONCE(to_link(dev)->oper)]);
}
static DEVICE_ATTR_RO(state);

static ssize_t generation_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	u8 gen[QKD_GENERATION_SIZE];

	if (!qkd_link_generation(to_link(dev), gen))
		return sysfs_emit(buf, "\n");
	return sysfs_emit(buf, "%*phN\n", QKD_GENERATION_SIZE, gen);
}
static DEVICE_ATTR_RO(generation);

static ssize_t pool_size_show(struct device *dev,
			      struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", to_link(dev)->pool.size);
}
static DEVICE_ATTR_RO(pool_size);

static ssize_t tx_available_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	struct qkd_pool_state st;

	qkd_pool_state(to_link(dev), &st);
	return sysfs_emit(buf, "%llu\n", st.tx.available);
}
static DEVICE_ATTR_RO(tx_available);

static ssize_t rx_available_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	struct qkd_pool_state st;

	qkd_pool_state(to_link(dev), &st);
	return sysfs_emit(buf, "%llu\n", st.rx.available);
}
static DEVICE_ATTR_RO(rx_available);

static struct attribute *qkd_attrs[] = {
	&dev_attr_name.attr,
	&dev_attr_local_node.attr,
	&dev_attr_peer_node.attr,
	&dev_attr_state.attr,
	&dev_attr_generation.attr,
	&dev_attr_pool_size.attr,
	&dev_attr_tx_available.attr,
	&dev_attr_rx_available.attr,
	NULL
};

static const struct attribute_group qkd_group = {
	.attrs = qkd_attrs,
};

const struct attribute_group *qkd_sysfs_groups[] = {
	&qkd_group,
	NULL
};
