// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The peer protocol on the wire, written here from Documentation/formats.rst:
 * who has no key gets nothing done, spends nothing, and is counted. The
 * messages carried are those of named streams.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "tests/pair/pair.h"

#define HALF	16384

/*
 * The test is bob: link "a" sends to its socket. Link "b" is there for bob's
 * side of the pool only.
 */
FIXTURE(peer) {
	struct pair p;
	int sock;
	uint64_t used;		/* of bob's tx, for MAC keys */
	uint8_t data[WIRE_MAX + 16];
};

FIXTURE_SETUP(peer)
{
	uint16_t port;

	pair_namespace();
	self->sock = wire_socket(&port);
	/* the pair stays in the socket's namespace */
	pair_make_here(&self->p, 0, port);
	pair_fill(&self->p, HALF);
	self->used = PAIR_SECRET;
}

FIXTURE_TEARDOWN(peer)
{
	pair_free(&self->p);
	close(self->sock);
}

enum { OPEN = 1, CHUNK, ACK, WANT, CLOSE };

struct named {
	uint8_t type, flags;
	uint16_t len;
	uint32_t seq;
	uint64_t mine, yours, offset;
	uint8_t tag[8];
	char name[32];
} __attribute__((packed));

static struct wire_msg message(FIXTURE_DATA(peer) *self, const struct named *n)
{
	struct wire_msg m = { .proto = 1, .len = sizeof(*n) };
	struct named w = *n;

	_Static_assert(sizeof(*n) == 72, "named stream message");
	memcpy(m.generation, self->p.generation, sizeof(m.generation));
	m.offset = self->used;
	self->used += 32;
	w.len = htons(n->len);
	w.seq = htonl(n->seq);
	w.mine = htobe64(n->mine);
	w.yours = htobe64(n->yours);
	w.offset = htobe64(n->offset);
	memcpy(m.body, &w, sizeof(w));
	return m;
}

static void say(FIXTURE_DATA(peer) *self, const struct named *n)
{
	struct wire_msg m = message(self, n);

	wire_send(self->sock, self->data,
		  wire_make(&m, self->p.rx, self->data));
}

/* The next message of alice's with the right MAC; 0 if none comes. */
static int hear(FIXTURE_DATA(peer) *self, struct named *n)
{
	struct wire_msg m;
	ssize_t size = recv(self->sock, self->data, sizeof(self->data), 0);

	if (size < 0 || !wire_parse(self->data, size, self->p.tx, &m) ||
	    m.proto != 1 || m.len != sizeof(*n))
		return 0;
	memcpy(n, m.body, sizeof(*n));
	n->len = ntohs(n->len);
	n->seq = ntohl(n->seq);
	n->mine = be64toh(n->mine);
	n->yours = be64toh(n->yours);
	n->offset = be64toh(n->offset);
	return 1;
}

static struct qkd_errors_info errors(FIXTURE_DATA(peer) *self)
{
	struct qkd_link *link;
	struct qkd_errors_info e;

	if (qkd_link_get(self->p.nl, "a", QKD_NO_INDEX, &link))
		pair_die("link-get", errno);
	e = *link->errors;
	qkd_link_free(link);
	return e;
}

static uint64_t rx_held(FIXTURE_DATA(peer) *self)
{
	struct qkd_state st;

	pair_state(&self->p.a, &st);
	return st.rx.available;
}

/* Long enough for a datagram over the loopback device. */
static void settle(void)
{
	usleep(100000);
}

TEST_F(peer, messages_are_as_the_page_says)
{
	int fd = pair_open(&self->p.a, O_RDONLY | O_NONBLOCK);
	struct named n;

	ASSERT_EQ(0, pair_stream(fd, "wire"));
	ASSERT_EQ(1, hear(self, &n));
	EXPECT_EQ(OPEN, n.type);
	EXPECT_NE(0, n.mine);
	EXPECT_EQ(0, n.yours);
	EXPECT_EQ(0, strcmp("wire", n.name));
	close(fd);
}

/* Opens "x" at alice's and plays bob until both are bound. */
static uint64_t bind_to(struct __test_metadata *_metadata,
			FIXTURE_DATA(peer) *self, int fd, uint64_t mine)
{
	struct named n, open = { .type = OPEN, .mine = mine, .name = "x" };

	EXPECT_EQ(0, pair_stream(fd, "x"));
	EXPECT_EQ(1, hear(self, &n));
	open.yours = n.mine;
	say(self, &open);
	do {
		EXPECT_EQ(1, hear(self, &n));
	} while (n.type != OPEN || n.yours != mine);
	return n.mine;
}

