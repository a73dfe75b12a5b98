// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkd-canary: what crossed a wire, and was any planted text in clear in it?
 *
 * Reads captures, counts packets by kind and ESP's SPIs, and searches every
 * byte of every packet for pieces of the texts given. Says what it found as
 * JSON; the exit status says whether the canary lives. Capturing is tcpdump's.
 */
#include "needle.h"
#include "packet.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#define SPIS_MAX 65536

enum { EXIT_ALIVE, EXIT_LEAK, EXIT_TROUBLE };

struct tally {
	uint64_t packets[PACKET_KINDS];
	uint64_t leaks;
	uint64_t cut;		/* packets of which the capture has a part */
	uint32_t spis[SPIS_MAX];
	size_t nspis;
	bool spis_overflow;
};

static void usage(FILE *to)
{
	fputs("Usage: qkd-canary [-p FILE]... [-c PORT] [-o PORT] [-e PORT] CAPTURE...\n"
	      "Says what kinds of packets captures hold, and whether any text of the\n"
	      "planted FILEs is in them in clear.\n"
	      "  -p, --planted FILE  text to look for; any 31 consecutive bytes of it\n"
	      "                      are found\n"
	      "  -c, --control PORT  of the peer protocol and classical channel [51014]\n"
	      "  -o, --otp PORT      of a one-time-pad tunnel\n"
	      "  -e, --esp PORT      of ESP in UDP [4500]\n"
	      "Exit status: 0 nothing in clear, 1 planted text found, 2 trouble.\n",
	      to);
}

static int plant(struct needles *set, const char *path)
{
	struct stat st;
	uint8_t *text;
	long added;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		fprintf(stderr, "qkd-canary: %s: %s\n", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (st.st_size < NEEDLE_MIN) {
		fprintf(stderr, "qkd-canary: %s: %d bytes at least are needed\n",
			path, NEEDLE_MIN);
		close(fd);
		return -1;
	}
	text = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (text == MAP_FAILED) {
		fprintf(stderr, "qkd-canary: %s: %s\n", path, strerror(errno));
		return -1;
	}
	added = needles_add(set, text, st.st_size);
	munmap(text, st.st_size);
	if (added < 0)
		fputs("qkd-canary: out of memory\n", stderr);
	else if (!added)
		fprintf(stderr, "qkd-canary: %s: nothing in it to look for\n",
			path);
	return added > 0 ? 0 : -1;
}

static void count_spi(struct tally *tally, uint32_t spi)
{
	size_t i = tally->nspis;

	if (!spi)
		return;
	while (i--)	/* the last one seen is the likeliest */
		if (tally->spis[i] == spi)
			return;
	if (tally->nspis == SPIS_MAX)
		tally->spis_overflow = true;
	else
		tally->spis[tally->nspis++] = spi;
}

static int read_capture(const char *path, const struct needles *set,
			const struct packet_ports *ports, struct tally *tally)
{
	char err[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *head;
	const uint8_t *frame;
	uint64_t number = 0;
	int linktype, rc;
	pcap_t *pcap;

	pcap = pcap_open_offline(path, err);
	if (!pcap) {
		fprintf(stderr, "qkd-canary: %s\n", err);
		return -1;
	}
	linktype = pcap_datalink(pcap);
	while ((rc = pcap_next_ex(pcap, &head, &frame)) == 1) {
		struct packet packet;
		long at;

		number++;
		packet = packet_classify(linktype, ports, frame, head->caplen);
		tally->packets[packet.kind]++;
		tally->cut += head->caplen < head->len;
		if (packet.kind == PACKET_ESP)
			count_spi(tally, packet.spi);
		at = needles_find(set, frame, head->caplen);
		if (at < 0)
			continue;
		if (!tally->leaks++)
			fprintf(stderr,
				"qkd-canary: %s: packet %" PRIu64 " (%s) holds planted text at byte %ld\n",
				path, number, packet_kind_name(packet.kind), at);
	}
	/* a capture that was killed ends in the middle of a packet */
	if (rc == PCAP_ERROR)
		fprintf(stderr, "qkd-canary: %s: %s\n", path, pcap_geterr(pcap));
	pcap_close(pcap);
	return number || rc != PCAP_ERROR ? 0 : -1;
}

static void print(const struct tally *tally)
{
	int kind;

	putchar('{');
	for (kind = 0; kind < PACKET_KINDS; kind++)
		printf("\"%s\":%" PRIu64 ",", packet_kind_name(kind),
		       tally->packets[kind]);
	printf("\"spis\":%zu,\"spis_overflow\":%s,\"cut\":%" PRIu64
	       ",\"leaks\":%" PRIu64 "}\n",
	       tally->nspis, tally->spis_overflow ? "true" : "false",
	       tally->cut, tally->leaks);
}

static bool port_arg(const char *text, uint16_t *port)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || end == text || n > UINT16_MAX) {
		fprintf(stderr, "qkd-canary: \"%s\" is no port\n", text);
		return false;
	}
	*port = n;
	return true;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "planted", required_argument, NULL, 'p' },
		{ "control", required_argument, NULL, 'c' },
		{ "otp", required_argument, NULL, 'o' },
		{ "esp", required_argument, NULL, 'e' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ }
	};
	struct packet_ports ports = { .control = 51014, .esp = 4500 };
	struct needles *set = needles_new();
	static struct tally tally;
	int opt, rc = EXIT_TROUBLE;
	bool fine;

	if (!set) {
		fputs("qkd-canary: out of memory\n", stderr);
		return EXIT_TROUBLE;
	}
	while ((opt = getopt_long(argc, argv, "p:c:o:e:hV", options,
				  NULL)) != -1) {
		switch (opt) {
		case 'p':
			fine = !plant(set, optarg);
			break;
		case 'c':
			fine = port_arg(optarg, &ports.control);
			break;
		case 'o':
			fine = port_arg(optarg, &ports.otp);
			break;
		case 'e':
			fine = port_arg(optarg, &ports.esp);
			break;
		case 'h':
			usage(stdout);
			needles_free(set);
			return 0;
		case 'V':
			puts("qkd-canary " QKD_VERSION);
			needles_free(set);
			return 0;
		default:
			usage(stderr);
			fine = false;
		}
		if (!fine)
			goto out;
	}
	if (optind == argc) {
		usage(stderr);
		goto out;
	}
	for (; optind < argc; optind++)
		if (read_capture(argv[optind], set, &ports, &tally))
			goto out;
	print(&tally);
	rc = tally.leaks ? EXIT_LEAK : EXIT_ALIVE;
out:
	needles_free(set);
	return rc;
}
