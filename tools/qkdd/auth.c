// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The store of one-time mask key: what may be used, what has been, durably.
 *
 *                 reserved                 confirmed       head
 *      wiped         | in memory, may be used |  peer may lack |
 *   -----------------+------------------------+----------------+---> tx, rx
 *
 * The file is two headers, written in turn, and two rings. A header is whole
 * or void (it carries a checksum), and the one that is not being written is
 * the one that counts if the write is cut off. A header never says more than
 * what was made durable before it. Which key goes in, when, and what for, is
 * left to the callers; so is where the file is (psk.c).
 */
#include <errno.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "tools/common/secret.h"

#define SLOT_SIZE	4096
#define DATA_START	(2 * SLOT_SIZE)
#define AUTH_MAGIC	UINT64_C(0x514b444155544831)	/* "QKDAUTH1" */
/* Positions given up ahead by a busy link, to sync less often. */
#define AHEAD		(16 * AUTH_UNIT)

/* Local to a machine, so in its byte order; the magic finds a foreign one. */
struct auth_header {
	uint64_t magic;
	uint64_t count;		/* of header writes; the higher counts */
	uint64_t lower;
	uint64_t tx_reserved;
	uint64_t rx_reserved;
	uint64_t confirmed;	/* of both streams */
	uint64_t head;
	uint64_t stamp;
	uint8_t fingerprint[32];
	uint8_t secrets[AUTH_SECRETS];
	uint8_t sum[32];	/* SHA-256 of all above */
};

_Static_assert(sizeof(struct auth_header) == 192, "laid out as documented");

struct auth_store {
	struct auth_disk disk;
	struct auth_header h;	/* durable, but for what is being changed */
	uint64_t tx_next;	/* next position to use, <= h.tx_reserved */
	uint64_t rx_next;	/* lowest position to accept */
	bool broken;		/* a write or sync failed: durable is unknown */
	uint8_t ring[2][AUTH_CAPACITY];
};

static unsigned int stream_of(const struct auth_store *s, bool tx)
{
	/* stream 0 is the tx of the node whose ID sorts first */
	return tx == !!s->h.lower ? 0 : 1;
}

static off_t disk_at(unsigned int stream, uint64_t offset)
{
	return DATA_START + (off_t)stream * AUTH_CAPACITY +
	       (off_t)(offset % AUTH_CAPACITY);
}

static void header_sum(const struct auth_header *h, uint8_t sum[32])
{
	SHA256((const void *)h, offsetof(struct auth_header, sum), sum);
}

static int header_write(const struct auth_disk *disk, struct auth_header *h)
{
	int ret;

	h->count++;
	header_sum(h, h->sum);
	ret = disk->write(disk->ctx, h, sizeof(*h),
			  h->count & 1 ? SLOT_SIZE : 0);
	if (!ret)
		ret = disk->sync(disk->ctx);
	return ret;
}

static int header_read(const struct auth_disk *disk, unsigned int slot,
		       struct auth_header *h)
{
	uint8_t sum[32];
	int ret;

	ret = disk->read(disk->ctx, h, sizeof(*h), slot * SLOT_SIZE);
	if (ret)
		return ret;
	header_sum(h, sum);
	if (h->magic != AUTH_MAGIC || memcmp(sum, h->sum, sizeof(sum)) ||
	    (h->count & 1) != slot)
		return -EBADMSG;
	return 0;
}

/* After a failed sync nobody knows what is durable: use nothing any more. */
static int commit(struct auth_store *s)
{
	if (!s->broken && header_write(&s->disk, &s->h))
		s->broken = true;
	return s->broken ? -EIO : 0;
}

/* Ring bytes from @from to @to of a stream; both within a ring's length. */
static int ring_io(struct auth_store *s, unsigned int stream, uint64_t from,
		   uint64_t to, int (*io)(struct auth_store *s, uint8_t *p,
					  size_t len, off_t at))
{
	uint64_t n, at;
	int ret;

	while (from < to) {
		at = from % AUTH_CAPACITY;
		n = to - from;
		if (n > AUTH_CAPACITY - at)
			n = AUTH_CAPACITY - at;
		ret = io(s, s->ring[stream] + at, n, disk_at(stream, from));
		if (ret)
			return ret;
		from += n;
	}
	return 0;
}