TEST_F(peer, invariant_2_the_leader_waits_for_the_ack)
{
	uint8_t got[256];
	int fd = pair_open(&self->p.a, O_RDONLY | O_NONBLOCK);
	uint64_t alice = bind_to(_metadata, self, fd, 77);
	struct named n, first, say_ack = {
		.type = ACK, .flags = 1, .mine = 77, .yours = alice,
		.name = "x",
	};

	EXPECT_EQ(-1, read(fd, got, 256));
	do {
		ASSERT_EQ(1, hear(self, &first));
	} while (first.type != CHUNK);
	EXPECT_EQ(256, first.len);
	EXPECT_EQ(0, first.seq);
	EXPECT_EQ(0, memcmp(first.tag, self->p.generation, 8));
	/* announced again and again, the same, and kept from the reader */
	ASSERT_EQ(1, hear(self, &n));
	EXPECT_EQ(0, memcmp(&n, &first, sizeof(n)));
	ASSERT_EQ(1, hear(self, &n));
	EXPECT_EQ(0, memcmp(&n, &first, sizeof(n)));
	EXPECT_EQ(-1, read(fd, got, 256));
	say_ack.seq = 1;	/* not that one */
	say(self, &say_ack);
	settle();
	EXPECT_EQ(-1, read(fd, got, 256));
	say_ack.seq = 0;
	say(self, &say_ack);
	settle();
	ASSERT_EQ(256, read(fd, got, 256));
	EXPECT_EQ(0, memcmp(got, self->p.tx + first.offset, 256));
	close(fd);
}

TEST_F(peer, invariant_2_a_void_chunk_is_given_to_nobody)
{
	uint8_t got[256];
	int fd = pair_open(&self->p.a, O_RDONLY | O_NONBLOCK);
	uint64_t alice = bind_to(_metadata, self, fd, 77);
	struct named first, n, ack = {
		.type = ACK, .mine = 77, .yours = alice, .name = "x",
	};

	EXPECT_EQ(-1, read(fd, got, 256));
	do {
		ASSERT_EQ(1, hear(self, &first));
	} while (first.type != CHUNK);
	say(self, &ack);
	do {
		ASSERT_EQ(1, hear(self, &n));
	} while (n.type != CHUNK || n.seq != 1);
	EXPECT_LE(first.offset + 256, n.offset);
	ack.seq = 1;
	ack.flags = 1;
	say(self, &ack);
	settle();
	ASSERT_EQ(256, read(fd, got, 256));
	EXPECT_EQ(0, memcmp(got, self->p.tx + n.offset, 256));
	close(fd);
}

TEST_F(peer, who_names_a_session_that_is_no_more_is_told)
{
	struct named n, want = {
		.type = WANT, .mine = 5, .yours = 6, .len = 1, .name = "none",
	};

	say(self, &want);
	ASSERT_EQ(1, hear(self, &n));
	EXPECT_EQ(CLOSE, n.type);
	EXPECT_EQ(6, n.mine);
	EXPECT_EQ(5, n.yours);
}

TEST_F(peer, a_peer_started_anew_ends_the_session)
{
	uint8_t got[16];
	int fd = pair_open(&self->p.a, O_RDONLY | O_NONBLOCK);
	uint64_t alice = bind_to(_metadata, self, fd, 77);
	struct named n, open = { .type = OPEN, .mine = 88, .name = "x" };

	/* an old message only makes alice ask who is alive */
	say(self, &open);
	do {
		ASSERT_EQ(1, hear(self, &n));
	} while (n.type != OPEN || n.yours != 88);
	EXPECT_EQ(2, n.flags & 2);
	EXPECT_EQ(-1, read(fd, got, 16));
	EXPECT_EQ(EAGAIN, errno);
	/* one that knows alice's session is alive */
	open.yours = alice;
	say(self, &open);
	settle();
	EXPECT_EQ(0, read(fd, got, 16));
	close(fd);
}

TEST_F(peer, invariant_6_junk_spends_no_key)
{
	struct named want = {
		.type = WANT, .mine = 5, .yours = 6, .len = 1, .name = "none",
	};
	struct wire_msg m = message(self, &want);
	uint64_t held = rx_held(self);
	size_t size = wire_make(&m, self->p.rx, self->data), i;
	struct qkd_errors_info before = errors(self), after;

	/* any bit wrong but those that make it another's, or malformed */
	for (i = 32 * 8; i < size * 8; i += 7) {
		self->data[i / 8] ^= 1 << i % 8;
		wire_send(self->sock, self->data, size);
		self->data[i / 8] ^= 1 << i % 8;
	}
	settle();
	after = errors(self);
	EXPECT_EQ(before.rx_auth + ((size - 32) * 8 + 6) / 7, after.rx_auth);
	EXPECT_EQ(held, rx_held(self));

	/* and the right one still gets through */
	wire_send(self->sock, self->data, size);
	settle();
	EXPECT_EQ(held - 32, rx_held(self));
	EXPECT_EQ(after.rx_auth, errors(self).rx_auth);
}

