// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Recordings of real hardware (arXiv:2505.17587): read as what they are. They
 * are looked for in $QKD_TEST_DATA, and by default beside the tree; without
 * them the tests are skipped.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "tools/raw/ohio.h"

static const char *const files[] = {
	"AirCombined", "AirFlight1Nov13", "AirFlight2", "AirtoCarRun1",
	"CarRun1Apr2_70Mph", "CarRun1and2Apr2_70Mph", "CarRun3Mar27",
	"CarRun4Nov16", "GroundRun1", "TableTopRun3and4", "TableTopSmall",
};

#define FILES	(sizeof(files) / sizeof(*files))

static void path_of(char *path, size_t len, const char *name)
{
	const char *data = getenv("QKD_TEST_DATA") ?: "../shared/data";

	snprintf(path, len, "%s/qkd/ohio_drone/ohioDataVarsObs%s.mat", data,
		 name);
}

static int load(const char *name, struct ohio_data *d, char *err)
{
	char path[512];

	path_of(path, sizeof(path), name);
	return ohio_load(path, d, err);
}

#define SKIP_WITHOUT_DATA() do {					\
	char path_[512];						\
									\
	path_of(path_, sizeof(path_), files[0]);			\
	if (access(path_, R_OK))					\
		SKIP(return, "no recordings: %s; set QKD_TEST_DATA",	\
		     path_);						\
} while (0)

TEST(all_runs_are_read)
{
	struct ohio_data d;
	char err[256];
	unsigned int i, k, s, pat;

	SKIP_WITHOUT_DATA();
	for (i = 0; i < FILES; i++) {
		ASSERT_EQ(0, load(files[i], &d, err)) {
			TH_LOG("%s", err);
		}
		for (k = 0; k < OHIO_INTENSITIES; k++) {
			for (s = 0; s < OHIO_STATES; s++) {
				double sum = 0;

				for (pat = 0; pat < OHIO_PATTERNS; pat++)
					sum += d.p[k][s][pat];
				EXPECT_LT(fabs(sum - 1), 1e-12);
				/* mostly nothing arrives */
				EXPECT_GT(d.p[k][s][0], 0.9);
			}
		}
	}
}

/*
 * States and detectors are matched up as they were: a signal sent in a basis
 * is detected rightly in it, dimmer states click less, and what little light
 * the darkest decoy has leaves random bits.
 */
TEST(error_rates_are_those_of_a_link_that_works)
{
	struct ohio_sifted s[OHIO_INTENSITIES];
	struct ohio_data d;
	char err[256];
	unsigned int i, k, b;

	SKIP_WITHOUT_DATA();
	for (i = 0; i < FILES; i++) {
		ASSERT_EQ(0, load(files[i], &d, err));
		for (k = 0; k < OHIO_INTENSITIES; k++)
			ohio_sift(&d, k, &s[k]);
		for (b = 0; b < 2; b++) {
			EXPECT_LT(s[0].wrong[b], 0.08 * s[0].sifted[b]) {
				TH_LOG("%s basis %u: QBER %.4f", files[i], b,
				       s[0].wrong[b] / s[0].sifted[b]);
			}
			EXPECT_GT(s[0].sifted[b], s[1].sifted[b]);
			EXPECT_GT(s[1].sifted[b], s[2].sifted[b]);
		}
		EXPECT_GT(s[2].wrong[0], 0.2 * s[2].sifted[0]);
	}
}

TEST(settings_are_found_where_they_are)
{
	struct ohio_data d;
	char err[256];

	SKIP_WITHOUT_DATA();
	ASSERT_EQ(0, load("CarRun3Mar27", &d, err));
	EXPECT_LT(fabs(d.mu[0] - 0.3683), 1e-3);
	EXPECT_LT(fabs(d.p_mu[0] - 4821.0 / 9419), 1e-9);
	EXPECT_GT(d.pulses, 1e9);
	ASSERT_EQ(0, load("GroundRun1", &d, err));
	EXPECT_EQ(0, d.mu[0]);
}

TEST(what_is_no_such_file_is_refused)
{
	char name[] = "/tmp/raw_ohio.XXXXXX", err[256];
	struct ohio_data d;
	int fd = mkstemp(name);

	ASSERT_GE(fd, 0);
	EXPECT_NE(0, ohio_load(name, &d, err));
	EXPECT_NE(NULL, strstr(err, name));
	ASSERT_EQ(11, write(fd, "MATLAB 5.0 ", 11));
	EXPECT_NE(0, ohio_load(name, &d, err));
	close(fd);
	unlink(name);
	EXPECT_NE(0, ohio_load("/nonexistent", &d, err));
}

TEST_HARNESS_MAIN
