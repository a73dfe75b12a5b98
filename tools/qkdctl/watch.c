// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkdctl link watch: links over time, in a terminal.
 *
 * Draws with a few ANSI codes and block characters (plain ASCII where the
 * locale has none); where the output is no terminal it prints frame after
 * frame. Figures are the kernel's; what is made and used each second is
 * computed here from two readings.
 */
#include <errno.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "print.h"
#include "qkdctl.h"

#define HISTORY 512	/* readings kept, and so the widest graph */
#define ALARMS 4	/* the last ones are shown */

enum row {
	SECRET, SIFTED, RAW, QBER, EFFICIENCY, MADE, USED, LEVEL,
	GAIN,	/* of the first of the decoy states, the others behind it */
	N_ROWS = GAIN + REPORT_GAINS
};

struct series {
	float v[N_ROWS][HISTORY];
	uint32_t n;	/* readings so far; the last is at (n - 1) % HISTORY */
};

/* A link that is watched. */
struct watched {
	char name[QKD_NAME_MAX + 1];
	struct series series;
	struct gain gains[REPORT_GAINS];	/* at the last reading */
	unsigned int n_gains;
	struct qkd_link *link;	/* the last reading */
	uint64_t made;
	uint64_t used;
	uint64_t when;	/* of it, ms */
	bool seen;	/* in this round */
};

struct watch {
	const char *only;
	uint64_t interval;	/* ms */
	uint64_t count;		/* frames; 0: until told to stop */
	struct watched *links;
	size_t n_links;
	char alarms[ALARMS][160];
	unsigned int n_alarms;
	/* how to draw */
	bool terminal;
	bool colour;
	bool utf8;
	int width;
	int height;
	int line;
};

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	stopped = 1;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

/* ---- readings ---- */

static struct watched *find(struct watch *w, const char *name)
{
	struct watched *more;

	for (size_t i = 0; i < w->n_links; i++)
		if (!strcmp(w->links[i].name, name))
			return &w->links[i];
	more = realloc(w->links, (w->n_links + 1) * sizeof(*more));
	if (!more)
		return NULL;
	w->links = more;
	more += w->n_links++;
	memset(more, 0, sizeof(*more));
	snprintf(more->name, sizeof(more->name), "%s", name);
	return more;
}

static void reading(struct watched *x, const struct qkd_link *l, uint64_t now)
{
	uint64_t made = l->tx->head + l->rx->head;
	uint64_t used = l->tx->consumed + l->rx->consumed;
	uint32_t at = x->series.n++ % HISTORY;
	float per_s = now > x->when ? 1000.0f / (now - x->when) : 0;

	x->series.v[SECRET][at] = l->rates->secret_bps;
	x->series.v[SIFTED][at] = l->rates->sifted_bps;
	x->series.v[RAW][at] = l->rates->raw_bps;
	x->series.v[QBER][at] = l->rates->qber_ppm;
	x->series.v[EFFICIENCY][at] = l->rates->efficiency_ppm;
	/* a new generation starts from zero */
	x->series.v[MADE][at] = x->when && made >= x->made ?
		(made - x->made) * 8 * per_s : 0;
	x->series.v[USED][at] = x->when && used >= x->used ?
		(used - x->used) * 8 * per_s : 0;
	x->series.v[LEVEL][at] = l->tx->available;
	x->made = made;
	x->used = used;
	x->when = now;
	x->seen = true;
}

/* Gains stand in the report, which is not in the list of all links. */
static void reading_gains(struct watched *x)
{
	uint32_t at = (x->series.n - 1) % HISTORY;

	x->n_gains = report_gains(x->link->report, x->gains);
	for (unsigned int i = 0; i < REPORT_GAINS; i++)
		x->series.v[GAIN + i][at] = i < x->n_gains ?
					    x->gains[i].gain : 0;
}

static int take_link(const struct qkd_link *l, void *arg)
{
	struct watch *w = arg;
	struct watched *x;

	if (w->only && strcmp(w->only, l->name))
		return 0;
	x = find(w, l->name);
	if (!x)
		return -ENOMEM;
	reading(x, l, now_ms());
	return 0;
}

