// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Searches all of the machine's memory for key that should be nowhere any
 * more (invariant 4): what was got, taken, replaced by a new generation, or
 * deleted with its link.
 *
 * Every 16 bytes of the key fed here carry a mark and their number. The mark
 * is only ever held in two parts, so that the search does not find itself.
 * Memory is read from /proc/kcore; user-mode Linux shows none there. Or the host
 * searches it from without, which does not depend on what this kernel says of
 * itself: tests/memory/pmemsave, which sets $QKD_PMEMSAVE to a folder.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "tests/pair/pair.h"

#define UNIT	16
#define FIRST	0xd7		/* byte of the mark, to look for quickly */
#define CHECK	0x9e3779b9u	/* what a number is xored with, behind it */
#define HALF	8192		/* bytes of each stream that are fed */
#define CHUNK	(1 << 20)
#define MEMORY_MAX	(1L << 30)	/* that is searched in reasonable time */

static uint64_t part[2];	/* their xor is the mark */
static uint8_t *chunk;

struct hits {
	unsigned int n[4 * HALF / UNIT];	/* by number */
	unsigned int all;
};

static void make_mark(void)
{
	pair_random(part, sizeof(part));
	((uint8_t *)part)[0] = ((uint8_t *)part)[8] ^ FIRST;
}

static void put_unit(uint8_t *p, uint32_t number)
{
	uint32_t check = number ^ CHECK;
	int i;

	for (i = 0; i < 8; i++)
		p[i] = ((uint8_t *)part)[i] ^ ((uint8_t *)part)[8 + i];
	memcpy(p + 8, &number, 4);
	memcpy(p + 12, &check, 4);
}

static void look(const uint8_t *p, size_t len, struct hits *h)
{
	const uint8_t *end = p + len - UNIT + 1;
	uint32_t number, check;
	uint64_t w;

	while (p < end && (p = memchr(p, FIRST, end - p))) {
		memcpy(&w, p, 8);
		memcpy(&number, p + 8, 4);
		memcpy(&check, p + 12, 4);
		p++;
		if ((w ^ part[0]) != part[1] || (number ^ check) != CHECK ||
		    number >= 4 * HALF / UNIT)
			continue;
		h->n[number]++;
		h->all++;
	}
}

/* One stretch of memory, in overlapping chunks; bytes read. */
static uint64_t look_through(int fd, off_t at, uint64_t len, struct hits *h)
{
	uint64_t done = 0, step;
	ssize_t n;

	while (done < len) {
		step = len - done < CHUNK ? len - done : CHUNK;
		n = pread(fd, chunk, step, at + done);
		if (n <= 0) {
			/* a hole, or what the kernel hides */
			done += 4096;
			continue;
		}
		look(chunk, n, h);
		done += n < UNIT || done + n >= len ? n : n - UNIT + 1;
	}
	return done;
}

static uint64_t look_kcore(struct hits *h)
{
	int fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC), i;
	uint64_t seen = 0;
	Elf64_Ehdr eh;
	Elf64_Phdr ph;

	if (fd < 0)
		return 0;
	if (pread(fd, &eh, sizeof(eh), 0) != sizeof(eh))
		eh.e_phnum = 0;
	for (i = 0; i < eh.e_phnum; i++) {
		if (pread(fd, &ph, sizeof(ph), eh.e_phoff +
			  i * sizeof(ph)) != sizeof(ph))
			break;
		/* memory has a physical address; vmalloc's is seen there */
		if (ph.p_type != PT_LOAD || ph.p_paddr == UINT64_MAX ||
		    ph.p_filesz > UINT64_C(1) << 36)
			continue;
		seen += look_through(fd, ph.p_offset, ph.p_filesz, h);
	}
	close(fd);
	return seen;
}

/* The host gets the two parts of the mark, and tells which numbers it found. */
static uint64_t ask_host(const char *dir, struct hits *h)
{
	char ask[256], told[256], tmp[256];
	unsigned int number, n, i;
	uint64_t seen = 0;
	FILE *f;

	snprintf(ask, sizeof(ask), "%s/ask", dir);
	snprintf(tmp, sizeof(tmp), "%s/ask.tmp", dir);
	snprintf(told, sizeof(told), "%s/told", dir);
	f = fopen(tmp, "w");
	if (!f)
		pair_die(tmp, errno);
	fprintf(f, "%016lx %016lx\n", (unsigned long)part[0],
		(unsigned long)part[1]);
	fclose(f);
	if (rename(tmp, ask))
		pair_die(ask, errno);
	for (i = 0; i < 600 && access(told, R_OK); i++)
		usleep(100000);
	f = fopen(told, "r");
	if (!f || fscanf(f, "%lu", &seen) != 1)
		pair_die("the host does not answer", ETIMEDOUT);
	while (fscanf(f, "%u %u", &number, &n) == 2) {
		if (number < 4 * HALF / UNIT)
			h->n[number] += n;
		h->all += n;
	}
	fclose(f);
	unlink(told);
	return seen;
}

