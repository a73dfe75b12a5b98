// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The store of authentication key never gives a mask twice (invariant 1),
 * wherever the power is cut, and never takes a message twice.
 *
 * The disk here keeps what was synced; of what was not, any sectors may have
 * reached it when the power goes, and a sector may be torn.
 */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/secret.h"
#include "tools/qkdd/auth.h"

#include <kselftest_harness.h>

#define SECTOR	512
#define SECTORS	(AUTH_FILE_SIZE / SECTOR)
#define PSK	AUTH_PSK_MIN
#define MASKS	8192	/* remembered */

struct disk {
	uint8_t durable[AUTH_FILE_SIZE];
	uint8_t cache[AUTH_FILE_SIZE];
	bool dirty[SECTORS];
	long left;		/* calls until the power is cut; 0: never */
	long calls;
	jmp_buf cut;
	unsigned int seed;
	bool fail_sync;
};

static void power_off(struct disk *d)
{
	size_t i, n;

	for (i = 0; i < SECTORS; i++) {
		if (!d->dirty[i])
			continue;
		d->dirty[i] = false;
		n = rand_r(&d->seed) % 9 * (SECTOR / 8);
		memcpy(d->durable + i * SECTOR, d->cache + i * SECTOR, n);
	}
	memcpy(d->cache, d->durable, sizeof(d->cache));
	d->left = 0;
}

static void call(struct disk *d)
{
	d->calls++;
	if (d->left && !--d->left) {
		power_off(d);
		longjmp(d->cut, 1);
	}
}

static int disk_read(void *ctx, void *buf, size_t len, off_t at)
{
	struct disk *d = ctx;

	memcpy(buf, d->cache + at, len);
	return 0;
}

static int disk_write(void *ctx, const void *buf, size_t len, off_t at)
{
	struct disk *d = ctx;
	size_t i;

	memcpy(d->cache + at, buf, len);
	for (i = at / SECTOR; i <= (at + len - 1) / SECTOR; i++)
		d->dirty[i] = true;
	call(d);
	return 0;
}

static int disk_sync(void *ctx)
{
	struct disk *d = ctx;
	size_t i;

	call(d);
	if (d->fail_sync)
		return -EIO;
	for (i = 0; i < SECTORS; i++) {
		if (!d->dirty[i])
			continue;
		memcpy(d->durable + i * SECTOR, d->cache + i * SECTOR, SECTOR);
		d->dirty[i] = false;
	}
	return 0;
}

static struct auth_disk disk_ops(struct disk *d)
{
	return (struct auth_disk){ disk_read, disk_write, disk_sync, d };
}

FIXTURE(store) {
	struct disk *disk[2];
	struct auth_disk ops[2];
	struct auth_store *s[2];	/* 0 sorts first */
	uint8_t psk[PSK];
	uint8_t (*used)[AUTH_MASK_SIZE];
	unsigned int used_count;
	uint64_t accepted[2];	/* greatest position each end accepted, + 1 */
	unsigned int stamp;
};

FIXTURE_SETUP(store)
{
	int i;

	self->used = calloc(MASKS, AUTH_MASK_SIZE);
	random_bytes(self->psk, sizeof(self->psk));
	for (i = 0; i < 2; i++) {
		self->disk[i] = calloc(1, sizeof(struct disk));
		self->disk[i]->seed = i + 1;
		self->ops[i] = disk_ops(self->disk[i]);
		ASSERT_EQ(0, auth_format(&self->ops[i], self->psk, PSK, !i));
		ASSERT_EQ(0, auth_load(&self->s[i], &self->ops[i], !i));
	}
}

FIXTURE_TEARDOWN(store)
{
	int i;

	for (i = 0; i < 2; i++) {
		auth_free(self->s[i]);
		free(self->disk[i]);
	}
	free(self->used);
}

static bool fresh(FIXTURE_DATA(store) *self, const uint8_t *mask)
{
	unsigned int i;

	for (i = 0; i < self->used_count; i++)
		if (!memcmp(self->used[i], mask, AUTH_MASK_SIZE))
			return false;
	if (self->used_count < MASKS)
		memcpy(self->used[self->used_count++], mask, AUTH_MASK_SIZE);
	return true;
}

