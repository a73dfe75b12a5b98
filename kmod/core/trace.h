/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: IDs and numbers, never key.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM qkd

#if !defined(_QKD_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _QKD_TRACE_H

#include <linux/tracepoint.h>

TRACE_EVENT(qkd_block_fed,
	TP_PROTO(u32 link, u64 seq, u64 offset, u32 len, u32 flags),
	TP_ARGS(link, seq, offset, len, flags),
	TP_STRUCT__entry(
		__field(u64, seq)
		__field(u64, offset)
		__field(u32, link)
		__field(u32, len)
		__field(u32, flags)
	),
	TP_fast_assign(
		__entry->link = link;
		__entry->seq = seq;
		__entry->offset = offset;
		__entry->len = len;
		__entry->flags = flags;
	),
	TP_printk("link=%u seq=%llu offset=%llu len=%u flags=%u",
		  __entry->link, __entry->seq, __entry->offset, __entry->len,
		  __entry->flags)
);

TRACE_EVENT(qkd_confirmed,
	TP_PROTO(u32 link, u64 offset, u64 len, u64 peer_reserved),
	TP_ARGS(link, offset, len, peer_reserved),
	TP_STRUCT__entry(
		__field(u64, offset)
		__field(u64, len)
		__field(u64, peer_reserved)
		__field(u32, link)
	),
	TP_fast_assign(
		__entry->link = link;
		__entry->offset = offset;
		__entry->len = len;
		__entry->peer_reserved = peer_reserved;
	),
	TP_printk("link=%u offset=%llu len=%llu peer_reserved=%llu",
		  __entry->link, __entry->offset, __entry->len,
		  __entry->peer_reserved)
);

DECLARE_EVENT_CLASS(qkd_key,
	TP_PROTO(u32 link, u32 consumer, u32 epoch, u64 offset, u32 len),
	TP_ARGS(link, consumer, epoch, offset, len),
	TP_STRUCT__entry(
		__field(u64, offset)
		__field(u32, link)
		__field(u32, consumer)
		__field(u32, epoch)
		__field(u32, len)
	),
	TP_fast_assign(
		__entry->link = link;
		__entry->consumer = consumer;
		__entry->epoch = epoch;
		__entry->offset = offset;
		__entry->len = len;
	),
	TP_printk("link=%u consumer=%u epoch=%u offset=%llu len=%u",
		  __entry->link, __entry->consumer, __entry->epoch,
		  __entry->offset, __entry->len)
);

DEFINE_EVENT(qkd_key, qkd_reserve,
	TP_PROTO(u32 link, u32 consumer, u32 epoch, u64 offset, u32 len),
	TP_ARGS(link, consumer, epoch, offset, len)
);

DEFINE_EVENT(qkd_key, qkd_take,
	TP_PROTO(u32 link, u32 consumer, u32 epoch, u64 offset, u32 len),
	TP_ARGS(link, consumer, epoch, offset, len)
);

TRACE_EVENT(qkd_starved,
	TP_PROTO(u32 link, u32 consumer, u32 len),
	TP_ARGS(link, consumer, len),
	TP_STRUCT__entry(
		__field(u32, link)
		__field(u32, consumer)
		__field(u32, len)
	),
	TP_fast_assign(
		__entry->link = link;
		__entry->consumer = consumer;
		__entry->len = len;
	),
	TP_printk("link=%u consumer=%u len=%u", __entry->link,
		  __entry->consumer, __entry->len)
);

DECLARE_EVENT_CLASS(qkd_msg,
	TP_PROTO(u32 link, u32 proto, u64 offset, u32 len, int err),
	TP_ARGS(link, proto, offset, len, err),
	TP_STRUCT__entry(
		__field(u64, offset)
		__field(u32, link)
		__field(u32, proto)
		__field(u32, len)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->link = link;
		__entry->proto = proto;
		__entry->offset = offset;
		__entry->len = len;
		__entry->err = err;
	),
	TP_printk("link=%u proto=%u offset=%llu len=%u err=%d", __entry->link,
		  __entry->proto, __entry->offset, __entry->len, __entry->err)
);

DEFINE_EVENT(qkd_msg, qkd_msg_tx,
	TP_PROTO(u32 link, u32 proto, u64 offset, u32 len, int err),
	TP_ARGS(link, proto, offset, len, err)
);

DEFINE_EVENT(qkd_msg, qkd_msg_rx,
	TP_PROTO(u32 link, u32 proto, u64 offset, u32 len, int err),
	TP_ARGS(link, proto, offset, len, err)
);

#endif /* _QKD_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