static int io_read(struct auth_store *s, uint8_t *p, size_t len, off_t at)
{
	return s->disk.read(s->disk.ctx, p, len, at);
}

static int io_write(struct auth_store *s, uint8_t *p, size_t len, off_t at)
{
	return s->disk.write(s->disk.ctx, p, len, at);
}

static int io_erase(struct auth_store *s, uint8_t *p, size_t len, off_t at)
{
	wipe(p, len);
	return s->disk.write(s->disk.ctx, p, len, at);
}

void auth_psk_fingerprint(const void *psk, size_t len, uint8_t fp[32])
{
	SHA256(psk, len, fp);
}

int auth_format(const struct auth_disk *disk, const void *psk, size_t len,
		bool lower)
{
	struct auth_header *h;
	const uint8_t *p = psk;
	uint64_t half;
	int ret;

	if (len < AUTH_PSK_MIN || len > AUTH_PSK_MAX)
		return -EINVAL;
	h = secret_alloc(SLOT_SIZE);
	if (!h)
		return -ENOMEM;

	/* Nothing valid may be left of an older store. */
	ret = disk->write(disk->ctx, h, SLOT_SIZE, 0);
	if (!ret)
		ret = disk->write(disk->ctx, h, SLOT_SIZE, SLOT_SIZE);
	if (!ret)
		ret = disk->sync(disk->ctx);
	if (ret)
		goto out;

	half = (len - AUTH_SECRETS) / 2 / AUTH_UNIT * AUTH_UNIT;
	p += AUTH_SECRETS;
	ret = disk->write(disk->ctx, p, half, disk_at(0, 0));
	if (!ret)
		ret = disk->write(disk->ctx, p + half, half, disk_at(1, 0));
	if (!ret)
		ret = disk->sync(disk->ctx);
	if (ret)
		goto out;

	h->magic = AUTH_MAGIC;
	h->lower = lower;
	h->head = half;
	h->confirmed = half;
	auth_psk_fingerprint(psk, len, h->fingerprint);
	memcpy(h->secrets, psk, AUTH_SECRETS);
	ret = header_write(disk, h);
out:
	secret_free(h, SLOT_SIZE);
	return ret;
}

/* Bytes that no header calls unused must not lie about on the disk. */
static int erase_spent(struct auth_store *s)
{
	uint64_t tail[2];
	unsigned int i;
	int ret = 0;

	tail[stream_of(s, true)] = s->h.tx_reserved;
	tail[stream_of(s, false)] = s->h.rx_reserved;
	for (i = 0; i < 2 && !ret; i++)
		ret = ring_io(s, i, s->h.head, tail[i] + AUTH_CAPACITY,
			      io_erase);
	return ret;
}

static bool header_sane(const struct auth_header *h)
{
	uint64_t low = h->tx_reserved < h->rx_reserved ? h->tx_reserved :
							 h->rx_reserved;

	return h->tx_reserved <= h->confirmed &&
	       h->rx_reserved <= h->head && h->confirmed <= h->head &&
	       h->head - low <= AUTH_CAPACITY && h->lower <= 1 &&
	       !(h->head % AUTH_UNIT) && !(h->tx_reserved % AUTH_UNIT) &&
	       !(h->rx_reserved % AUTH_UNIT) && !(h->confirmed % AUTH_UNIT);
}

