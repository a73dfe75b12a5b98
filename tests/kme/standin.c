// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libqkd without a kernel, for tests and benchmarks of qkd-kmed: pools by the
 * kernel's own ring, fed with pseudo-random bytes that two processes given the
 * same seed agree on.
 *
 *	QKD_STANDIN_SEED	any text; the two ends' must be the same
 *	QKD_STANDIN_BYTES	key each direction has in all; default: no end
 *	QKD_STANDIN_DOWN	names of links that are not there, by spaces
 *	QKD_STANDIN_LINKS	what qkd_link_each() tells: by spaces,
 *				NAME,LOCAL-NODE,PEER-NODE,LOCAL,PEER each;
 *				qkd_link_get() has the addresses from it
 *	QKD_STANDIN_RATE	bytes a second that a link makes to send with: by
 *				spaces, NAME=BYTES each; default: any
 *	QKD_STANDIN_DIR		where it keeps how far key was reserved, so that
 *				pools outlive the process, as the kernel's do
 *
 * Link "NAME-far" is the other end of link "NAME", in this process or another.
 *
 * What a real pool does that this does not: blocks, confirmation by a peer,
 * generations that change, and the cost of a system call.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kmod/core/ring.h"
#include "tests/kme/standin_stream.h"
#include "tools/libqkd/internal.h"

#define RING		(1u << 20)	/* bytes of each direction */
#define MAC_SECRET	64		/* of a stream, that nobody is given */
#define CONTROL_SHARE	1024
#define LINKS		16

struct pool {
	char name[QKD_NAME_MAX + 1];
	int base_len;		/* of its name, without "-far" */
	bool lower;
	uint8_t generation[QKD_GENERATION_SIZE];
	struct qkd_tx tx;
	struct qkd_rx rx;
	uint64_t clock;
	uint64_t rate;		/* bytes/s; 0: any */
	double since;
	uint64_t begun;		/* reserved by processes before this one */
	int fd;			/* of the file that says so */
};

