// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkdctl psk: the secret two nodes share before their first meeting.
 *
 * It authenticates the classical channel until the link makes key of its own.
 * Made here, carried to the peer by the administrators; the daemon reads it
 * and never sends it anywhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "print.h"
#include "qkdctl.h"

#define PSK_DEFAULT	(64 << 10)
/* What qkdd takes, see Documentation/formats.rst */
#define PSK_MIN		8256
#define PSK_MAX		524352

static const char usage[] =
	"Usage: qkdctl psk new FILE [ size BYTES ]\n"
	"       qkdctl psk show FILE\n"
	"\"new\" writes a fresh random secret to FILE, readable by its owner only;\n"
	"it must not exist. Carry a copy to the peer by safe means, compare what\n"
	"\"show\" tells at both ends, and destroy the copy.\n";

static int write_all(int fd, const uint8_t *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			p += n;
			len -= n;
		}
	}
	return 0;
}

/* From the kernel's generator; blocks until it is seeded. */
static int random_all(uint8_t *p, size_t len)
{
	while (len) {
		ssize_t n = getrandom(p, len < 256 ? len : 256, 0);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			p += n;
			len -= n;
		}
	}
	return 0;
}

static void fingerprint(const uint8_t *psk, size_t len, char *hex)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	hex[0] = '\0';
	if (!EVP_Digest(psk, len, md, &n, EVP_sha256(), NULL))
		return;
	for (unsigned int i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", md[i]);
}

static void print_psk(const char *file, const uint8_t *psk, size_t len)
{
	char hex[2 * EVP_MAX_MD_SIZE + 1];

	fingerprint(psk, len, hex);
	pr_begin();
	pr_obj(NULL);
	pr_str(NAME, "file", "%s:", file);
	pr_u64(PLAIN, "size", " size %s", len);
	pr_str(PLAIN, "sha256", " sha256 %s\n", hex);
	pr_obj_end();
	pr_end();
}

/* Makes the file whole and durable, or leaves none. */
static int write_file(const char *file, const uint8_t *psk, size_t len)
{
	int fd, err;

	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		  0600);
	if (fd < 0 && errno == EEXIST)
		return bad("%s exists; a secret is never overwritten, move it away first",
			   file);
	if (fd < 0)
		return bad("%s: %s", file, strerror(errno));
	err = fchmod(fd, 0600) ? -errno : write_all(fd, psk, len);
	if (!err && fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (err) {
		unlink(file);
		bad("%s: %s", file, strerror(-err));
	}
	return err;
}

static int psk_new(struct args *a)
{
	static uint8_t psk[PSK_MAX];
	const char *file = arg_next(a), *word;
	uint64_t size = PSK_DEFAULT;
	int err;

	if (!file)
		return bad("where to? A file's name is missing");
	word = arg_next(a);
	if (word && !strcmp(word, "size")) {
		word = arg_value(a, "size");
		if (!word)
			return -EINVAL;
		if (parse_size(word, &size) || size < PSK_MIN || size > PSK_MAX)
			return bad("size: %d to %d bytes, not \"%s\"", PSK_MIN,
				   PSK_MAX, word);
	} else if (word) {
		return bad("what is \"%s\"? Only size may follow", word);
	}
	if (arg_end(a))
		return -EINVAL;
	err = random_all(psk, size);
	if (err)
		return bad("no random bytes: %s", strerror(-err)), err;
	err = write_file(file, psk, size);
	if (!err)
		print_psk(file, psk, size);
	qkd_wipe(psk, sizeof(psk));
	return err;
}

static void warn_of_mode(const char *file, const struct stat *st)
{
	if (st->st_mode & 077)
		fprintf(stderr, "Warning: %s can be read by others; run: chmod 600 %s\n",
			file, file);
}

static int psk_show(struct args *a)
{
	static uint8_t psk[PSK_MAX + 1];
	const char *file = arg_next(a);
	struct stat st;
	size_t len = 0;
	ssize_t n;
	int fd;

	if (!file)
		return bad("which one? A file's name is missing");
	if (arg_end(a))
		return -EINVAL;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return bad("%s: %s", file, strerror(errno));
	warn_of_mode(file, &st);
	while ((n = read(fd, psk + len, sizeof(psk) - len)) > 0)
		len += n;
	close(fd);
	if (n < 0)
		return bad("%s: %s", file, strerror(errno));
	if (len < PSK_MIN || len > PSK_MAX)
		return bad("%s is no pre-shared secret: these have %d to %d bytes",
			   file, PSK_MIN, PSK_MAX);
	print_psk(file, psk, len);
	qkd_wipe(psk, sizeof(psk));
	return 0;
}

int do_psk(struct args *a)
{
	static const struct verb verbs[] = {
		{ "new", psk_new },
		{ "show", psk_show },
	};

	if (!a->n) {
		fputs(usage, stderr);
		return -EINVAL;
	}
	return RUN_VERB(verbs, a, usage);
}