static void forget(struct watch *w, size_t i)
{
	qkd_link_free(w->links[i].link);
	memmove(&w->links[i], &w->links[i + 1],
		(w->n_links - i - 1) * sizeof(*w->links));
	w->n_links--;
}

/* Reads all links; those that are gone are forgotten. */
static int read_links(struct watch *w, struct qkd_nl *nl)
{
	int err;

	for (size_t i = 0; i < w->n_links; i++)
		w->links[i].seen = false;
	err = qkd_link_each(nl, take_link, w);
	if (err)
		return failed(err);
	for (size_t i = w->n_links; i-- > 0;)
		if (!w->links[i].seen)
			forget(w, i);
	if (w->only && !w->n_links)
		return bad("there is no link \"%s\"; list them: qkdctl link",
			   w->only), -ENODEV;
	/* all of the state of what is drawn in full */
	for (size_t i = 0; i < w->n_links; i++) {
		struct watched *x = &w->links[i];

		qkd_link_free(x->link);
		x->link = NULL;
		err = qkd_link_get(nl, x->name, QKD_NO_INDEX, &x->link);
		if (err && err != -ENODEV)
			return failed(err);
		if (!err)
			reading_gains(x);
	}
	return 0;
}

/* What others say is no command to the terminal. */
static void clean(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

static int take_event(const struct qkd_event *ev, void *arg)
{
	struct watch *w = arg;
	char *line;
	time_t now = time(NULL);
	struct tm tm;
	size_t n;

	if (ev->type != QKD_EVENT_ALARM ||
	    (w->only && strcmp(w->only, ev->link->name)))
		return 0;
	line = w->alarms[w->n_alarms++ % ALARMS];
	localtime_r(&now, &tm);
	n = strftime(line, sizeof(w->alarms[0]), "%H:%M:%S ", &tm);
	snprintf(line + n, sizeof(w->alarms[0]) - n, "%s %s: %s",
		 ev->link->name, qkd_alarm_name(ev->link->alarm),
		 ev->link->text);
	clean(line);
	return 0;
}

/* ---- drawing ---- */

static const char *const colours[] = {
	[NAME] = "\033[1;36m", [GOOD] = "\033[32m", [WARN] = "\033[33m",
	[BAD] = "\033[1;31m", [DIM] = "\033[2m",
};

static void ink(const struct watch *w, enum colour c)
{
	if (w->colour)
		fputs(c == PLAIN ? "\033[0m" : colours[c], stdout);
}

/* Ends a line; false when the screen is full. */
static bool end_line(struct watch *w)
{
	ink(w, PLAIN);
	fputs(w->terminal ? "\033[K\n" : "\n", stdout);
	return ++w->line < w->height - 1;
}

static void spark(const struct watch *w, float v, float max)
{
	static const char *const blocks[] = {
		"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█",
	};
	static const char ascii[] = "_.-:=+*#";
	/* what a report claims may be no number */
	int i = v < max ? (int)(v / max * 7.99f) : max > 0 ? 7 : 0;

	if (w->utf8)
		fputs(blocks[i], stdout);
	else
		putchar(ascii[i]);
}

/* The last @room readings; returns their greatest. */
static float graph(const struct watch *w, const struct series *s, enum row r,
		   int room)
{
	uint32_t n = s->n < HISTORY ? s->n : HISTORY;
	float max = 0;

	if (room > (int)n)
		printf("%*s", room - (int)n, "");
	else
		n = room;
	for (uint32_t i = s->n - n; i != s->n; i++)
		if (s->v[r][i % HISTORY] > max)
			max = s->v[r][i % HISTORY];
	for (uint32_t i = s->n - n; i != s->n; i++)
		spark(w, s->v[r][i % HISTORY], max);
	return max;
}

static char *fmt_row(char *buf, enum row r, float v)
{
	switch (r) {
	case QBER:
		return fmt_percent(buf, v);
	case EFFICIENCY:
		if (v > 0)
			return fmt_ratio(buf, v);
		snprintf(buf, UNIT_ROOM, "-");
		return buf;
	case LEVEL:
		return fmt_human(buf, v);
	case RAW:
		return fmt_rate(buf, v, "/s");
	case SECRET:
	case SIFTED:
	case MADE:
	case USED:
		return fmt_rate(buf, v, "bit/s");
	default:
		snprintf(buf, UNIT_ROOM, "%.2e", v);
		return buf;
	}
}

static float last_of(const struct series *s, enum row r)
{
	return s->n ? s->v[r][(s->n - 1) % HISTORY] : 0;
}

static bool draw_row(struct watch *w, const struct watched *x, enum row r,
		     const char *label, enum colour c)
{
	char value[UNIT_ROOM], max[UNIT_ROOM];
	int room = w->width - 2 - 9 - 14 - 18;
	float greatest;

	printf("  %-8s ", label);
	ink(w, c);
	printf("%12s  ", fmt_row(value, r, last_of(&x->series, r)));
	greatest = graph(w, &x->series, r, room > 8 ? room : 8);
	ink(w, PLAIN);
	ink(w, DIM);
	printf(" max %s", fmt_row(max, r, greatest));
	return end_line(w);
}

static bool draw_gains(struct watch *w, const struct watched *x)
{
	char label[16];

	for (unsigned int i = 0; i < x->n_gains; i++) {
		snprintf(label, sizeof(label), "Q %.3g", x->gains[i].mu);
		if (!draw_row(w, x, GAIN + i, label, PLAIN))
			return false;
	}
	return true;
}

static bool draw_level(struct watch *w, const char *label,
		       const struct qkd_stream_info *s, const struct qkd_link *l)
{
	int room = w->width - 2 - 9 - 40, full;
	char level[UNIT_ROOM], size[UNIT_ROOM];
	double part = l->pool_size ? (double)s->available / l->pool_size : 0;

	if (room < 8)
		room = 8;
	full = part * room + 0.5;
	printf("  %-8s ", label);
	ink(w, s->available < l->low_watermark ? BAD :
	    s->available < l->high_watermark ? WARN : GOOD);
	for (int i = 0; i < room; i++)
		fputs(i < full ? w->utf8 ? "█" : "#" : w->utf8 ? "░" : ".",
		      stdout);
	ink(w, PLAIN);
	printf(" %s of %s", fmt_human(level, s->available),
	       fmt_size(size, l->pool_size));
	if (s->lost)
		printf(", lost %s", fmt_human(level, s->lost));
	return end_line(w);
}

static enum colour state_colour(enum qkd_oper_state state)
{
	return state == QKD_OPER_STATE_UP ? GOOD :
		state == QKD_OPER_STATE_DOWN ||
		state == QKD_OPER_STATE_STARVED ? BAD : WARN;
}

static void draw_clock(const struct watch *w)
{
	char clock[16], interval[UNIT_ROOM];
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	ink(w, DIM);
	printf("  %s, every %s%s", clock, fmt_time(interval, w->interval),
	       w->terminal ? ", q ends" : "");
}

static bool draw_errors(struct watch *w, const struct qkd_errors_info *e)
{
	const struct {
		const char *name;
		uint64_t v;
	} all[] = {
		{ "feed-rejected", e->feed_rejected },
		{ "rx-malformed", e->rx_malformed },
		{ "rx-no-key", e->rx_no_key },
		{ "rx-auth", e->rx_auth },
		{ "rx-dropped", e->rx_dropped },
		{ "tx-failed", e->tx_failed },
		{ "starved", e->starved },
		{ "auth", e->auth },
		{ "verify", e->verify },
		{ "qber", e->qber },
	};
	bool any = false;

	printf("  errors   ");
	for (size_t i = 0; i < N_ELEMS(all); i++) {
		if (!all[i].v)
			continue;
		ink(w, WARN);
		printf("%s %" PRIu64 "  ", all[i].name, all[i].v);
		any = true;
	}
	if (!any)
		printf("none");
	return end_line(w);
}

static bool draw_texts(struct watch *w, const struct qkd_link *l)
{
	char decoys[512];

	report_decoys(l->report, decoys, sizeof(decoys));
	if (*decoys) {
		printf("  decoy    %.*s", w->width - 12, decoys);
		if (!end_line(w))
			return false;
	}
	printf("  blocks   %" PRIu64 " good, %" PRIu64 " discarded, %" PRIu64
	       " fed; key %.1f keys/s of 256 bits", l->rates->blocks,
	       l->rates->blocks_discarded, l->blocks_fed,
	       l->rates->secret_bps / 256.0);
	return end_line(w) && draw_errors(w, l->errors);
}

/* Why there is no key, where there is none */
static bool draw_reason(struct watch *w, const struct qkd_link *l)
{
	char text[256];

	if (!*l->reason)
		return true;
	snprintf(text, sizeof(text), "%s", l->reason);
	clean(text);
	ink(w, WARN);
	printf("  %.*s", w->width - 3, text);
	return end_line(w);
}

/* One link, in full. */
static void draw_link(struct watch *w, const struct watched *x)
{
	const struct qkd_link *l = x->link;

	ink(w, NAME);
	printf("%s", x->name);
	ink(w, PLAIN);
	if (!l) {
		printf("  gone");
		end_line(w);
		return;
	}
	printf("  %s -> %s  %s %s  ", l->local_node, l->peer_node,
	       *l->driver ? l->driver : "no driver", qkd_role_name(l->role));
	ink(w, state_colour(l->oper_state));
	printf("%s", qkd_oper_state_name(l->oper_state));
	ink(w, PLAIN);
	draw_clock(w);
	(void)(end_line(w) && draw_reason(w, l) && end_line(w) &&
	       draw_row(w, x, SECRET, "secret", GOOD) &&
	       draw_row(w, x, SIFTED, "sifted", PLAIN) &&
	       draw_row(w, x, RAW, "raw", PLAIN) &&
	       draw_row(w, x, QBER, "QBER", WARN) &&
	       draw_row(w, x, EFFICIENCY, "f", PLAIN) &&
	       draw_gains(w, x) &&
	       draw_row(w, x, MADE, "made", PLAIN) &&
	       draw_row(w, x, USED, "used", PLAIN) &&
	       draw_row(w, x, LEVEL, "level tx", PLAIN) && end_line(w) &&
	       draw_level(w, "pool tx", l->tx, l) &&
	       draw_level(w, "pool rx", l->rx, l) && end_line(w) &&
	       draw_texts(w, l));
}

/* Several links: one line each. */
static void draw_table(struct watch *w)
{
	char secret[UNIT_ROOM], qber[UNIT_ROOM], tx[UNIT_ROOM], rx[UNIT_ROOM];
	int room = w->width - 75 > 8 ? w->width - 75 : 8;

	ink(w, DIM);
	printf("%-20s %-8s %12s %8s %8s %8s", "LINK", "STATE", "SECRET",
	       "QBER", "KEY TX", "KEY RX");
	draw_clock(w);
	if (!end_line(w))
		return;
	for (size_t i = 0; i < w->n_links; i++) {
		const struct watched *x = &w->links[i];

		if (!x->link)
			continue;
		ink(w, NAME);
		printf("%-20s ", x->name);
		ink(w, PLAIN);
		ink(w, state_colour(x->link->oper_state));
		printf("%-8s ", qkd_oper_state_name(x->link->oper_state));
		ink(w, PLAIN);
		printf("%12s %8s %8s %8s  ",
		       fmt_rate(secret, x->link->rates->secret_bps, "bit/s"),
		       fmt_percent(qber, x->link->rates->qber_ppm),
		       fmt_human(tx, x->link->tx->available),
		       fmt_human(rx, x->link->rx->available));
		graph(w, &x->series, SECRET, room);
		if (!end_line(w))
			return;
	}
}

static void draw_none(struct watch *w)
{
	printf("no links");
	draw_clock(w);
	end_line(w);
}

static void draw(struct watch *w)
{
	w->line = 0;
	if (w->terminal)
		fputs("\033[H", stdout);
	if (w->n_links == 1)
		draw_link(w, &w->links[0]);
	else if (w->n_links)
		draw_table(w);
	else
		draw_none(w);
	for (unsigned int i = 0; i < ALARMS && i < w->n_alarms; i++) {
		unsigned int at = w->n_alarms - 1 - i;

		if (w->line >= w->height - 1)
			break;
		ink(w, BAD);
		printf("  %s  %.*s", i ? "     " : "alarm", w->width - 10,
		       w->alarms[at % ALARMS]);
		end_line(w);
	}
	if (w->terminal)
		fputs("\033[J", stdout);
	else
		putchar('\n');
	fflush(stdout);
}

/* ---- the terminal ---- */

static void measure(struct watch *w)
{
	struct winsize size = { 0 };

	w->width = 100;
	w->height = 1000;
	if (!w->terminal)
		return;
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col) {
		w->width = size.ws_col < HISTORY ? size.ws_col : HISTORY;
		w->height = size.ws_row;
	}
}

