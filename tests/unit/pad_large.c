// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pads of more than 100 GB: around every place where a number of 31, 32 or 36
 * bits would overflow, each byte is the right one, is given up before it is
 * used, is erased after, and is not given again; and no memory is needed for
 * what is large.
 *
 * The store has holes: bytes are only where the test takes some.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "tools/qkdd/driver_file.h"

#define BLOCK	(1u << 20)	/* as the driver takes at most */
#define AROUND	3		/* blocks on each side of a place */
#define SIZE	(UINT64_C(150) * 1000 * 1000 * 1000)

static const uint64_t places[] = {
	UINT64_C(1) << 31,
	UINT64_C(1) << 32,
	UINT64_C(1) << 33,
	UINT64_C(1) << 36,	/* 2^32 blocks of AES */
	UINT64_C(1) << 37,
	SIZE - AROUND * BLOCK,	/* the end */
};

static uint8_t block[BLOCK], right[BLOCK];

FIXTURE(pad_large) {
	char dir[64];
	char path[80];
	char key[80];
	struct pad_keys keys;
	struct file_where w;
	struct file_pad p;
	int fd;
};

/* What the pad is: a pattern that does not repeat. */
static void pattern(uint64_t at, uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = (at + i) * UINT64_C(0x9e3779b97f4a7c15) >> 56;
}

static int put_pad(FIXTURE_DATA(pad_large) *self, uint64_t at)
{
	pattern(at, block, BLOCK);
	if (pad_crypt(&self->keys, at, block, BLOCK))
		return -EIO;
	return pwrite(self->fd, block, BLOCK, PAD_BEGIN + at) == BLOCK ?
	       0 : -errno;
}

static int make_store(FIXTURE_DATA(pad_large) *self)
{
	static const uint8_t key[PAD_KEY_SIZE] = { 5 };
	struct pad_header h = { .size = SIZE, .name = { 6 } };
	struct pad_place place = {};
	uint8_t buf[PAD_HEADER_SIZE];
	int fd = open(self->key, O_CREAT | O_WRONLY, 0600);

	if (fd < 0 || write(fd, key, sizeof(key)) != sizeof(key))
		return -1;
	close(fd);
	self->fd = open(self->path, O_CREAT | O_RDWR, 0600);
	if (self->fd < 0 || ftruncate(self->fd, PAD_BEGIN + SIZE) ||
	    pad_derive(&self->keys, key, h.salt) ||
	    pad_header_put(buf, &h, &self->keys) ||
	    pwrite(self->fd, buf, sizeof(buf), 0) != sizeof(buf))
		return -1;
	for (; place.count < 2; place.count++)
		if (pad_place_put(buf, &place, &self->keys) ||
		    pwrite(self->fd, buf, PAD_PLACE_SIZE,
			   PAD_PLACE_AT(place.count)) != PAD_PLACE_SIZE)
			return -1;
	return 0;
}

static int open_pad(FIXTURE_DATA(pad_large) *self)
{
	char err[200];

	return file_pad_open(&self->p, &self->w, err, sizeof(err));
}

FIXTURE_SETUP(pad_large)
{
	strcpy(self->dir, access("/dev/shm", W_OK) ? "/tmp/pad_large.XXXXXX" :
	       "/dev/shm/pad_large.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	snprintf(self->path, sizeof(self->path), "%s/pad", self->dir);
	snprintf(self->key, sizeof(self->key), "%s/key", self->dir);
	self->w = (struct file_where){
		.pad = self->path, .key = self->key, .state_dir = self->dir,
		.link = "l",
	};
	if (make_store(self))
		SKIP(return, "no file of this size here");
	ASSERT_EQ(0, open_pad(self));
}

FIXTURE_TEARDOWN(pad_large)
{
	char cmd[100];

	file_pad_close(&self->p);
	close(self->fd);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", self->dir);
	EXPECT_EQ(0, system(cmd));
}

static bool is_erased(FIXTURE_DATA(pad_large) *self, uint64_t at)
{
	memset(right, 0, BLOCK);
	return pread(self->fd, block, BLOCK, PAD_BEGIN + at) == BLOCK &&
	       !memcmp(block, right, BLOCK);
}

TEST_F(pad_large, bytes_are_right_given_up_and_erased)
{
	unsigned int i, n;
	uint64_t at;

	for (i = 0; i < sizeof(places) / sizeof(*places); i++) {
		at = places[i] - AROUND * BLOCK - 1001;
		if (at > SIZE - 2 * AROUND * BLOCK)
			at = SIZE - 2 * AROUND * BLOCK;
		for (n = 0; n < 2 * AROUND; n++)
			ASSERT_EQ(0, put_pad(self, at + n * BLOCK));
		for (n = 0; n < 2 * AROUND; n++, at += BLOCK) {
			ASSERT_EQ(0, file_pad_take(&self->p, at, block, BLOCK));
			pattern(at, right, BLOCK);
			ASSERT_EQ(0, memcmp(block, right, BLOCK)) {
				TH_LOG("at %llu", (unsigned long long)at);
			}
			EXPECT_TRUE(is_erased(self, at));
			EXPECT_EQ(-ESTALE, file_pad_take(&self->p, at, block,
							 BLOCK));
		}
		/* the next life begins behind all of it */
		file_pad_close(&self->p);
		ASSERT_EQ(0, open_pad(self));
		EXPECT_LE(at, self->p.used);
		EXPECT_GE(at + (UINT64_C(64) << 20), self->p.used);
	}
	EXPECT_EQ(SIZE, self->p.used);
}

TEST_F(pad_large, places_apart_have_key_of_their_own)
{
	static uint8_t zero[64], other[64];
	unsigned int i, j;

	for (i = 0; i < sizeof(places) / sizeof(*places); i++) {
		for (j = 0; j < i; j++) {
			memset(zero, 0, sizeof(zero));
			memset(other, 0, sizeof(other));
			ASSERT_EQ(0, pad_crypt(&self->keys, places[i], zero,
					       sizeof(zero)));
			ASSERT_EQ(0, pad_crypt(&self->keys, places[j], other,
					       sizeof(other)));
			EXPECT_NE(0, memcmp(zero, other, sizeof(zero)));
		}
	}
}

static long memory_kb(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return r.ru_maxrss;
}

TEST_F(pad_large, memory_does_not_grow_with_the_pad)
{
	uint64_t at = UINT64_C(1) << 37;
	unsigned int n;
	long before;

	ASSERT_EQ(0, put_pad(self, at));
	ASSERT_EQ(0, file_pad_take(&self->p, at, block, BLOCK));
	before = memory_kb();
	for (n = 1; n < 64; n++) {
		ASSERT_EQ(0, put_pad(self, at + n * BLOCK));
		ASSERT_EQ(0, file_pad_take(&self->p, at + n * BLOCK, block,
					   BLOCK));
	}
	EXPECT_GE(before + 1024, memory_kb());
}

TEST_HARNESS_MAIN