/* One message; 0, or what went wrong (1: a mask twice, 2: not the same). */
static int say(FIXTURE_DATA(store) *self, int from)
{
	uint8_t mask[AUTH_MASK_SIZE], seen[AUTH_MASK_SIZE];
	uint64_t at;
	int ret;

	ret = auth_tx(self->s[from], &at, mask);
	if (ret)
		return ret;
	if (!fresh(self, mask))
		return 1;
	ret = auth_rx_peek(self->s[!from], at, seen);
	if (ret)
		return ret;
	if (memcmp(mask, seen, sizeof(mask)))
		return 2;
	if (at < self->accepted[!from])
		return 3;
	ret = auth_rx_accept(self->s[!from], at);
	if (!ret)
		self->accepted[!from] = at + 1;
	return ret;
}

static int meet(FIXTURE_DATA(store) *self)
{
	struct auth_marks m[2];
	int i, ret = 0;

	for (i = 0; i < 2; i++)
		auth_marks(self->s[i], &m[i]);
	for (i = 0; i < 2 && !ret; i++)
		ret = auth_settle(self->s[i], &m[!i]);
	for (i = 0; i < 2 && !ret; i++) {
		ret = auth_prepare(self->s[i]);
		auth_marks(self->s[i], &m[i]);
	}
	for (i = 0; i < 2 && !ret; i++)
		ret = say(self, i);
	for (i = 0; i < 2 && !ret; i++)
		ret = auth_agree(self->s[i], &m[!i]);
	return ret;
}

/* Key comes, in two phases. */
static int append(FIXTURE_DATA(store) *self)
{
	uint8_t key[4 * AUTH_UNIT];
	struct auth_marks m;
	int i, ret = 0;

	random_bytes(key, sizeof(key));
	auth_marks(self->s[0], &m);
	self->stamp++;
	for (i = 0; i < 2 && !ret; i++)
		ret = auth_append(self->s[i], m.head, key, sizeof(key),
				  self->stamp);
	for (i = 0; i < 2 && !ret; i++)
		ret = say(self, i);
	for (i = 0; i < 2 && !ret; i++)
		ret = auth_confirm(self->s[i]);
	return ret;
}

static int some_traffic(FIXTURE_DATA(store) *self)
{
	int i, ret = meet(self);

	for (i = 0; i < 150 && !ret; i++)
		ret = say(self, i & 1);
	if (!ret)
		ret = append(self);
	for (i = 0; i < 150 && !ret; i++)
		ret = say(self, i & 1);
	if (!ret)
		ret = append(self);
	return ret;
}

static int reboot(FIXTURE_DATA(store) *self, int n)
{
	auth_free(self->s[n]);
	self->s[n] = NULL;
	return auth_load(&self->s[n], &self->ops[n], !n);
}

TEST_F(store, gives_what_the_peer_expects)
{
	int i;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, some_traffic(self));
}

/* Between any two calls to the disk, at either end, in turn */
TEST_F_TIMEOUT(store, no_mask_twice_wherever_the_power_is_cut, 300)
{
	static volatile long at, total;
	static volatile int n;
	static uint8_t *start[2];
	int i;

	for (i = 0; i < 2; i++) {
		start[i] = malloc(AUTH_FILE_SIZE);
		memcpy(start[i], self->disk[i]->durable, AUTH_FILE_SIZE);
	}
	self->disk[0]->calls = 0;
	ASSERT_EQ(0, some_traffic(self));
	total = self->disk[0]->calls;
	ASSERT_LT(300, total);

	for (n = 0; n < 2; n++) {
		for (at = 1; at <= 2 * total; at++) {
			for (i = 0; i < 2; i++) {
				memcpy(self->disk[i]->durable, start[i],
				       AUTH_FILE_SIZE);
				memcpy(self->disk[i]->cache, start[i],
				       AUTH_FILE_SIZE);
				memset(self->disk[i]->dirty, 0, SECTORS);
				ASSERT_EQ(0, reboot(self, i));
			}
			self->used_count = 0;
			self->accepted[0] = 0;
			self->accepted[1] = 0;
			self->disk[n]->seed = at;
			self->disk[n]->left = (at + 1) / 2;
			if (!setjmp(self->disk[n]->cut))
				ASSERT_EQ(0, some_traffic(self));
			self->disk[n]->left = 0;
			/* the power comes back; the peer kept running */
			ASSERT_EQ(0, reboot(self, n));
			ASSERT_EQ(0, some_traffic(self)) {
				TH_LOG("cut at call %ld of end %d",
				       (at + 1) / 2, n);
			}
		}
	}
	free(start[0]);
	free(start[1]);
}