int auth_load(struct auth_store **store, const struct auth_disk *disk,
	      bool lower)
{
	struct auth_header *other;
	struct auth_store *s;
	int ret, ret2;

	s = secret_alloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	other = secret_alloc(sizeof(*other));
	if (!other) {
		ret = -ENOMEM;
		goto err;
	}
	s->disk = *disk;
	ret = header_read(disk, 0, &s->h);
	ret2 = header_read(disk, 1, other);
	if (!ret2 && (ret || other->count > s->h.count))
		s->h = *other;
	secret_free(other, sizeof(*other));
	if (!ret2)
		ret = 0;
	if (ret)
		goto err;
	ret = -EBADMSG;
	if (!header_sane(&s->h))
		goto err;
	ret = -EINVAL;
	if (s->h.lower != lower)
		goto err;

	ret = ring_io(s, stream_of(s, true), s->h.tx_reserved, s->h.head,
		      io_read);
	if (!ret)
		ret = ring_io(s, stream_of(s, false), s->h.rx_reserved,
			      s->h.head, io_read);
	if (!ret)
		ret = erase_spent(s);
	if (ret)
		goto err;
	/* What was reserved before may have been used: start behind it. */
	s->tx_next = s->h.tx_reserved;
	s->rx_next = s->h.rx_reserved;
	*store = s;
	return 0;
err:
	secret_free(s, sizeof(*s));
	return ret;
}

void auth_free(struct auth_store *s)
{
	secret_free(s, sizeof(*s));
}

const uint8_t *auth_fingerprint(const struct auth_store *s)
{
	return s->h.fingerprint;
}

const uint8_t *auth_hash_key(const struct auth_store *s, bool tx)
{
	return s->h.secrets + stream_of(s, tx) * AUTH_HASH_SIZE;
}

const uint8_t *auth_prf_key(const struct auth_store *s)
{
	return s->h.secrets + 2 * AUTH_HASH_SIZE;
}

void auth_marks(const struct auth_store *s, struct auth_marks *m)
{
	m->tx_reserved = s->h.tx_reserved;
	m->rx_reserved = s->h.rx_reserved;
	m->head = s->h.head;
	m->stamp = s->h.stamp;
}

uint64_t auth_tx_left(const struct auth_store *s)
{
	return s->h.confirmed - s->tx_next;
}

uint64_t auth_left(const struct auth_store *s)
{
	uint64_t next = s->tx_next > s->rx_next ? s->tx_next : s->rx_next;

	return s->h.confirmed > next ? s->h.confirmed - next : 0;
}

uint64_t auth_room(const struct auth_store *s)
{
	uint64_t low = s->h.tx_reserved < s->h.rx_reserved ?
		       s->h.tx_reserved : s->h.rx_reserved;

	return 2 * (AUTH_CAPACITY - (s->h.head - low));
}

/* Erase what lies between two positions of a stream, here and on disk. */
static int spend(struct auth_store *s, bool tx, uint64_t from, uint64_t to)
{
	return ring_io(s, stream_of(s, tx), from, to, io_erase);
}

int auth_settle(struct auth_store *s, const struct auth_marks *peer)
{
	/*
	 * Both ends give up whole units, we before we use them: so what the
	 * peer has seen is never beyond what we gave up, unless our copy is
	 * older than the one it was seen from. And the other way round.
	 */
	if (peer->rx_reserved > s->h.tx_reserved)
		return -ESTALE;
	if (s->h.rx_reserved > peer->tx_reserved)
		return -EREMOTE;
	if (peer->tx_reserved > s->h.head)
		return -ESTALE;
	if (s->h.tx_reserved > peer->head)
		return -EREMOTE;
	if (peer->rx_reserved > s->tx_next) {
		if (spend(s, true, s->tx_next, peer->rx_reserved))
			return -EIO;
		s->tx_next = peer->rx_reserved;
	}
	return 0;
}

