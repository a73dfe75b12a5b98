/* SPDX-License-Identifier: GPL-2.0 */
/*
 * xfrm_init_state() tells why since 6.18 or so, and SAs have a direction since
 * 6.10: an outbound one then has no replay window. Since 6.13, and in stable
 * kernels before, they may be a CPU's own.
 */
#ifndef _QKD_COMPAT_NET_XFRM_H
#define _QKD_COMPAT_NET_XFRM_H

#include_next <net/xfrm.h>

#ifndef HAVE_XFRM_INIT_EXTACK
#define xfrm_init_state(x, extack)	((void)(extack), xfrm_init_state(x))
#endif

#ifdef HAVE_XFRM_PCPU
#define qx_xfrm_find_acq(net, mark, mode, reqid, if_id, ...) \
	xfrm_find_acq(net, mark, mode, reqid, if_id, UINT_MAX, __VA_ARGS__)
#else
#define qx_xfrm_find_acq	xfrm_find_acq
#endif

#ifdef HAVE_XFRM_DIR
#define qx_xfrm_has_dir	true

static inline void qx_xfrm_set_dir(struct xfrm_state *x, bool out)
{
	x->dir = out ? XFRM_SA_DIR_OUT : XFRM_SA_DIR_IN;
}
#else
#define qx_xfrm_has_dir	false

static inline void qx_xfrm_set_dir(struct xfrm_state *x, bool out)
{
}
#endif

#endif /* _QKD_COMPAT_NET_XFRM_H */