TEST_F(store, an_old_copy_of_the_disk_is_found_out)
{
	uint8_t *old = malloc(AUTH_FILE_SIZE);
	struct auth_marks m[2];
	int n;

	for (n = 0; n < 2; n++) {
		ASSERT_EQ(0, some_traffic(self));
		memcpy(old, self->disk[n]->durable, AUTH_FILE_SIZE);
		ASSERT_EQ(0, some_traffic(self));
		memcpy(self->disk[n]->durable, old, AUTH_FILE_SIZE);
		memcpy(self->disk[n]->cache, old, AUTH_FILE_SIZE);
		ASSERT_EQ(0, reboot(self, n));
		auth_marks(self->s[0], &m[0]);
		auth_marks(self->s[1], &m[1]);
		EXPECT_EQ(-ESTALE, auth_settle(self->s[n], &m[!n]));
		EXPECT_EQ(-EREMOTE, auth_settle(self->s[!n], &m[n]));
		/* and the secret it was made of, given again */
		ASSERT_EQ(0, auth_format(&self->ops[n], self->psk, PSK, !n));
		ASSERT_EQ(0, reboot(self, n));
		auth_marks(self->s[n], &m[n]);
		EXPECT_EQ(-ESTALE, auth_settle(self->s[n], &m[!n]));
		EXPECT_EQ(-EREMOTE, auth_settle(self->s[!n], &m[n]));
		/* a new secret at both ends heals it */
		random_bytes(self->psk, PSK);
		ASSERT_EQ(0, auth_format(&self->ops[0], self->psk, PSK, true));
		ASSERT_EQ(0, auth_format(&self->ops[1], self->psk, PSK,
					 false));
		ASSERT_EQ(0, reboot(self, 0));
		ASSERT_EQ(0, reboot(self, 1));
		self->accepted[0] = 0;
		self->accepted[1] = 0;
	}
	free(old);
}

TEST_F(store, a_message_is_accepted_once)
{
	uint8_t mask[AUTH_MASK_SIZE];
	uint64_t at, before;

	ASSERT_EQ(0, meet(self));
	ASSERT_EQ(0, auth_tx(self->s[0], &before, mask));
	ASSERT_EQ(0, auth_tx(self->s[0], &at, mask));
	ASSERT_EQ(0, auth_rx_peek(self->s[1], at, mask));
	ASSERT_EQ(0, auth_rx_accept(self->s[1], at));
	EXPECT_EQ(-EALREADY, auth_rx_peek(self->s[1], at, mask));
	EXPECT_EQ(-EALREADY, auth_rx_peek(self->s[1], before, mask));
	EXPECT_EQ(-EINVAL, auth_rx_peek(self->s[1], at + 17, mask));
	EXPECT_EQ(-ENOKEY, auth_rx_peek(self->s[1], 1 << 30, mask));
	/* nor after a reboot, though the sender's next is */
	ASSERT_EQ(0, reboot(self, 1));
	EXPECT_EQ(-EALREADY, auth_rx_peek(self->s[1], at, mask));
	ASSERT_EQ(0, meet(self));
	EXPECT_EQ(0, say(self, 0));
}

