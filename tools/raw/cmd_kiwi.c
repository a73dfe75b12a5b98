// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkd-raw kiwi: click records of VeriQloud's hardware (kiwi_hw_control), one
 * line a click: index of the time-to-digital converter, its time in 20 ps,
 * the global counter in periods of 25 ns, the result, and which of the two
 * pulses of the period it was.
 *
 * Such a record has Bob's end only, without the basis he chose and without
 * anything of Alice's. Its detections can be looked at, and a chain given them
 * must refuse for want of the rest; its header says "basis=none".
 */
#include "tools/raw/qkd-raw.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GC_HZ		40000000ull	/* periods of 25 ns */
#define TICKS_PER_GC	1250ull		/* of 20 ps */

struct clicks {
	size_t n, room;
	uint64_t *slot;
	uint8_t *code;
};

static int add_click(struct clicks *c, uint64_t slot, uint8_t code)
{
	if (c->n == c->room) {
		size_t room = c->room ? 2 * c->room : 4096;
		uint64_t *s = realloc(c->slot, room * sizeof(*s));
		uint8_t *k;

		if (!s)
			return -ENOMEM;
		c->slot = s;
		k = realloc(c->code, room);
		if (!k)
			return -ENOMEM;
		c->code = k;
		c->room = room;
	}
	c->slot[c->n] = slot;
	c->code[c->n++] = code;
	return 0;
}

static int read_line(const char *line, bool tags, uint64_t *slot,
		     uint8_t *code)
{
	unsigned int idx, time, result, pulse;
	uint64_t gc;
	char junk;

	if (sscanf(line, "%u %u %" SCNu64 " %u %u %c", &idx, &time, &gc,
		   &result, &pulse, &junk) != 5 ||
	    result > 1 || pulse > 1 || gc >= 1ull << 48 || time >= 1u << 14)
		return -EBADMSG;
	*slot = tags ? gc * TICKS_PER_GC + time % TICKS_PER_GC :
		gc * 2 + pulse;
	*code = result;
	return 0;
}

static int read_file(const char *name, bool tags, struct clicks *c)
{
	FILE *f = fopen(name, "r");
	unsigned int number = 0;
	char line[128];
	int ret = 0;

	if (!f)
		return fail("%s: %s", name, strerror(errno));
	while (!ret && fgets(line, sizeof(line), f)) {
		uint64_t slot;
		uint8_t code;

		number++;
		if (read_line(line, tags, &slot, &code))
			ret = fail("%s:%u: not a click: five numbers", name,
				   number);
		else if (c->n && slot <= c->slot[c->n - 1])
			ret = fail("%s:%u: earlier than the click before",
				   name, number);
		else if (add_click(c, slot, code))
			ret = fail("out of memory");
	}
	fclose(f);
	if (!ret && !c->n)
		ret = fail("%s: no click", name);
	return ret;
}

static int write_stream(const struct clicks *c, bool tags, const char *name)
{
	struct raw_header h = {
		.kind = tags ? RAW_TAGS : RAW_DETECTED,
		.slots_hz = tags ? GC_HZ * TICKS_PER_GC : GC_HZ * 2,
		.text = "device=kiwi end=bob basis=none\n",
	};
	size_t size = raw_events_size(c->n) + 8192;
	uint64_t end = c->slot[c->n - 1] + 1;
	uint8_t *buf = malloc(size);
	ssize_t len = 0, n;
	int fd, ret = 1;

	if (!buf)
		return fail("out of memory");
	len += raw_header_build(buf, size, &h);
	/* the counter has run since the hardware was started */
	n = raw_events_build(buf + len, size - len, 0, end, c->slot, c->code,
			     c->n);
	if (n > 0) {
		len += n;
		len += raw_end_build(buf + len, size - len, end,
				     "end of the recording");
		fd = create_file(name);
		if (fd >= 0) {
			ret = write_all(fd, buf, len);
			close(fd);
		}
	} else {
		fail("clicks that cannot be packed: %s", strerror(-n));
	}
	free(buf);
	return ret;
}

int cmd_kiwi(const struct raw_options *o, int argc, char **argv)
{
	bool tags = argc == 5 && !strcmp(argv[4], "tags");
	struct clicks c = { 0, 0, NULL, NULL };
	int ret;

	if ((argc != 4 && !tags) || strcmp(argv[2], "bob"))
		return fail("usage: qkd-raw kiwi FILE.txt bob FILE [tags]");
	ret = read_file(argv[1], tags, &c) ||
		write_stream(&c, tags, argv[3]);
	free(c.slot);
	free(c.code);
	return ret;
}