struct qkd_dev {
	struct pool *pool;
	struct standin_stream *stream;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* all below */
static struct pool *pools[LINKS];

static uint64_t limit(void)
{
	const char *s = getenv("QKD_STANDIN_BYTES");

	return s ? strtoull(s, NULL, 10) + MAC_SECRET + CONTROL_SHARE :
		UINT64_MAX;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static uint64_t rate_of(const char *name)
{
	const char *s = getenv("QKD_STANDIN_RATE");
	size_t len = strlen(name);

	for (; s && *s; s += strcspn(s, " "), s += !!*s)
		if (!strncmp(s, name, len) && s[len] == '=')
			return strtoull(s + len + 1, NULL, 10);
	return 0;
}

static uint64_t tx_limit(const struct pool *p)
{
	uint64_t made = MAC_SECRET + CONTROL_SHARE + p->begun +
			p->rate * (now() - p->since);

	return p->rate && made < limit() ? made : limit();
}

/* Key at @offset of stream 0 or 1 of a link: AES-128 in counter mode */
static void bytes_at(const struct pool *p, uint32_t stream, uint64_t offset,
		     uint8_t *out, uint32_t len)
{
	uint8_t key[32], iv[16] = { 0 }, skip[16] = { 0 };
	const char *seed = getenv("QKD_STANDIN_SEED");
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	char text[256];
	int n;

	snprintf(text, sizeof(text), "%s/%.*s/%u", seed ? seed : "",
		 p->base_len, p->name, stream);
	EVP_Digest(text, strlen(text), key, NULL, EVP_sha256(), NULL);
	for (int i = 0; i < 8; i++)
		iv[15 - i] = offset / 16 >> (8 * i);
	EVP_EncryptInit_ex(ctx, EVP_aes_128_ctr(), NULL, key, iv);
	EVP_EncryptUpdate(ctx, skip, &n, skip, offset % 16);
	memset(out, 0, len);
	EVP_EncryptUpdate(ctx, out, &n, out, len);
	EVP_CIPHER_CTX_free(ctx);
}

static void feed_tx(struct pool *p)
{
	uint64_t room = qkd_tx_room(&p->tx), end = tx_limit(p);
	uint8_t block[8192];

	while (room >= sizeof(block) && p->tx.head < end) {
		uint32_t len = end - p->tx.head < sizeof(block) ?
			end - p->tx.head : sizeof(block);

		bytes_at(p, !p->lower, p->tx.head, block, len);
		qkd_ring_write(p->tx.buf, RING, p->tx.head, block, len);
		qkd_tx_feed(&p->tx, p->tx.head, len);
		qkd_tx_confirm(&p->tx, p->tx.head - len, len);
		room -= len;
	}
	/* what is made while there is no room is nobody's */
	if (p->rate && p->tx.head < end && room < sizeof(block))
		p->since += (double)(end - p->tx.head) / p->rate;
	/* tests look for key in this process: this would be the kernel's */
	qkd_wipe(block, sizeof(block));
}

/* Up to @end; older key goes when the ring is full, as after its grace. */
static void feed_rx(struct pool *p, uint64_t end)
{
	uint8_t block[8192];

	while (p->rx.head < end && p->rx.head < limit()) {
		uint64_t at = p->rx.head;

		if (at + sizeof(block) > RING)
			qkd_rx_peer_reserved(&p->rx, at + sizeof(block) - RING,
					     p->clock++, 0);
		qkd_rx_make_room(&p->rx, at, sizeof(block), p->clock++, 0);
		bytes_at(p, p->lower, at, block, sizeof(block));
		qkd_ring_write(p->rx.buf, RING, at, block, sizeof(block));
		qkd_rx_feed(&p->rx, at, sizeof(block));
	}
	qkd_wipe(block, sizeof(block));
}

/* What was reserved before is gone. */
static void skip_begun(struct pool *p)
{
	const char *dir = getenv("QKD_STANDIN_DIR");
	uint8_t gone[4096];
	char path[4096];
	uint64_t at, n;

	p->fd = -1;
	if (!dir)
		return;
	snprintf(path, sizeof(path), "%s/%s", dir, p->name);
	p->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (pread(p->fd, &p->begun, sizeof(p->begun), 0) <
	    (ssize_t)sizeof(p->begun))
		p->begun = 0;
	for (at = MAC_SECRET; at < p->begun; at += n) {
		n = p->begun - at < sizeof(gone) ? p->begun - at : sizeof(gone);
		p->since = now();
		feed_tx(p);
		if (qkd_tx_reserve(&p->tx, gone, n, 0, &at))
			break;
	}
	p->since = now();
}

static void save_begun(const struct pool *p, uint64_t end)
{
	if (p->fd >= 0 && pwrite(p->fd, &end, sizeof(end), 0) < 0)
		perror("QKD_STANDIN_DIR");
}

static struct pool *pool_new(const char *name)
{
	struct pool *p = calloc(1, sizeof(*p));
	uint8_t secret[MAC_SECRET], digest[32];
	uint64_t offset;

	snprintf(p->name, sizeof(p->name), "%s", name);
	p->base_len = strlen(p->name);
	p->lower = p->base_len < 4 || strcmp(p->name + p->base_len - 4, "-far");
	p->base_len -= p->lower ? 0 : 4;
	EVP_Digest(p->name, p->base_len, digest, NULL, EVP_sha256(), NULL);
	memcpy(p->generation, digest, sizeof(p->generation));
	p->tx.buf = malloc(RING);
	p->tx.size = RING;
	p->rx.buf = malloc(RING);
	p->rx.gone = calloc(RING / 8, 1);
	p->rx.size = RING;
	p->rate = rate_of(p->name);
	p->since = now();
	qkd_tx_reset(&p->tx);
	qkd_rx_reset(&p->rx);
	feed_tx(p);
	qkd_tx_reserve(&p->tx, secret, sizeof(secret), 0, &offset);
	skip_begun(p);
	feed_rx(p, 1);
	qkd_rx_take(&p->rx, 0, secret, sizeof(secret));
	return p;
}

static bool is_down(const char *name)
{
	const char *down = getenv("QKD_STANDIN_DOWN");

	return down && strstr(down, name);
}

static int pool_find(const char *name)
{
	int i;

	if (is_down(name))
		return qkd_fail(-ENODEV, "there is no link \"%s\"", name);
	pthread_mutex_lock(&lock);
	for (i = 0; i < LINKS && pools[i]; i++)
		if (!strcmp(pools[i]->name, name))
			break;
	if (i < LINKS && !pools[i])
		pools[i] = pool_new(name);
	pthread_mutex_unlock(&lock);
	return i < LINKS ? i : qkd_fail(-ENOSPC, "too many links");
}

/* ---- what libqkd offers ---- */

int qkd_nl_open(struct qkd_nl **nl, const char *netns)
{
	*nl = (void *)pools;
	return 0;
}

void qkd_nl_close(struct qkd_nl *nl)
{
}

static int addresses(const struct qkd_link *from, void *arg)
{
	struct qkd_link *link = arg;

	if (strcmp(from->name, link->name))
		return 0;
	link->have = from->have;
	link->local4 = from->local4;
	link->peer4 = from->peer4;
	return 1;
}

int qkd_link_get(struct qkd_nl *nl, const char *name, uint32_t index,
		 struct qkd_link **link)
{
	int i = pool_find(name);

	if (i < 0)
		return i;
	*link = calloc(1, sizeof(**link));
	(*link)->name = pools[i]->name;
	(*link)->index = i;
	(*link)->pool_size = RING;
	qkd_link_each(nl, addresses, *link);
	return 0;
}

void qkd_link_free(struct qkd_link *link)
{
	free(link);
}

int qkd_link_each(struct qkd_nl *nl,
		  int (*cb)(const struct qkd_link *link, void *arg), void *arg)
{
	const char *s = getenv("QKD_STANDIN_LINKS");
	char name[32], local[64], peer[64], from[16], to[16];
	int ret = 0, i, n;

	for (; s && !ret && sscanf(s, " %31[^,],%63[^,],%63[^,],%15[^,],%15[^, ]%n",
				   name, local, peer, from, to, &n) == 5;
	     s += n) {
		struct qkd_link l = {
			.have = QKD_BIT(QKD_A_LINK_LOCAL4) |
				QKD_BIT(QKD_A_LINK_PEER4),
			.name = name,
			.local_node = local,
			.peer_node = peer,
			.driver = "",
		};

		i = pool_find(name);
		if (i < 0 || inet_pton(AF_INET, from, &l.local4) != 1 ||
		    inet_pton(AF_INET, to, &l.peer4) != 1)
			continue;
		l.index = i;
		ret = cb(&l, arg);
	}
	return ret;
}

int qkd_dev_open(struct qkd_dev **dev, struct qkd_nl *nl, const char *name,
		 uint32_t index, bool nonblock)
{
	if (name) {
		int i = pool_find(name);

		if (i < 0)
			return i;
		index = i;
	}
	*dev = calloc(1, sizeof(**dev));
	(*dev)->pool = pools[index];
	return 0;
}

void qkd_dev_close(struct qkd_dev *dev)
{
	if (dev)
		standin_stream_free(dev->stream);
	free(dev);
}

int qkd_dev_stream(struct qkd_dev *dev, const char *name)
{
	struct pool *p = dev->pool;
	char link[QKD_NAME_MAX + 1];

	snprintf(link, sizeof(link), "%.*s", p->base_len, p->name);
	return standin_stream_new(&dev->stream, link, name, p->lower);
}

ssize_t qkd_dev_read(struct qkd_dev *dev, void *buf, size_t len)
{
	return standin_stream_read(dev->stream, buf, len);
}

int qkd_dev_fd(const struct qkd_dev *dev)
{
	return dev->stream ? standin_stream_fd(dev->stream) : -1;
}

int qkd_dev_label(struct qkd_dev *dev, const char *label)
{
	return 0;
}

int qkd_dev_state(struct qkd_dev *dev, struct qkd_state *state)
{
	memset(state, 0, sizeof(*state));
	pthread_mutex_lock(&lock);
	state->lower = dev->pool->lower;
	state->tx.available = dev->pool->tx.available;
	pthread_mutex_unlock(&lock);
	return 0;
}

int qkd_dev_get(struct qkd_dev *dev, void *key, uint32_t len,
		struct qkd_key_id *id)
{
	struct pool *p = dev->pool;
	uint64_t offset;
	int err;

	if (is_down(p->name))
		return qkd_fail(-ENODEV, "the link was deleted");
	pthread_mutex_lock(&lock);
	if (p->tx.available < RING / 2)
		feed_tx(p);
	err = qkd_tx_reserve(&p->tx, key, len, CONTROL_SHARE, &offset);
	if (!err)
		save_begun(p, offset + len);
	pthread_mutex_unlock(&lock);
	if (err)
		return qkd_fail(err, "get key: the pool has none now");
	return qkd_key_id_encode(p->generation, !p->lower, len, offset, id);
}

int qkd_dev_take(struct qkd_dev *dev, const struct qkd_key_id *id, void *key,
		 uint32_t room)
{
	uint8_t tag[QKD_KEY_ID_TAG_SIZE];
	struct pool *p = dev->pool;
	struct qkd_key_range at;
	int err;

	if (is_down(p->name))
		return qkd_fail(-ENODEV, "the link was deleted");
	if (qkd_key_id_decode(id, &at))
		return -EINVAL;
	qkd_generation_tag(p->generation, tag);
	if (memcmp(tag, at.tag, sizeof(tag)))
		return qkd_fail(-ESTALE, "of another generation");
	if (at.stream != p->lower)
		return qkd_fail(-ENOENT, "this link does not have that key");
	if (at.len > room)
		return qkd_fail(-EMSGSIZE, "longer than the room");
	pthread_mutex_lock(&lock);
	/* who names what is far ahead is no peer of ours */
	if (p->fd >= 0 || at.offset < p->rx.head + RING)
		feed_rx(p, at.offset + at.len);
	err = qkd_rx_take(&p->rx, at.offset, key, at.len);
	pthread_mutex_unlock(&lock);
	return err ? qkd_fail(err, "not here, or not any more") : (int)at.len;
}
