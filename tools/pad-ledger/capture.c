// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Uses of pad from a capture: UDP datagrams of the two ports, in IPv4 and IPv6
 * over the link types that Linux captures have.
 *
 * Fragments and IPv6 extension headers are passed over and counted: neither
 * module sends them by itself.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "ledger.h"

/* The IP packet in a frame, or NULL. */
static const uint8_t *ip_of(int link_type, const uint8_t *p, size_t *len)
{
	size_t head;

	switch (link_type) {
	case DLT_EN10MB:
		head = 14;
		while (*len >= head + 4 && p[head - 2] == 0x81 &&
		       p[head - 1] == 0x00)
			head += 4;	/* VLAN */
		break;
	case DLT_LINUX_SLL:
		head = 16;
		break;
	case DLT_LINUX_SLL2:
		head = 20;
		break;
	case DLT_NULL:
	case DLT_LOOP:
		head = 4;
		break;
	case DLT_RAW:
		head = 0;
		break;
	default:
		return NULL;
	}
	if (*len < head)
		return NULL;
	*len -= head;
	return p + head;
}

/* The UDP header in an IP packet, or NULL; its source as text. */
static const uint8_t *udp_of(const uint8_t *ip, size_t *len, char *source)
{
	size_t head, total;

	if (*len >= 20 && ip[0] >> 4 == 4) {
		head = 4 * (ip[0] & 15);
		total = ip[2] << 8 | ip[3];
		if (ip[9] != 17 || (ip[6] & 0x3f) || ip[7])
			return NULL;
		inet_ntop(AF_INET, ip + 12, source, INET6_ADDRSTRLEN);
	} else if (*len >= 40 && ip[0] >> 4 == 6) {
		head = 40;
		total = 40 + (ip[4] << 8 | ip[5]);
		if (ip[6] != 17)
			return NULL;
		inet_ntop(AF_INET6, ip + 8, source, INET6_ADDRSTRLEN);
	} else {
		return NULL;
	}
	if (head < 20 || total > *len || total < head + 8)
		return NULL;
	*len = total - head;
	return ip + head;
}

/* Is the address one of the list's? */
static bool listed(const char *list, const char *addr)
{
	size_t n = strlen(addr);

	for (const char *p = list; (p = strstr(p, addr)); p += n)
		if ((p == list || p[-1] == ',') && (!p[n] || p[n] == ','))
			return true;
	return false;
}

static bool packet_use(int link_type, const uint8_t *p, size_t len,
		       const struct pcap_options *opt, FILE *to)
{
	char source[INET6_ADDRSTRLEN];
	const char *stream;
	uint16_t from, dest;
	bool otp, msg;

	p = ip_of(link_type, p, &len);
	if (p)
		p = udp_of(p, &len, source);
	if (!p)
		return false;
	from = p[0] << 8 | p[1];
	dest = p[2] << 8 | p[3];
	otp = from == opt->otp_port || dest == opt->otp_port;
	msg = from == opt->msg_port || dest == opt->msg_port;
	if (!otp && !msg)
		return false;
	stream = listed(opt->lower, source) ? "0" : "1";
	/* "wire " stands before what the datagram names, or nothing does */
	{
		char *line = NULL;
		size_t size = 0;
		FILE *f = open_memstream(&line, &size);
		int found;

		if (!f)
			return false;
		found = datagram_use(p + 8, len - 8, otp, stream, f);
		fclose(f);
		if (found)
			fprintf(to, "wire %s", line);
		free(line);
		return found;
	}
}

int import_pcap(const char *file, const struct pcap_options *opt, FILE *to,
		struct imported *n)
{
	char err[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *h;
	const u_char *data;
	pcap_t *pcap;
	int ret;

	pcap = pcap_open_offline(file, err);
	if (!pcap) {
		fprintf(stderr, "qkd-ledger: %s\n", err);
		return -EIO;
	}
	while ((ret = pcap_next_ex(pcap, &h, &data)) == 1) {
		if (packet_use(pcap_datalink(pcap), data, h->caplen, opt, to))
			n->records++;
		else
			n->skipped++;
	}
	if (ret == PCAP_ERROR)
		fprintf(stderr, "qkd-ledger: %s: %s\n", file,
			pcap_geterr(pcap));
	pcap_close(pcap);
	/* cut short by a crash is common, and no reason to drop the rest */
	return ret == PCAP_ERROR && !n->records ? -EIO : 0;
}
