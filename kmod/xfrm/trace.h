/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints of tunnels: names, IDs and numbers, never key.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM qkd_xfrm

#if !defined(_QX_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _QX_TRACE_H

#include <linux/tracepoint.h>

#include "tunnel.h"

#define qx_show_state(state)						\
	__print_symbolic(state,						\
			 { QKD_XFRM_STATE_IDLE, "idle" },		\
			 { QKD_XFRM_STATE_WAIT_KEY, "wait-key" },	\
			 { QKD_XFRM_STATE_OFFERED, "offered" },		\
			 { QKD_XFRM_STATE_LIVE, "live" },		\
			 { QKD_XFRM_STATE_OVERLAP, "overlap" })

TRACE_EVENT(qkd_xfrm_state,
	TP_PROTO(const struct qx_tunnel *t, u32 from, u32 to),
	TP_ARGS(t, from, to),
	TP_STRUCT__entry(
		__array(char, name, QX_NAME_SIZE)
		__field(u32, from)
		__field(u32, to)
	),
	TP_fast_assign(
		memcpy(__entry->name, t->conf.name, QX_NAME_SIZE);
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk("tunnel=%s %s -> %s", __entry->name,
		  qx_show_state(__entry->from), qx_show_state(__entry->to))
);

TRACE_EVENT(qkd_xfrm_offer,
	TP_PROTO(const struct qx_tunnel *t, u64 offset, u32 tries),
	TP_ARGS(t, offset, tries),
	TP_STRUCT__entry(
		__array(char, name, QX_NAME_SIZE)
		__field(u64, offset)
		__field(u32, tries)
	),
	TP_fast_assign(
		memcpy(__entry->name, t->conf.name, QX_NAME_SIZE);
		__entry->offset = offset;
		__entry->tries = tries;
	),
	TP_printk("tunnel=%s offset=%llu tries=%u", __entry->name,
		  __entry->offset, __entry->tries)
);

TRACE_EVENT(qkd_xfrm_accept,
	TP_PROTO(const struct qx_tunnel *t, __be32 spi, u64 offset),
	TP_ARGS(t, spi, offset),
	TP_STRUCT__entry(
		__array(char, name, QX_NAME_SIZE)
		__field(u64, offset)
		__field(u32, spi)
	),
	TP_fast_assign(
		memcpy(__entry->name, t->conf.name, QX_NAME_SIZE);
		__entry->offset = offset;
		__entry->spi = ntohl(spi);
	),
	TP_printk("tunnel=%s spi=0x%08x offset=%llu", __entry->name,
		  __entry->spi, __entry->offset)
);

TRACE_EVENT(qkd_xfrm_rekey,
	TP_PROTO(const struct qx_tunnel *t, bool in, __be32 spi, u64 offset),
	TP_ARGS(t, in, spi, offset),
	TP_STRUCT__entry(
		__array(char, name, QX_NAME_SIZE)
		__field(u64, offset)
		__field(u32, spi)
		__field(bool, in)
	),
	TP_fast_assign(
		memcpy(__entry->name, t->conf.name, QX_NAME_SIZE);
		__entry->offset = offset;
		__entry->spi = ntohl(spi);
		__entry->in = in;
	),
	TP_printk("tunnel=%s dir=%s spi=0x%08x offset=%llu", __entry->name,
		  __entry->in ? "in" : "out", __entry->spi, __entry->offset)
);

TRACE_EVENT(qkd_xfrm_starved,
	TP_PROTO(const struct qx_tunnel *t, int err),
	TP_ARGS(t, err),
	TP_STRUCT__entry(
		__array(char, name, QX_NAME_SIZE)
		__field(int, err)
	),
	TP_fast_assign(
		memcpy(__entry->name, t->conf.name, QX_NAME_SIZE);
		__entry->err = err;
	),
	TP_printk("tunnel=%s err=%d", __entry->name, __entry->err)
);

#endif /* _QX_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