static bool terminal_on(const struct watch *w, struct termios *old)
{
	struct sigaction act = { .sa_handler = on_signal };
	struct termios raw;

	stopped = 0;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	if (!w->terminal)
		return false;
	/* lines that are too long are cut, not wrapped */
	fputs("\033[?1049h\033[?25l\033[?7l\033[2J", stdout);
	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, old))
		return false;
	raw = *old;
	raw.c_lflag &= ~(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	return true;
}

static void terminal_off(const struct watch *w, const struct termios *old,
			 bool keys)
{
	if (keys)
		tcsetattr(STDIN_FILENO, TCSANOW, old);
	if (w->terminal)
		fputs("\033[?7h\033[?25h\033[?1049l", stdout);
	fflush(stdout);
}

/* Sleeps until the next frame; false when the person has had enough. */
static bool wait_next(struct watch *w, struct qkd_monitor *mon, bool keys,
		      uint64_t until)
{
	while (!stopped) {
		struct pollfd p[] = {
			{ .fd = qkd_monitor_fd(mon), .events = POLLIN },
			{ .fd = keys ? STDIN_FILENO : -1, .events = POLLIN },
		};
		uint64_t now = now_ms();
		char c;

		if (now >= until)
			return true;
		if (poll(p, 2, until - now) <= 0)
			continue;
		if (p[0].revents)
			qkd_monitor_dispatch(mon, take_event, w);
		if (p[1].revents && (read(STDIN_FILENO, &c, 1) <= 0 ||
				     c == 'q' || c == 'Q' || c == 3))
			return false;
	}
	return false;
}

