// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Words of a simulated device: good ones do what they say, bad ones are named
 * in the message and change nothing.
 */
#include <string.h>

#include <kselftest_harness.h>

#include "tools/sim/sim.h"

TEST(words_set_their_fields)
{
	char err[SIM_ERROR_SIZE];
	struct sim_config c;

	sim_config_init(&c);
	ASSERT_EQ(0, sim_config_parse(&c, "length=42.5 rate=5e8\n\tpz=0.9 "
				      "intensities=0.6,0.1 "
				      "probabilities=0.75,0.25 "
				      "receiver=active seed=0x10", err));
	EXPECT_EQ(42.5, c.length_km);
	EXPECT_EQ(5e8, c.rate_hz);
	EXPECT_EQ(0.9, c.pz_alice);
	EXPECT_EQ(0.9, c.pz_bob);
	EXPECT_EQ(2, c.intensities);
	EXPECT_EQ(0, c.mu[2]);
	EXPECT_EQ(SIM_ACTIVE, c.receiver);
	EXPECT_TRUE(c.seeded);
	EXPECT_EQ(16, c.seed);
	ASSERT_EQ(0, sim_config_parse(&c, "pz_bob=0.5", err));
	EXPECT_EQ(0.9, c.pz_alice);
	EXPECT_EQ(0.5, c.pz_bob);
}

TEST(bad_words_are_named_and_change_nothing)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "length=ten", "length" },
		{ "length=-1", "length" },
		{ "length=", "length" },
		{ "length=nan", "length" },
		{ "length=1e999", "length" },
		{ "length", "length" },
		{ "lenght=3", "lenght" },
		{ "=3", "word" },
		{ "eve=1.1", "eve" },
		{ "pz=1", "pz" },
		{ "device=e91", "device" },
		{ "receiver=", "receiver" },
		{ "seed=-1", "seed" },
		{ "seed=99999999999999999999", "seed" },
		{ "intensities=0.5,0.1", "intensities" },
		{ "intensities=0.5,0.6,0.1", "descend" },
		{ "intensities=0.5,0.1,0.1", "descend" },
		{ "intensities=4,3,2,1", "at most" },
		{ "intensities=0.5;0.1", "intensities" },
		{ "probabilities=0.5,0.5,0.5", "sum" },
		{ "probabilities=1,0,0", "over 0" },
		{ "length=5 rate=0", "rate" },
	};
	char err[SIM_ERROR_SIZE], before[SIM_TEXT_SIZE], now[SIM_TEXT_SIZE];
	struct sim_config c;
	size_t i;

	sim_config_init(&c);
	sim_config_text(&c, before);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		err[0] = '\0';
		EXPECT_NE(0, sim_config_parse(&c, bad[i].text, err)) {
			TH_LOG("accepted: %s", bad[i].text);
		}
		EXPECT_NE(NULL, strstr(err, bad[i].says)) {
			TH_LOG("%s: \"%s\"", bad[i].text, err);
		}
		sim_config_text(&c, now);
		EXPECT_STREQ(before, now);
	}
}

TEST(text_makes_the_same_configuration)
{
	char text[SIM_TEXT_SIZE], again[SIM_TEXT_SIZE], err[SIM_ERROR_SIZE];
	struct sim_config c, d;

	sim_config_init(&c);
	ASSERT_EQ(0, sim_config_parse(&c, "length=12.25 pz=0.7 pz_bob=0.6 "
				      "intensities=0.3 probabilities=1 "
				      "offset_ns=-5 device=bbm92 seed=9",
				      err));
	sim_config_text(&c, text);
	sim_config_init(&d);
	ASSERT_EQ(0, sim_config_parse(&d, text, err)) {
		TH_LOG("%s", err);
	}
	EXPECT_EQ(12.25, d.length_km);
	EXPECT_EQ(0.6, d.pz_bob);
	EXPECT_EQ(1, d.intensities);
	EXPECT_EQ(-5, d.offset_ns);
	EXPECT_EQ(9, d.seed);
	sim_config_text(&d, again);
	EXPECT_STREQ(text, again);
}

TEST(every_word_has_a_help_text)
{
	const struct sim_word *w;
	unsigned int i;

	for (i = 0; (w = sim_word(i)); i++) {
		EXPECT_NE(0, strlen(w->help));
		EXPECT_NE(NULL, w->unit);
	}
	EXPECT_GT(i, 30);
}

TEST_HARNESS_MAIN
