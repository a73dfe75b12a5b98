# SPDX-License-Identifier: GPL-2.0
#
# What this kernel's headers offer, as -DHAVE_... in compat-flags. Headers are
# asked, not the version: stable kernels backport interfaces. To add one:
#   $(call have,HEADER,EXTENDED REGEXP OF ONE LINE,NAME)

compat-dir := $(or $(abs_srctree),$(srctree))/include
have = $(if $(shell grep -qsE $(2) $(compat-dir)/$(1) && echo y),-DHAVE_$(3))

compat-flags := \
	$(call have,net/genetlink.h,'^struct genl_split_ops',GENL_SPLIT_OPS) \
	$(call have,net/genetlink.h,'genl_info_dump',GENL_INFO_DUMP) \
	$(call have,net/rtnetlink.h,'struct rtnl_newlink_params',NEWLINK_PARAMS) \
	$(call have,net/udp_tunnel.h,'setup_udp_tunnel_sock.struct net .net. struct sock .',UDP_TUNNEL_SK) \
	$(call have,net/udp_tunnel.h,'u16 ipcb_flags',UDP_TUNNEL_IPCB) \
	$(call have,net/gso.h,'skb_gso_segment',NET_GSO) \
	$(call have,net/ipv6_stubs.h,'^struct ipv6_stub',IPV6_STUB) \
	$(call have,net/xfrm.h,'xfrm_init_state.struct xfrm_state .x. struct netlink_ext_ack',XFRM_INIT_EXTACK) \
	$(call have,net/xfrm.h,'xfrm_find_acq_byseq..*pcpu_num',XFRM_PCPU) \
	$(call have,net/xfrm.h,'verify_spi_info..*extack',XFRM_SPI_EXTACK) \
	$(call have,uapi/linux/xfrm.h,'XFRM_SA_DIR_OUT',XFRM_DIR) \
	$(call have,linux/netdevice.h,'netns_immutable:1',NETNS_IMMUTABLE) \
	$(call have,linux/netdevice.h,'[[:space:]]lltx:1',LLTX) \
	$(call have,linux/netdevice.h,'pcpu_stat_type:8',PCPU_STAT_TYPE) \
	$(call have,linux/device/class.h,'class_release..const struct class',CONST_CLASS) \
	$(call have,linux/device.h,'.devnode..const struct device',CONST_DEVNODE) \
	$(call have,linux/device/class.h,'const struct ns_common ...namespace',CLASS_NS_COMMON) \
	$(call have,linux/timer.h,'timer_container_of',TIMER_CONTAINER_OF) \
	$(call have,linux/timer.h,'timer_delete_sync',TIMER_DELETE_SYNC) \
	$(call have,linux/slab.h,'define kzalloc_obj',KZALLOC_OBJ) \
	$(call have,linux/cleanup.h,'define DEFINE_FREE',CLEANUP)
