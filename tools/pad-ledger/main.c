// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkd-ledger: keeps a pad ledger and tells whether any key was used twice.
 *
 * Each import appends to the ledger under a lock, all of it or nothing, and
 * notes what it was of, so that the same file is not taken twice.
 */
#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "ledger.h"

static const char usage[] =
	"Usage: qkd-ledger LEDGER check\n"
	"       qkd-ledger LEDGER trace FILE node NAME\n"
	"       qkd-ledger LEDGER pcap FILE lower ADDR[,ADDR]... [ msg-port PORT ]\n"
	"                                   [ otp-port PORT ]\n"
	"       qkd-ledger LEDGER keys FILE end { got | fetched }\n"
	"       qkd-ledger LEDGER add [ FILE ]\n"
	"LEDGER is a file that grows from run to run. \"trace\" takes events\n"
	"qkd_reserve and qkd_take of a kernel trace; NAME must name the machine and\n"
	"its boot. \"pcap\" takes messages and one-time-pad packets of a capture; lower\n"
	"lists the addresses of nodes whose IDs sort before their peers'. \"keys\" takes\n"
	"lines that begin with a key ID. \"add\" takes records as they are,\n"
	"    LAYER GENERATION STREAM OFFSET LENGTH [ PURPOSE ]\n"
	"see qkd-ledger(1). FILE may be - for standard input, but for pcap.\n"
	"Exit status of check: 0, nothing was used twice; 1, something was; 2, the\n"
	"ledger cannot be read.\n";

static int trouble(const char *what, const char *why)
{
	fprintf(stderr, "qkd-ledger: %s: %s\n", what, why);
	return 2;
}

/* ---- reading ---- */

/* Feeds all lines of a file to a ledger. 0, or 2 having complained. */
static int read_lines(const char *name, FILE *f, struct ledger *l)
{
	unsigned long n = 0;
	char *line = NULL;
	size_t room = 0;
	int status = 0;

	while (!status && getline(&line, &room, f) > 0) {
		const char *why = "";
		char where[300];
		int err;

		line[strcspn(line, "\n")] = '\0';
		err = ledger_line(l, line, ++n, &why);
		if (err >= 0)
			continue;
		snprintf(where, sizeof(where), "%.250s:%lu", name, n);
		status = trouble(where, err == -EINVAL ? why : strerror(-err));
	}
	if (!status && ferror(f))
		status = trouble(name, strerror(EIO));
	free(line);
	return status;
}

static void print_record(const char *what, const struct record *r)
{
	printf("    %s line %lu: %s %s stream %s offset %" PRIu64 " to %"
	       PRIu64 " for %s\n", what, r->line, r->layer, r->generation,
	       r->stream, r->offset, r->offset + r->len, r->purpose);
}

static void print_reuse(const struct record *a, const struct record *b,
			void *arg)
{
	uint64_t end = a->offset + a->len < b->offset + b->len ?
		a->offset + a->len : b->offset + b->len;
	unsigned int *shown = arg;

	if (++*shown > 20)
		return;
	printf("REUSE of %" PRIu64 " bytes of key at offset %" PRIu64 ":\n",
	       end - b->offset, b->offset);
	print_record("first", a);
	print_record("again", b);
}

static int do_check(const char *name)
{
	unsigned int shown = 0;
	struct ledger l;
	size_t found;
	int status;
	FILE *f;

	f = fopen(name, "r");
	if (!f)
		return trouble(name, strerror(errno));
	ledger_init(&l);
	status = read_lines(name, f, &l);
	fclose(f);
	if (!status) {
		found = ledger_check(&l, print_reuse, &shown);
		printf("%zu uses, %zu used twice\n", l.n, found);
		status = found ? 1 : 0;
	}
	ledger_free(&l);
	return fflush(stdout) ? 2 : status;
}

/* ---- appending ---- */

/* SHA-256 of a file; "" for standard input */
static int file_digest(const char *name, char *hex)
{
	unsigned char buf[65536], md[EVP_MAX_MD_SIZE];
	unsigned int md_len = 0;
	EVP_MD_CTX *ctx;
	size_t n;
	FILE *f;

	hex[0] = '\0';
	if (!strcmp(name, "-"))
		return 0;
	f = fopen(name, "r");
	if (!f)
		return trouble(name, strerror(errno));
	ctx = EVP_MD_CTX_new();
	if (ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL)) {
		while ((n = fread(buf, 1, sizeof(buf), f)))
			EVP_DigestUpdate(ctx, buf, n);
		EVP_DigestFinal_ex(ctx, md, &md_len);
	}
	EVP_MD_CTX_free(ctx);
	fclose(f);
	for (unsigned int i = 0; i < md_len; i++)
		snprintf(hex + 2 * i, 3, "%02x", md[i]);
	return 0;
}

static bool noted(FILE *ledger, const char *digest)
{
	char *line = NULL;
	size_t room = 0;
	bool found = false;

	if (!*digest)
		return false;
	rewind(ledger);
	while (!found && getline(&line, &room, ledger) > 0)
		found = *line == '#' && strstr(line, digest);
	free(line);
	return found;
}

/* One write, so that a crash leaves all or (a torn line's worth of) nothing. */
static int append(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			len -= n;
		}
	}
	return 0;
}

