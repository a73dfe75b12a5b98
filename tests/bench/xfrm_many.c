// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many tunnels of one link, for tests and benchmarks: makes them at one end,
 * and sums up how they fare: rekeys, tunnels that send, tunnels that receive,
 * fewest rekeys of a tunnel, offers repeated, tunnels.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <qkd/tunnel.h>

#define BIT(ATTR) QKD_BIT(QKD_XFRM_A_TUNNEL_##ATTR)

struct sum {
	unsigned long long rekeys;
	unsigned long long fewest;
	unsigned long long retries;
	unsigned int out;
	unsigned int in;
	unsigned int all;
};

static int usage(int status)
{
	fprintf(stderr,
		"Usage: xfrm_many NETNS make { 1 | 2 } N REKEY_MS [FIRST]\n"
		"       xfrm_many NETNS set N REKEY_MS\n"
		"       xfrm_many NETNS sum\n");
	return status;
}

/* 10.@side.x.y, the @i-th host */
static struct qkd_ip host(unsigned int side, unsigned int i)
{
	struct qkd_ip ip = { .family = AF_INET };

	ip.a4.s_addr = htonl(10u << 24 | side << 16 | i);
	return ip;
}

static int make(struct qkd_nl *nl, unsigned int side, unsigned int n,
		unsigned int ms, unsigned int first)
{
	struct qkd_tunnel_conf c = QKD_TUNNEL_CONF_INIT;
	char name[32];
	unsigned int i;
	int err = 0;

	c.link = "q";
	c.mode = QKD_XFRM_MODE_TUNNEL;
	c.rekey_time = ms;
	c.grace_time = 100;
	c.set = BIT(MODE) | BIT(REKEY_TIME) | BIT(GRACE_TIME);
	for (i = first; i < first + n && !err; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		c.src = host(side, i);
		c.dst = host(3 - side, i);
		err = qkd_tunnel_add(nl, name, &c, NULL);
	}
	return err;
}

static int set(struct qkd_nl *nl, unsigned int n, unsigned int ms)
{
	struct qkd_tunnel_conf c = QKD_TUNNEL_CONF_INIT;
	char name[32];
	unsigned int i;
	int err = 0;

	c.rekey_time = ms;
	c.set = BIT(REKEY_TIME);
	for (i = 0; i < n && !err; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		err = qkd_tunnel_set(nl, name, &c);
	}
	return err;
}

static int add_up(const struct qkd_tunnel *t, void *arg)
{
	struct sum *s = arg;

	s->rekeys += t->out->rekeys;
	if (!s->all++ || t->out->rekeys < s->fewest)
		s->fewest = t->out->rekeys;
	s->retries += t->out->retries;
	s->out += t->out->spi > 0;
	s->in += t->in->spi > 0;
	return 0;
}

int main(int argc, char **argv)
{
	struct sum s = { 0 };
	struct qkd_nl *nl;
	int err;

	if (argc < 3)
		return usage(argc > 1 ? 2 : 0);
	err = qkd_nl_open(&nl, argv[1]);
	if (err) {
		fprintf(stderr, "xfrm_many: %s\n", strerror(-err));
		return 1;
	}
	if (argc >= 6 && !strcmp(argv[2], "make"))
		err = make(nl, atoi(argv[3]), atoi(argv[4]), atoi(argv[5]),
			   argc > 6 ? atoi(argv[6]) : 0);
	else if (argc == 5 && !strcmp(argv[2], "set"))
		err = set(nl, atoi(argv[3]), atoi(argv[4]));
	else if (argc == 3 && !strcmp(argv[2], "sum"))
		err = qkd_tunnel_each(nl, NULL, add_up, &s);
	else
		return usage(2);
	if (err)
		fprintf(stderr, "xfrm_many: %s %s\n", strerror(-err),
			qkd_error());
	else if (argc == 3)
		printf("%llu %u %u %llu %llu %u\n", s.rekeys, s.out, s.in,
		       s.fewest, s.retries, s.all);
	qkd_nl_close(nl);
	return err ? 1 : 0;
}
