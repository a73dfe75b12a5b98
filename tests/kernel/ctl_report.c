// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a daemon reports by libqkd is what libqkd shows, alarms are heard, and
 * a structure of an older or newer program is understood as far as it goes.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include <kselftest_harness.h>
#include "tests/pair/pair.h"

FIXTURE(report) {
	struct pair p;
	struct qkd_link *link;
};

FIXTURE_SETUP(report)
{
	pair_need();
	pair_make(&self->p, 0);
	self->link = NULL;
}

FIXTURE_TEARDOWN(report)
{
	qkd_link_free(self->link);
	pair_free(&self->p);
}

TEST_F(report, comes_back)
{
	struct qkd_link_report r = QKD_LINK_REPORT_INIT;

	r.reason = "waiting for biobank";
	r.report = "{\"block\":1}";
	r.rates_set = QKD_BIT(QKD_A_RATES_SECRET_BPS) |
		      QKD_BIT(QKD_A_RATES_QBER_PPM);
	r.secret_bps = 350000;
	r.qber_ppm = 12500;
	r.raw_bps = 1;	/* not given */
	ASSERT_EQ(0, qkd_link_report(self->p.nl, "a", QKD_NO_INDEX, &r));
	ASSERT_EQ(0, qkd_link_get(self->p.nl, NULL, self->p.a.index,
				  &self->link));
	EXPECT_STREQ("waiting for biobank", self->link->reason);
	EXPECT_STREQ("{\"block\":1}", self->link->report);
	EXPECT_EQ(350000, self->link->rates->secret_bps);
	EXPECT_EQ(12500, self->link->rates->qber_ppm);
	EXPECT_EQ(0, self->link->rates->raw_bps);
}

TEST_F(report, what_is_not_given_stays)
{
	struct qkd_link_report r = QKD_LINK_REPORT_INIT;

	r.reason = "one";
	r.rates_set = QKD_BIT(QKD_A_RATES_SECRET_BPS);
	r.secret_bps = 5;
	ASSERT_EQ(0, qkd_link_report(self->p.nl, "a", QKD_NO_INDEX, &r));
	r.reason = NULL;
	r.rates_set = QKD_BIT(QKD_A_RATES_QBER_PPM);
	r.qber_ppm = 7;
	ASSERT_EQ(0, qkd_link_report(self->p.nl, "a", QKD_NO_INDEX, &r));
	ASSERT_EQ(0, qkd_link_get(self->p.nl, "a", QKD_NO_INDEX, &self->link));
	EXPECT_STREQ("one", self->link->reason);
	EXPECT_EQ(5, self->link->rates->secret_bps);
	EXPECT_EQ(7, self->link->rates->qber_ppm);
}

TEST_F(report, the_longest_comes_back_in_a_list)
{
	struct qkd_link_report r = QKD_LINK_REPORT_INIT;
	static char json[QKD_REPORT_MAX + 1];

	memset(json, 'x', QKD_REPORT_MAX);
	json[0] = '"';
	json[QKD_REPORT_MAX - 1] = '"';
	r.report = json;
	ASSERT_EQ(0, qkd_link_report(self->p.nl, "a", QKD_NO_INDEX, &r));
	ASSERT_EQ(0, qkd_link_get(self->p.nl, "a", QKD_NO_INDEX, &self->link));
	EXPECT_STREQ(json, self->link->report);
}

static int hear(const struct qkd_event *ev, void *arg)
{
	return ev->type == QKD_EVENT_ALARM && !strcmp(ev->link->name, "a") &&
		ev->link->alarm == QKD_ALARM_QBER &&
		!strcmp(ev->link->text, "8 %");
}

TEST_F(report, an_alarm_is_heard)
{
	struct qkd_link_report r = QKD_LINK_REPORT_INIT;
	struct qkd_monitor *mon;
	int ret = 0;

	ASSERT_EQ(0, qkd_monitor_open(&mon, NULL, QKD_MON_ALARM));
	r.alarm = QKD_ALARM_QBER;
	r.alarm_text = "8 %";
	ASSERT_EQ(0, qkd_link_report(self->p.nl, "a", QKD_NO_INDEX, &r));
	for (int i = 0; !ret && i < 20; i++) {
		struct pollfd p = {
			.fd = qkd_monitor_fd(mon), .events = POLLIN,
		};

		poll(&p, 1, 500);
		ret = qkd_monitor_dispatch(mon, hear, NULL);
	}
	EXPECT_EQ(1, ret);
	qkd_monitor_close(mon);
}

/* A program built when the structure ended earlier, and one built later */
TEST_F(report, structures_of_other_sizes)
{
	struct {
		struct qkd_link_conf c;
		uint64_t later;
	} newer = { .c = QKD_LINK_CONF_INIT, .later = ~0ull };
	struct qkd_link_conf older = QKD_LINK_CONF_INIT;

	older.size = offsetof(struct qkd_link_conf, rx_grace);
	older.low_watermark = 8192;
	older.rx_grace = 12345;		/* not there, in that program */
	older.set = QKD_BIT(QKD_A_LINK_LOW_WATERMARK);
	ASSERT_EQ(0, qkd_link_set(self->p.nl, "a", QKD_NO_INDEX, &older));
	newer.c.size = sizeof(newer);
	newer.c.driver = "file";
	ASSERT_EQ(0, qkd_link_set(self->p.nl, "a", QKD_NO_INDEX, &newer.c));
	ASSERT_EQ(0, qkd_link_get(self->p.nl, "a", QKD_NO_INDEX, &self->link));
	EXPECT_EQ(8192, self->link->low_watermark);
	EXPECT_STREQ("file", self->link->driver);
	newer.c.size = 0;
	EXPECT_EQ(-EINVAL, qkd_link_set(self->p.nl, "a", QKD_NO_INDEX,
					&newer.c));
}

TEST_F(report, name_and_index_must_agree)
{
	struct qkd_link_conf c = QKD_LINK_CONF_INIT;

	c.driver = "file";
	EXPECT_EQ(0, qkd_link_set(self->p.nl, "a", self->p.a.index, &c));
	EXPECT_GT(0, qkd_link_set(self->p.nl, "a", self->p.b.index, &c));
	EXPECT_NE(0, strlen(qkd_error()));
}

TEST_F(report, device_of_the_index_is_the_link)
{
	struct qkd_dev *dev;
	struct qkd_state st;

	ASSERT_EQ(0, qkd_dev_open(&dev, self->p.nl, "b", QKD_NO_INDEX, true));
	ASSERT_EQ(0, qkd_dev_state(dev, &st));
	EXPECT_EQ(self->p.b.index, st.index);
	EXPECT_EQ(self->p.b.index, qkd_dev_index(dev));
	qkd_dev_close(dev);
	EXPECT_EQ(-ENODEV, qkd_dev_open(&dev, self->p.nl, "none", QKD_NO_INDEX,
					true));
	EXPECT_EQ(-ENODEV, qkd_dev_open(&dev, NULL, NULL, 999999, true));
}

TEST_HARNESS_MAIN
