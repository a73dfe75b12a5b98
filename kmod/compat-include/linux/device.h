/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Callbacks of classes and device types take a const device since 6.2, those
 * of classes a const class since 6.4; a class of 7.2 names a device's namespace
 * by its ns_common.
 */
#ifndef _QKD_COMPAT_LINUX_DEVICE_H
#define _QKD_COMPAT_LINUX_DEVICE_H

#include_next <linux/device.h>

#ifdef HAVE_CONST_DEVNODE
#define qkd_const_device const struct device
#else
#define qkd_const_device struct device
#endif

#ifdef HAVE_CONST_CLASS
#define qkd_const_class const struct class
#else
#define qkd_const_class struct class
#endif

#ifdef HAVE_CLASS_NS_COMMON
#define qkd_class_ns const struct ns_common
#define qkd_class_ns_of(net) (&(net)->ns)
#else
#define qkd_class_ns const void
#define qkd_class_ns_of(net) (net)
#endif

#endif /* _QKD_COMPAT_LINUX_DEVICE_H */
