// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * packet: tell ESP, control traffic, neighbour discovery and the rest apart.
 *
 * Headers only, each length checked; what a payload holds is needle.c's.
 */
#include "packet.h"

#include <netinet/in.h>
#include <pcap/pcap.h>

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP 0x0806
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_IPV6 0x86dd

const char *packet_kind_name(enum packet_kind kind)
{
	static const char *const names[PACKET_KINDS] = {
		[PACKET_ESP] = "esp",
		[PACKET_CONTROL] = "control",
		[PACKET_OTP] = "otp",
		[PACKET_NEIGHBOUR] = "neighbour",
		[PACKET_CLEAR] = "clear",
		[PACKET_OTHER] = "other",
	};

	return names[kind];
}

static unsigned int get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static struct packet esp(const uint8_t *p, size_t len)
{
	return (struct packet){ PACKET_ESP, len >= 4 ? get32(p) : 0 };
}

static struct packet ports(int protocol, const struct packet_ports *known,
			   const uint8_t *p, size_t len)
{
	struct packet packet = { PACKET_CLEAR, 0 };
	unsigned int from, to;

	if (len < 8)
		return packet;
	from = get16(p);
	to = get16(p + 2);
	if (from == known->control || to == known->control)
		packet.kind = PACKET_CONTROL;
	else if (protocol == IPPROTO_UDP && known->otp &&
		 (from == known->otp || to == known->otp))
		packet.kind = PACKET_OTP;
	else if (protocol == IPPROTO_UDP && len >= 12 &&
		 (from == known->esp || to == known->esp) && get32(p + 8))
		packet = esp(p + 8, len - 8);
	return packet;
}

/* Types 133 to 137 are neighbour discovery, 130 to 132 and 143 are MLD. */
static struct packet icmp6(const uint8_t *p, size_t len)
{
	struct packet packet = { PACKET_CLEAR, 0 };

	if (len && ((p[0] >= 130 && p[0] <= 137) || p[0] == 143))
		packet.kind = PACKET_NEIGHBOUR;
	return packet;
}

static struct packet payload(int protocol, const struct packet_ports *known,
			     const uint8_t *p, size_t len)
{
	switch (protocol) {
	case IPPROTO_ESP:
		return esp(p, len);
	case IPPROTO_UDP:
	case IPPROTO_TCP:
		return ports(protocol, known, p, len);
	case IPPROTO_ICMPV6:
		return icmp6(p, len);
	}
	return (struct packet){ PACKET_CLEAR, 0 };
}

/* A later fragment has no ports: ESP is known by its protocol all the same,
 * any other counts as clear.
 */
static struct packet later_fragment(int protocol)
{
	return (struct packet){
		protocol == IPPROTO_ESP ? PACKET_ESP : PACKET_CLEAR, 0
	};
}

static struct packet ipv4(const struct packet_ports *known, const uint8_t *p,
			  size_t len)
{
	size_t head;

	if (len < 20)
		return (struct packet){ PACKET_OTHER, 0 };
	head = (p[0] & 15) * 4;
	if (head < 20 || head > len)
		return (struct packet){ PACKET_OTHER, 0 };
	if (get16(p + 6) & 0x1fff)
		return later_fragment(p[9]);
	return payload(p[9], known, p + head, len - head);
}

static struct packet ipv6(const struct packet_ports *known, const uint8_t *p,
			  size_t len)
{
	int next;

	if (len < 40)
		return (struct packet){ PACKET_OTHER, 0 };
	next = p[6];
	p += 40;
	len -= 40;
	while (next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING ||
	       next == IPPROTO_DSTOPTS || next == IPPROTO_FRAGMENT) {
		size_t head;

		if (len < 8)
			return (struct packet){ PACKET_OTHER, 0 };
		if (next == IPPROTO_FRAGMENT) {
			if (get16(p + 2) & 0xfff8)
				return later_fragment(p[0]);
			head = 8;
		} else {
			head = (p[1] + 1) * 8;
		}
		if (head > len)
			return (struct packet){ PACKET_OTHER, 0 };
		next = p[0];
		p += head;
		len -= head;
	}
	return payload(next, known, p, len);
}

struct packet packet_classify(int linktype, const struct packet_ports *known,
			      const uint8_t *p, size_t len)
{
	struct packet other = { PACKET_OTHER, 0 };
	unsigned int type;
	size_t head;

	switch (linktype) {
	case DLT_EN10MB:
		head = 14;
		if (len < head)
			return other;
		type = get16(p + 12);
		if (type == ETHERTYPE_VLAN && len >= 18) {
			head = 18;
			type = get16(p + 16);
		}
		break;
	case DLT_LINUX_SLL:
		head = 16;
		if (len < head)
			return other;
		type = get16(p + 14);
		break;
	case DLT_LINUX_SLL2:
		head = 20;
		if (len < head)
			return other;
		type = get16(p);
		break;
	case DLT_RAW:
		head = 0;
		if (!len)
			return other;
		type = p[0] >> 4 == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
		break;
	default:
		return other;
	}
	switch (type) {
	case ETHERTYPE_IPV4:
		return ipv4(known, p + head, len - head);
	case ETHERTYPE_IPV6:
		return ipv6(known, p + head, len - head);
	case ETHERTYPE_ARP:
		return (struct packet){ PACKET_NEIGHBOUR, 0 };
	}
	return other;
}