TEST_F(store, an_append_that_only_one_end_has_is_dropped)
{
	uint8_t key[2 * AUTH_UNIT], other[2 * AUTH_UNIT];
	struct auth_marks m[2];

	ASSERT_EQ(0, meet(self));
	random_bytes(key, sizeof(key));
	random_bytes(other, sizeof(other));
	auth_marks(self->s[0], &m[0]);
	ASSERT_EQ(0, auth_append(self->s[0], m[0].head, key, sizeof(key), 7));
	EXPECT_EQ(-EBUSY, auth_append(self->s[0], m[0].head + AUTH_UNIT, key,
				      sizeof(key), 8));
	ASSERT_EQ(0, meet(self));
	auth_marks(self->s[0], &m[0]);
	auth_marks(self->s[1], &m[1]);
	EXPECT_EQ(m[0].head, m[1].head);

	/* different ones at the same place are both dropped */
	ASSERT_EQ(0, auth_append(self->s[0], m[0].head, key, sizeof(key), 7));
	ASSERT_EQ(0, auth_append(self->s[1], m[0].head, other, sizeof(other),
				 9));
	ASSERT_EQ(0, meet(self));
	auth_marks(self->s[0], &m[1]);
	EXPECT_EQ(m[0].head, m[1].head);
	EXPECT_EQ(0, append(self));
}

TEST_F(store, gives_nothing_that_is_not_confirmed)
{
	uint8_t key[2 * AUTH_UNIT], mask[AUTH_MASK_SIZE];
	struct auth_marks m;
	uint64_t at;
	int ret;

	ASSERT_EQ(0, meet(self));
	auth_marks(self->s[0], &m);
	random_bytes(key, sizeof(key));
	ASSERT_EQ(0, auth_append(self->s[0], m.head, key, sizeof(key), 3));
	while (!(ret = auth_tx(self->s[0], &at, mask)))
		ASSERT_LT(at, m.head);
	EXPECT_EQ(-ENOKEY, ret);
	EXPECT_EQ(0, auth_tx_left(self->s[0]));
	ASSERT_EQ(0, auth_confirm(self->s[0]));
	EXPECT_EQ(0, auth_tx(self->s[0], &at, mask));
	EXPECT_EQ(m.head, at);
}

TEST_F(store, used_masks_are_not_left_on_the_disk)
{
	uint8_t mask[AUTH_MASK_SIZE], key[AUTH_MASK_SIZE];
	uint64_t at;
	size_t i;

	ASSERT_EQ(0, meet(self));
	ASSERT_EQ(0, auth_tx(self->s[0], &at, mask));
	ASSERT_EQ(0, auth_rx_peek(self->s[1], at, key));
	ASSERT_EQ(0, auth_rx_accept(self->s[1], at));
	for (i = 0; i + sizeof(mask) <= AUTH_FILE_SIZE; i += 16) {
		ASSERT_NE(0, memcmp(self->disk[0]->cache + i, mask, 16));
		ASSERT_NE(0, memcmp(self->disk[1]->cache + i, mask, 16));
	}
}

TEST_F(store, a_disk_that_fails_ends_it)
{
	uint8_t mask[AUTH_MASK_SIZE];
	uint64_t at;
	int ret;

	ASSERT_EQ(0, meet(self));
	self->disk[0]->fail_sync = true;
	while (!(ret = auth_tx(self->s[0], &at, mask)))
		;
	EXPECT_EQ(-EIO, ret);
	self->disk[0]->fail_sync = false;
	/* what is durable is not known any more */
	EXPECT_EQ(-EIO, auth_tx(self->s[0], &at, mask));
	ASSERT_EQ(0, reboot(self, 0));
	EXPECT_EQ(0, some_traffic(self));
}

TEST_F(store, damage_is_found)
{
	int i;

	for (i = 0; i < 2; i++) {
		self->disk[0]->cache[i * 4096 + 40] ^= 1;
		auth_free(self->s[0]);
		self->s[0] = NULL;
		EXPECT_EQ(i ? -EBADMSG : 0,
			  auth_load(&self->s[0], &self->ops[0], true));
	}
	EXPECT_EQ(-EINVAL, auth_format(&self->ops[0], self->psk,
				       AUTH_PSK_MIN - 1, true));
	ASSERT_EQ(0, auth_format(&self->ops[0], self->psk, PSK, true));
	EXPECT_EQ(-EINVAL, auth_load(&self->s[0], &self->ops[0], false));
}

TEST_HARNESS_MAIN
