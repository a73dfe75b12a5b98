// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a virtual link's configuration may be, between driver and qkd-relayd; and
 * the settings of that.
 */
#include <string.h>

#include <kselftest_harness.h>
#include "tools/relay/conf.h"
#include "tools/relay/local.h"

static struct local_open open_of(const char *paths, unsigned int shares)
{
	struct local_open o = { .origin = true, .shares = shares,
				.timeout = 60 };
	char err[200];
	int n;

	strcpy(o.local, "hospital");
	strcpy(o.peer, "biobank");
	n = path_parse(paths, o.local, o.peer, o.path, LOCAL_PATHS, err,
		       sizeof(err));
	o.paths = n > 0 ? n : 0;
	return o;
}

TEST(what_is_written_is_read)
{
	struct local_open o = open_of("clinic/lab,institute", 2), got;
	uint8_t buf[LOCAL_OPEN_MAX];
	size_t len = local_put_open(buf, &o), i;

	ASSERT_EQ(NULL, local_get_open(buf, len, &got));
	EXPECT_EQ(0, memcmp(&o, &got, sizeof(o)));
	for (i = 0; i < len; i++)
		EXPECT_NE(NULL, local_get_open(buf, i, &got));
}

TEST(paths_of_several_shares_are_disjoint)
{
	struct local_open o = open_of("clinic/lab,institute/lab", 2);

	EXPECT_NE(NULL, local_check(&o));
	o = open_of("clinic/lab,institute/lab", 1);
	EXPECT_EQ(NULL, local_check(&o));
	o = open_of("clinic", 2);
	EXPECT_NE(NULL, local_check(&o));
	o = open_of("clinic,institute", 0);
	EXPECT_NE(NULL, local_check(&o));
}

TEST(either_end_knows_which_it_is)
{
	struct local_open o = open_of("clinic", 1);

	o.origin = false;
	EXPECT_NE(NULL, local_check(&o));
	strcpy(o.peer, "zoo");
	o.paths = 0;
	EXPECT_EQ(NULL, local_check(&o));
	strcpy(o.peer, "hospital");
	EXPECT_NE(NULL, local_check(&o));
}

TEST(a_block_is_taken_apart)
{
	uint8_t msg[3 + 20 + 100] = { LOCAL_BLOCK, 0, 20 };
	const uint8_t *name, *key;
	size_t name_len, key_len;

	ASSERT_TRUE(local_get_block(msg, sizeof(msg), &name, &name_len, &key,
				    &key_len));
	EXPECT_EQ(msg + 3, name);
	EXPECT_EQ(20, name_len);
	EXPECT_EQ(msg + 23, key);
	EXPECT_EQ(100, key_len);
	EXPECT_FALSE(local_get_block(msg, 22, &name, &name_len, &key,
				     &key_len));
	EXPECT_FALSE(local_get_block(msg, 2, &name, &name_len, &key,
				     &key_len));
}

static int line(struct relay_conf *c, const char *text, char *err, size_t room)
{
	char copy[100];

	strcpy(copy, text);
	return conf_line(c, copy, err, room);
}

TEST(settings)
{
	struct relay_conf c;
	char err[200] = "";

	conf_init(&c);
	EXPECT_EQ(RELAY_PORT, c.port);
	EXPECT_TRUE(conf_is_hop(&c, "q1", "sim"));
	EXPECT_FALSE(conf_is_hop(&c, "v", "relay"));
	EXPECT_TRUE(conf_allows(&c, "a", "b"));
	EXPECT_EQ(0, line(&c, " # nothing\n", err, sizeof(err)));
	EXPECT_EQ(0, line(&c, "port 5000 # other\n", err, sizeof(err)));
	EXPECT_EQ(5000, c.port);
	EXPECT_EQ(0, line(&c, "hop q1\n", err, sizeof(err)));
	EXPECT_TRUE(conf_is_hop(&c, "q1", "sim"));
	EXPECT_FALSE(conf_is_hop(&c, "q2", "sim"));
	EXPECT_EQ(0, line(&c, "allow a b\n", err, sizeof(err)));
	EXPECT_TRUE(conf_allows(&c, "a", "b"));
	EXPECT_TRUE(conf_allows(&c, "b", "a"));
	EXPECT_FALSE(conf_allows(&c, "a", "c"));
	EXPECT_EQ(0, line(&c, "log debug\n", err, sizeof(err)));
	EXPECT_EQ(LOG_LEVEL_DEBUG, c.log);
	EXPECT_GT(0, line(&c, "port 65536\n", err, sizeof(err)));
	EXPECT_GT(0, line(&c, "port\n", err, sizeof(err)));
	EXPECT_GT(0, line(&c, "hold -1\n", err, sizeof(err)));
	EXPECT_GT(0, line(&c, "allow a\n", err, sizeof(err)));
	EXPECT_GT(0, line(&c, "allow a b c\n", err, sizeof(err)));
	EXPECT_GT(0, line(&c, "socket relative\n", err, sizeof(err)));
	EXPECT_GT(0, line(&c, "nonsense 1\n", err, sizeof(err)));
	EXPECT_NE(NULL, strstr(err, "nonsense"));
}

TEST_HARNESS_MAIN
