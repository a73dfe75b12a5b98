// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Uses up a pad by the file driver and tells of each range as it is used:
 *
 *	pad_user FOLDER [MS]
 *
 * FOLDER holds pad, key if that is a store, and the driver's state; MS is a pause
 * after each range. A line
 * "used OFFSET LENGTH SUM" is out before the next range is asked for; SUM is
 * CRC-32 of the key. Ends when the pad does, or with the machine: that is what
 * it is for.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/qkdd/driver.h"
#include "tools/qkdd/drivers.h"
#include "tools/qkdd/words.h"
#include "tools/qkdd/work.h"

static struct work *submitted;
static bool over;

/* In this thread: what is used next is asked for when the last was told. */
void workers_submit(struct workers *ws, struct work *work)
{
	(void)ws;
	submitted = work;
}

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
	uint32_t crc = ~0u;
	int i;

	while (n--) {
		crc ^= *p++;
		for (i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void on_key(void *ctx, const uint8_t *id, size_t id_len,
		   const void *key, size_t len)
{
	uint64_t at = 0;
	unsigned int i;
	char line[80];
	int n;

	(void)ctx;
	(void)id_len;
	for (i = 0; i < 8; i++)
		at = at << 8 | id[16 + i];
	n = snprintf(line, sizeof(line), "used %llu %zu %u\n",
		     (unsigned long long)at, len, crc32_of(key, len));
	if (write(STDOUT_FILENO, line, n) != n)
		exit(3);
}

static void on_no_key(void *ctx, const uint8_t *hint, size_t len,
		      const char *why)
{
	(void)ctx;
	(void)hint;
	(void)len;
	printf("over: %s\n", why);
	over = true;
}

static void on_trouble(void *ctx, const char *why)
{
	(void)ctx;
	fprintf(stderr, "%s\n", why);
}

int main(int argc, char **argv)
{
	static const struct driver_host host = {
		.key = on_key, .no_key = on_no_key, .trouble = on_trouble,
	};
	struct driver_conf conf = { .link = "l", .state_dir = argv[1] };
	char text[2 * PATH_MAX], err[200], *dir;
	struct words w;
	void *inst;

	if (argc != 2 && argc != 3)
		return 2;
	dir = realpath(argv[1], NULL);
	if (!dir)
		return 2;
	snprintf(text, sizeof(text), "%s/key", dir);
	snprintf(text, sizeof(text), access(text, F_OK) ? "pad=%1$s/pad" :
		 "pad=%1$s/pad key=%1$s/key", dir);
	conf.words = &w;
	if (words_parse(&w, text, err, sizeof(err)) ||
	    driver_file.open(&inst, &conf, &host, NULL, err, sizeof(err))) {
		fprintf(stderr, "%s\n", err);
		return 1;
	}
	srand(getpid());
	while (!over) {
		driver_file.get(inst, 4096 + rand() % 60000);
		while (submitted) {
			struct work *work = submitted;

			submitted = NULL;
			work->run(work);
			work->done(work);
		}
		usleep(argc > 2 ? 1000 * atoi(argv[2]) : 0);
	}
	return 0;
}