/* All memory; the chunk is wiped, lest it be found the next time. */
static void search(struct hits *h)
{
	const char *host = getenv("QKD_PMEMSAVE");
	uint64_t seen;

	memset(h, 0, sizeof(*h));
	seen = host ? ask_host(host, h) : look_kcore(h);
	qkd_wipe(chunk, CHUNK);
	printf("# %lu MB searched, %u times 16 bytes of key found\n",
	       (unsigned long)(seen >> 20), h->all);
}

/*
 * Both ends get a marked block: numbers from @first on for alice's tx, from
 * there on for bob's.
 */
static void feed(struct pair *p, uint32_t first)
{
	struct qkd_feed rec = {
		.seq = p->seq++, .offset = p->offset, .len = 2 * HALF,
	};
	uint8_t *block = mmap(NULL, 2 * HALF, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	uint32_t i;

	memcpy(rec.generation, p->generation, sizeof(rec.generation));
	for (i = 0; i < 2 * HALF / UNIT; i++)
		put_unit(block + UNIT * i, first + i);
	if (pair_record(p->a.fd, &rec, block, 2 * HALF) ||
	    pair_record(p->b.fd, &rec, block, 2 * HALF))
		pair_die("feed", errno);
	p->offset += HALF;
	qkd_wipe(block, 2 * HALF);
	munmap(block, 2 * HALF);
	pair_confirm(p, 0);
}

/* Hits of the numbers [@from, @to) */
static unsigned int found(const struct hits *h, uint32_t from, uint32_t to)
{
	unsigned int n = 0;

	for (; from < to; from++)
		n += h->n[from];
	return n;
}

FIXTURE(memory) {
};

FIXTURE_SETUP(memory)
{
}

FIXTURE_TEARDOWN(memory)
{
}

/* all of memory is read some times */
TEST_F_TIMEOUT(memory, used_key_is_nowhere, 300)
{
	const uint32_t taken = 2048, a = PAIR_SECRET / UNIT,
		       b = a + taken / UNIT, stream = HALF / UNIT;
	struct qkd_key_id id;
	static struct hits h;
	struct pair p;
	uint8_t *key;
	int i;

	chunk = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	key = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	ASSERT_NE(MAP_FAILED, chunk);
	ASSERT_NE(MAP_FAILED, key);
	make_mark();
	pair_make(&p, 4 * HALF);
	pair_start(&p);
	feed(&p, 0);

	search(&h);
	if (!h.all) {
		pair_free(&p);
		SKIP(return, "memory cannot be read here");
	}
	/* the search sees what is there: at both ends, in both streams */
	EXPECT_LE(2 * (stream - a), found(&h, a, stream));
	EXPECT_LE(2 * (stream - a), found(&h, stream + a, 2 * stream));

	for (i = 0; i < (int)taken / 256; i++) {
		ASSERT_EQ(0, pair_get(p.a.fd, key, 256, &id));
		ASSERT_EQ(256, pair_take(p.b.fd, &id, key, 256));
	}
	qkd_wipe(key, 4096);
	search(&h);
	EXPECT_EQ(0, found(&h, a, b)) {
		TH_LOG("of key that alice got and bob took");
	}
	EXPECT_LT(0, found(&h, b, stream));

	/* a new generation takes the place of the old */
	pair_start(&p);
	feed(&p, 2 * stream);
	search(&h);
	EXPECT_EQ(0, found(&h, 0, 2 * stream)) {
		TH_LOG("of the generation before");
	}
	EXPECT_LT(0, found(&h, 2 * stream, 4 * stream));

	/* and then the links go; a descriptor of one is still open */
	i = dup(p.a.fd);
	pair_free(&p);
	usleep(300000);
	search(&h);
	EXPECT_EQ(0, h.all) {
		TH_LOG("of links that were deleted");
	}
	close(i);
}

int main(int argc, char **argv)
{
	pair_need();
	if (sysconf(_SC_PHYS_PAGES) > MEMORY_MAX / sysconf(_SC_PAGESIZE)) {
		printf("1..0 # SKIP too much memory to search: a guest of -m 512 will do\n");
		return 4;
	}
	return test_harness_run(argc, argv);
}