int auth_agree(struct auth_store *s, const struct auth_marks *peer)
{
	uint64_t head = s->h.head;
	int ret;

	ret = auth_settle(s, peer);
	if (ret)
		return ret;
	/*
	 * One append at most is under way at a time, so that heads differ by
	 * one, or both ends have a different one (a loss was not settled).
	 */
	if (peer->head < head)
		head = peer->head;
	if (peer->head == s->h.head && peer->stamp != s->h.stamp)
		head = s->h.confirmed;
	if (head < s->h.confirmed)
		return -EREMOTE;
	if (head == s->h.head && head == s->h.confirmed)
		return 0;
	if (head < s->h.head) {
		ret = spend(s, true, head, s->h.head);
		if (!ret)
			ret = spend(s, false, head, s->h.head);
		if (ret) {
			s->broken = true;
			return -EIO;
		}
		s->h.stamp = 0;
	}
	s->h.head = head;
	s->h.confirmed = head;
	return commit(s);
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int reserve_tx(struct auth_store *s)
{
	uint64_t want;

	/* Little ahead when there is little, so that restarts are cheap. */
	want = (s->h.confirmed - s->h.tx_reserved) / 8;
	want = min_u64(want, AHEAD) / AUTH_UNIT * AUTH_UNIT;
	if (!want)
		want = AUTH_UNIT;
	if (s->h.confirmed - s->h.tx_reserved < want)
		return -ENOKEY;
	s->h.tx_reserved += want;
	return commit(s);
}

int auth_prepare(struct auth_store *s)
{
	if (s->broken)
		return -EIO;
	return s->tx_next < s->h.tx_reserved ? 0 : reserve_tx(s);
}

int auth_tx(struct auth_store *s, uint64_t *offset, uint8_t *mask)
{
	int ret;

	ret = auth_prepare(s);
	if (ret)
		return ret;
	*offset = s->tx_next;
	memcpy(mask, s->ring[stream_of(s, true)] + *offset % AUTH_CAPACITY,
	       AUTH_MASK_SIZE);
	s->tx_next += AUTH_MASK_SIZE;
	/* Not synced: it is given up already, this only tidies the disk. */
	if (spend(s, true, *offset, s->tx_next)) {
		s->broken = true;
		wipe(mask, AUTH_MASK_SIZE);
		return -EIO;
	}
	return 0;
}

int auth_rx_peek(const struct auth_store *s, uint64_t offset, uint8_t *mask)
{
	if (s->broken)
		return -EIO;
	if (offset % AUTH_MASK_SIZE)
		return -EINVAL;
	if (offset < s->rx_next)
		return -EALREADY;
	if (offset >= s->h.head)
		return -ENOKEY;
	memcpy(mask, s->ring[stream_of(s, false)] + offset % AUTH_CAPACITY,
	       AUTH_MASK_SIZE);
	return 0;
}

int auth_rx_accept(struct auth_store *s, uint64_t offset)
{
	uint64_t next = offset + AUTH_MASK_SIZE;

	if (s->broken)
		return -EIO;
	/*
	 * In the sender's units, and durable before it is believed: the sender
	 * gave up all of this unit before it used any of it.
	 */
	if (next > s->h.rx_reserved) {
		s->h.rx_reserved = (next + AUTH_UNIT - 1) / AUTH_UNIT *
				   AUTH_UNIT;
		if (commit(s))
			return -EIO;
	}
	if (spend(s, false, s->rx_next, next)) {
		s->broken = true;
		return -EIO;
	}
	s->rx_next = next;
	return 0;
}

int auth_append(struct auth_store *s, uint64_t head, const void *key,
		size_t len, uint64_t stamp)
{
	const uint8_t *p = key;
	size_t half = len / 2;
	unsigned int i;
	uint64_t n, at;
	int ret;

	if (s->broken)
		return -EIO;
	if (!len || len % (2 * AUTH_UNIT) || !stamp)
		return -EINVAL;
	if (head != s->h.head)
		return -ESTALE;
	if (s->h.confirmed != s->h.head)
		return -EBUSY;
	if (len > auth_room(s))
		return -EAGAIN;

	at = head % AUTH_CAPACITY;
	n = min_u64(half, AUTH_CAPACITY - at);
	for (i = 0; i < 2; i++, p += half) {
		memcpy(s->ring[i] + at, p, n);
		memcpy(s->ring[i], p + n, half - n);
		ret = ring_io(s, i, head, head + half, io_write);
		if (ret)
			goto broken;
	}
	/* The bytes first, then the header that tells of them. */
	ret = s->disk.sync(s->disk.ctx);
	if (ret)
		goto broken;
	s->h.head = head + half;
	s->h.stamp = stamp;
	return commit(s);
broken:
	s->broken = true;
	return -EIO;
}

int auth_confirm(struct auth_store *s)
{
	if (s->broken)
		return -EIO;
	if (s->h.confirmed == s->h.head)
		return 0;
	s->h.confirmed = s->h.head;
	return commit(s);
}