static int run(struct watch *w, struct qkd_nl *nl, struct qkd_monitor *mon)
{
	uint64_t next = now_ms();
	struct termios old;
	bool keys;
	int err;

	/* an error before the first frame shall not be on the other screen */
	err = read_links(w, nl);
	if (err)
		return err;
	keys = terminal_on(w, &old);
	for (uint64_t frame = 1;; frame++) {
		measure(w);
		draw(w);
		if (frame == w->count)
			break;
		next += w->interval;
		if (!wait_next(w, mon, keys, next))
			break;
		err = read_links(w, nl);
		if (err)
			break;
	}
	terminal_off(w, &old, keys);
	return err;
}

static int parse_watch(struct args *a, struct watch *w)
{
	const char *word;

	while ((word = arg_next(a))) {
		const char *value;

		if (!strcmp(word, "interval")) {
			value = arg_value(a, word);
			if (!value)
				return -EINVAL;
			if (parse_time(value, &w->interval) ||
			    w->interval < 50 || w->interval > 86400000)
				return bad("interval: \"%s\" is no time from 50ms to 1d",
					   value);
		} else if (!strcmp(word, "count")) {
			value = arg_value(a, word);
			if (!value)
				return -EINVAL;
			if (parse_number(value, 1, UINT32_MAX, &w->count))
				return bad("count: \"%s\" is no number", value);
		} else if (!w->only) {
			w->only = word;
		} else {
			return bad("one link, or all; what is \"%s\"?", word);
		}
	}
	return 0;
}

int link_watch(struct args *a)
{
	struct watch w = { .interval = 1000 };
	struct qkd_monitor *mon;
	struct qkd_nl *nl;
	int err;

	err = parse_watch(a, &w);
	if (err)
		return err;
	if (pr_json())
		return bad("watch is for people; for programs: qkdctl -j monitor, or -j link show");
	setlocale(LC_CTYPE, "");
	w.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	w.terminal = isatty(STDOUT_FILENO);
	w.colour = pr_colour();
	nl = open_nl();
	if (!nl)
		return -EINVAL;
	err = qkd_monitor_open(&mon, opt.netns, QKD_MON_ALARM);
	if (err) {
		failed(err);
	} else {
		err = run(&w, nl, mon);
		qkd_monitor_close(mon);
	}
	while (w.n_links)
		forget(&w, w.n_links - 1);
	free(w.links);
	qkd_nl_close(nl);
	return err;
}