static int append_all(const char *name, const char *source, const char *text,
		      size_t len)
{
	char digest[2 * EVP_MAX_MD_SIZE + 1], note[512];
	int fd, err, status;
	FILE *f;

	status = file_digest(source, digest);
	if (status)
		return status;
	fd = open(name, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	f = fd < 0 ? NULL : fdopen(fd, "r+");
	if (!f || flock(fd, LOCK_EX))
		return trouble(name, strerror(errno));
	if (noted(f, digest)) {
		fclose(f);
		return trouble(source, "is in the ledger already");
	}
	snprintf(note, sizeof(note), "# of %.300s sha256 %s\n", source,
		 *digest ? digest : "-");
	err = append(fd, note, strlen(note));
	if (!err)
		err = append(fd, text, len);
	fclose(f);
	return err ? trouble(name, strerror(-err)) : 0;
}

/* ---- what can be imported ---- */

struct request {
	const char *what;
	const char *file;
	const char *node;
	const char *end;
	struct pcap_options pcap;
};

static int import_text(const struct request *q, FILE *to, struct imported *n)
{
	FILE *from = strcmp(q->file, "-") ? fopen(q->file, "r") : stdin;
	int err;

	if (!from)
		return trouble(q->file, strerror(errno));
	err = !strcmp(q->what, "trace") ? import_trace(from, q->node, to, n) :
		import_keys(from, q->end, to, n);
	if (from != stdin)
		fclose(from);
	return err ? trouble(q->file, strerror(-err)) : 0;
}

/* Records as they are: checked as a whole before any goes in. */
static int import_lines(const struct request *q, FILE *to, struct imported *n)
{
	FILE *from = strcmp(q->file, "-") ? fopen(q->file, "r") : stdin;
	char *line = NULL, *all = NULL;
	size_t room = 0, size = 0;
	struct ledger l;
	FILE *copy;
	int status;

	copy = open_memstream(&all, &size);
	if (!from || !copy)
		return trouble(q->file, strerror(errno));
	while (getline(&line, &room, from) > 0)
		fputs(line, copy);
	if (size && all[size - 1] != '\n')
		fputc('\n', copy);
	fclose(copy);
	free(line);
	ledger_init(&l);
	copy = size ? fmemopen(all, size, "r") : NULL;
	status = copy ? read_lines(q->file, copy, &l) : 0;
	if (copy)
		fclose(copy);
	if (!status)
		fwrite(all, 1, size, to);
	n->records = l.n;
	ledger_free(&l);
	free(all);
	return status;
}

static int do_import(const char *ledger, const struct request *q)
{
	struct imported n = { 0 };
	char *text = NULL;
	size_t len = 0;
	FILE *to;
	int status;

	to = open_memstream(&text, &len);
	if (!to)
		return trouble(ledger, strerror(errno));
	if (!strcmp(q->what, "pcap"))
		status = import_pcap(q->file, &q->pcap, to, &n) ? 2 : 0;
	else if (!strcmp(q->what, "add"))
		status = import_lines(q, to, &n);
	else
		status = import_text(q, to, &n);
	if (fclose(to))
		status = trouble(ledger, strerror(errno));
	if (!status)
		status = append_all(ledger, q->file, text, len);
	if (!status)
		printf("%lu uses added, %lu other lines or packets\n",
		       n.records, n.skipped);
	free(text);
	return status;
}

static int bad_usage(void)
{
	fputs(usage, stderr);
	return 2;
}

static bool port(const char *s, uint16_t *p)
{
	char *end;
	unsigned long v = strtoul(s, &end, 10);

	*p = v;
	return !*end && v && v < 65536;
}

static bool parse_keys(struct request *q, char **v)
{
	for (; v[0] && v[1]; v += 2) {
		if (!strcmp(v[0], "node"))
			q->node = v[1];
		else if (!strcmp(v[0], "end"))
			q->end = v[1];
		else if (!strcmp(v[0], "lower"))
			q->pcap.lower = v[1];
		else if (strcmp(v[0], "msg-port") == 0 &&
			 port(v[1], &q->pcap.msg_port))
			continue;
		else if (strcmp(v[0], "otp-port") == 0 &&
			 port(v[1], &q->pcap.otp_port))
			continue;
		else
			return false;
	}
	return !v[0];
}

/* What each import must be told; a name that makes no word would spoil all. */
static bool complete(const struct request *q)
{
	if (!strcmp(q->what, "trace"))
		return q->node && *q->node && strlen(q->node) < WORD_MAX - 24 &&
			!strpbrk(q->node, " \t\n#");
	if (!strcmp(q->what, "pcap"))
		return q->pcap.lower && strcmp(q->file, "-");
	if (!strcmp(q->what, "keys"))
		return q->end && (!strcmp(q->end, "got") ||
				  !strcmp(q->end, "fetched"));
	return !strcmp(q->what, "add");
}

int main(int argc, char **argv)
{
	struct request q = {
		.file = "-",
		.pcap = { .msg_port = 51014, .otp_port = 51015 },
	};

	if (argc > 1 && (!strcmp(argv[1], "help") ||
			 !strcmp(argv[1], "--help"))) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "--version")) {
		puts("qkd-ledger " QKD_VERSION);
		return 0;
	}
	if (argc < 3)
		return bad_usage();
	q.what = argv[2];
	if (!strcmp(q.what, "check"))
		return argc == 3 ? do_check(argv[1]) : bad_usage();
	if (argc > 3)
		q.file = argv[3];
	if ((argc > 4 && !parse_keys(&q, argv + 4)) || !complete(&q))
		return bad_usage();
	return do_import(argv[1], &q);
}
