/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packet: what kind of packet a frame is, as far as it can be told apart
 * without any key.
 */
#ifndef CANARY_PACKET_H
#define CANARY_PACKET_H

#include <stddef.h>
#include <stdint.h>

enum packet_kind {
	PACKET_ESP,		/* also in UDP, and any fragment of it */
	PACKET_CONTROL,		/* peer protocol or classical channel */
	PACKET_OTP,		/* one-time-pad tunnel */
	PACKET_NEIGHBOUR,	/* ARP, ND, MLD, router solicitation */
	PACKET_CLEAR,		/* any other IP packet */
	PACKET_OTHER,		/* not IP, or cut short */
	PACKET_KINDS
};

struct packet {
	enum packet_kind kind;
	uint32_t spi;		/* ESP, first fragments: else 0 */
};

/* Ports that tell kinds of UDP and TCP packets apart, in host order. */
struct packet_ports {
	uint16_t control;	/* UDP and TCP */
	uint16_t otp;		/* UDP, 0: none */
	uint16_t esp;		/* UDP */
};

const char *packet_kind_name(enum packet_kind kind);

/**
 * packet_classify - look at one frame
 * @linktype: DLT_EN10MB, DLT_RAW, DLT_LINUX_SLL or DLT_LINUX_SLL2
 * @ports: which ports mean what
 * @frame: @len bytes, not trusted
 */
struct packet packet_classify(int linktype, const struct packet_ports *ports,
			      const uint8_t *frame, size_t len);

#endif /* CANARY_PACKET_H */