TEST_F(peer, invariant_1_a_message_is_handled_once)
{
	struct named n, want = {
		.type = WANT, .mine = 5, .yours = 6, .len = 1, .name = "none",
	};
	struct wire_msg m = message(self, &want);
	size_t size = wire_make(&m, self->p.rx, self->data);
	uint8_t copy[WIRE_MAX];
	uint64_t held = rx_held(self);
	uint64_t no_key = errors(self).rx_no_key;
	int i;

	memcpy(copy, self->data, size);
	for (i = 0; i < 10; i++)
		wire_send(self->sock, copy, size);
	settle();
	EXPECT_EQ(held - 32, rx_held(self));
	EXPECT_EQ(no_key + 9, errors(self).rx_no_key);
	ASSERT_EQ(1, hear(self, &n));	/* one answer */
	EXPECT_EQ(-1, recv(self->sock, copy, sizeof(copy), MSG_DONTWAIT));
}

TEST_F(peer, a_reflected_message_fails)
{
	int fd = pair_open(&self->p.a, O_RDONLY | O_NONBLOCK);
	uint64_t held = rx_held(self);
	ssize_t size;

	/* without "b", whose it would be */
	ASSERT_EQ(0, qkd_link_del(self->p.nl, "b", QKD_NO_INDEX));
	ASSERT_EQ(0, pair_stream(fd, "x"));
	size = recv(self->sock, self->data, sizeof(self->data), 0);
	ASSERT_LT(0, size);
	wire_send(self->sock, self->data, size);
	settle();
	EXPECT_EQ(1, errors(self).rx_auth);
	EXPECT_EQ(held, rx_held(self));
	close(fd);
}

TEST_F(peer, known_pad_without_the_secret_forges_nothing)
{
	struct named want = {
		.type = WANT, .mine = 5, .yours = 6, .len = 1, .name = "none",
	};
	struct wire_msg m = message(self, &want);
	uint8_t known[HALF];
	uint64_t auth = errors(self).rx_auth;

	/* whoever knows the pad but not its first bytes */
	memcpy(known, self->p.rx, HALF);
	memset(known, 0, 32);
	wire_send(self->sock, self->data, wire_make(&m, known, self->data));
	settle();
	EXPECT_EQ(auth + 1, errors(self).rx_auth);
}

TEST_F(peer, invariant_6_malformed_messages_are_dropped)
{
	struct named want = {
		.type = WANT, .mine = 5, .yours = 6, .len = 1, .name = "none",
	};
	struct wire_msg m = message(self, &want);
	size_t size = wire_make(&m, self->p.rx, self->data), i;
	uint64_t held = rx_held(self);
	uint8_t big[2000];

	/* which has the generation too */
	ASSERT_EQ(0, qkd_link_del(self->p.nl, "b", QKD_NO_INDEX));

	for (i = 0; i < size; i++)	/* cut short */
		wire_send(self->sock, self->data, i);
	self->data[0] = 2;
	wire_send(self->sock, self->data, size);
	self->data[0] = 1;
	self->data[3]++;
	wire_send(self->sock, self->data, size);
	self->data[3]--;
	self->data[4] = 1;
	wire_send(self->sock, self->data, size);
	self->data[4] = 0;
	self->data[9] ^= 1;		/* of no link */
	wire_send(self->sock, self->data, size);
	self->data[9] ^= 1;
	pair_random(big, sizeof(big));
	wire_send(self->sock, big, sizeof(big));
	memcpy(big, self->data, size);
	memset(big + 24, 0xff, 8);	/* far outside */
	wire_send(self->sock, big, size);
	settle();
	EXPECT_EQ(held, rx_held(self));
	EXPECT_EQ(0, errors(self).rx_auth);
	/* those that were long enough to name the generation */
	EXPECT_EQ(size - 24 + 3, errors(self).rx_malformed);
	EXPECT_EQ(1, errors(self).rx_no_key);
}

TEST_F(peer, a_body_nobody_understands_costs_its_key_only)
{
	struct wire_msg m = { .proto = 15, .len = 10 };
	struct named open = { .type = 99, .mine = 1, .name = "x" };
	uint64_t held = rx_held(self);

	memcpy(m.generation, self->p.generation, 16);
	m.offset = self->used;
	self->used += 32;
	wire_send(self->sock, self->data,
		  wire_make(&m, self->p.rx, self->data));
	say(self, &open);
	settle();
	EXPECT_EQ(held - 64, rx_held(self));
	EXPECT_EQ(1, errors(self).rx_dropped);
}

int main(int argc, char **argv)
{
	pair_need();
	return test_harness_run(argc, argv);
}
