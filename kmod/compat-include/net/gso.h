/* SPDX-License-Identifier: GPL-2.0 */
/* Software segmentation had no header of its own before 6.5. */
#ifndef _QKD_COMPAT_NET_GSO_H
#define _QKD_COMPAT_NET_GSO_H

#ifdef HAVE_NET_GSO
#include_next <net/gso.h>
#else
#include <linux/netdevice.h>
#endif

#endif /* _QKD_COMPAT_NET_GSO_H */
