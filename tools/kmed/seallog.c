// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sealed records in a file:
 *
 *	"QKDSEAL1", salt[32]
 *	then for each record: u32 length, ciphertext, tag[16]
 *
 * The first record is the magic again: it tells a wrong key from a damaged end.
 *
 * AES-256-GCM under HKDF-SHA256(key, salt), the nonce being the record's number
 * in the file and the length authenticated with it. A nonce is never used
 * twice: numbers only go up while a file is open for appending, and a file that
 * was opened is replaced by one with another salt before anything is appended.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <qkd/qkd.h>

#include "seallog.h"

#define MAGIC		"QKDSEAL1"
#define SALT_SIZE	32
#define HEAD_SIZE	(sizeof(MAGIC) - 1 + SALT_SIZE)
#define TAG_SIZE	16
#define OVERHEAD	(4 + TAG_SIZE)
#define TAIL_MAX	(SEALLOG_RECORD_MAX + OVERHEAD)	/* bytes not on disk yet */

struct seallog {
	char *path;
	int lock;		/* keeps a second process out */
	int fd;			/* to append to; -1: a rewrite must come first */
	uint8_t key[SEALLOG_KEY_SIZE];
	uint8_t file_key[32];
	EVP_CIPHER_CTX *ctx;
	uint64_t n;		/* records in the file */
	uint64_t size;
	uint64_t synced;	/* bytes of it that are on disk for sure */
	bool fresh;		/* it is not in its place yet */
	uint8_t out[SEALLOG_RECORD_MAX + OVERHEAD];
};

static int derive(struct seallog *log, const uint8_t salt[SALT_SIZE])
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM p[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
						 (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, log->key,
						  sizeof(log->key)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT,
						  (void *)salt, SALT_SIZE),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
						  (void *)MAGIC,
						  sizeof(MAGIC) - 1),
		OSSL_PARAM_construct_end(),
	};
	int ok;

	ok = ctx && EVP_KDF_derive(ctx, log->file_key, sizeof(log->file_key),
				   p) == 1;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok ? 0 : -EIO;
}

static void nonce_of(uint64_t n, uint8_t nonce[12])
{
	memset(nonce, 0, 12);
	for (int i = 0; i < 8; i++)
		nonce[11 - i] = n >> (8 * i);
}

/* ---- reading ---- */

static int unseal(struct seallog *log, uint32_t len, const uint8_t *in,
		  uint8_t *out)
{
	uint32_t be = htonl(len);
	uint8_t nonce[12];
	int n;

	nonce_of(log->n, nonce);
	return EVP_DecryptInit_ex(log->ctx, EVP_aes_256_gcm(), NULL,
				  log->file_key, nonce) == 1 &&
	       EVP_DecryptUpdate(log->ctx, NULL, &n, (void *)&be,
				 sizeof(be)) == 1 &&
	       EVP_DecryptUpdate(log->ctx, out, &n, in, len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(log->ctx, EVP_CTRL_GCM_SET_TAG, TAG_SIZE,
				   (void *)(in + len)) == 1 &&
	       EVP_DecryptFinal_ex(log->ctx, out + n, &n) == 1 ? 0 : -EBADMSG;
}

/* 1: a record; 0: the end, or less than a record; negative: no record */
static int read_one(struct seallog *log, FILE *f, uint8_t *record,
		    uint32_t *len)
{
	uint32_t be;

	if (fread(&be, sizeof(be), 1, f) != 1)
		return 0;
	*len = ntohl(be);
	if (!*len || *len > SEALLOG_RECORD_MAX)
		return -EBADMSG;
	if (fread(log->out, *len + TAG_SIZE, 1, f) != 1)
		return 0;
	if (unseal(log, *len, log->out, record))
		return -EBADMSG;
	log->n++;
	return 1;
}

/* A loss of power damages no more than this, see seallog_append(). */
static int is_tail(FILE *f, long at)
{
	struct stat st;

	return !fstat(fileno(f), &st) && st.st_size - at <= TAIL_MAX;
}

static int read_records(struct seallog *log, FILE *f,
			int (*cb)(const uint8_t *record, size_t len, void *arg),
			void *arg)
{
	uint8_t *record = malloc(SEALLOG_RECORD_MAX + TAG_SIZE);
	uint32_t len;
	int err = record ? 0 : -ENOMEM;

	if (!err && (read_one(log, f, record, &len) != 1 ||
		     len != sizeof(MAGIC) || memcmp(record, MAGIC, len)))
		err = -EBADMSG;
	while (!err) {
		long at = ftell(f);
		int got = read_one(log, f, record, &len);

		if (!got || (got < 0 && is_tail(f, at)))
			break;
		err = got < 0 ? got : cb(record, len, arg);
	}
	if (record)
		qkd_wipe(record, SEALLOG_RECORD_MAX + TAG_SIZE);
	free(record);
	return err;
}

static int read_file(struct seallog *log,
		     int (*cb)(const uint8_t *record, size_t len, void *arg),
		     void *arg)
{
	uint8_t head[HEAD_SIZE];
	FILE *f = fopen(log->path, "re");
	int err;

	if (!f)
		return errno == ENOENT ? 0 : -errno;
	if (fread(head, sizeof(head), 1, f) != 1 ||
	    memcmp(head, MAGIC, sizeof(MAGIC) - 1))
		err = -EBADMSG;
	else
		err = derive(log, head + sizeof(MAGIC) - 1);
	if (!err)
		err = read_records(log, f, cb, arg);
	fclose(f);
	return err;
}

/* ---- writing ---- */

static int write_all(int fd, const uint8_t *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= n;
	}
	return 0;
}

static void stop_appending(struct seallog *log)
{
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
}

static int seal(struct seallog *log, const uint8_t *record, uint32_t len)
{
	uint32_t be = htonl(len);
	uint8_t nonce[12];
	int n;

	nonce_of(log->n, nonce);
	memcpy(log->out, &be, sizeof(be));
	return EVP_EncryptInit_ex(log->ctx, EVP_aes_256_gcm(), NULL,
				  log->file_key, nonce) == 1 &&
	       EVP_EncryptUpdate(log->ctx, NULL, &n, log->out, 4) == 1 &&
	       EVP_EncryptUpdate(log->ctx, log->out + 4, &n, record,
				 len) == 1 &&
	       EVP_EncryptFinal_ex(log->ctx, log->out + 4 + n, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(log->ctx, EVP_CTRL_GCM_GET_TAG, TAG_SIZE,
				   log->out + 4 + len) == 1 ? 0 : -EIO;
}

int seallog_sync(struct seallog *log)
{
	int err;

	if (log->fd < 0)
		return -EIO;
	err = fdatasync(log->fd) ? -errno : 0;
	if (err)	/* what is on disk is not known any more */
		stop_appending(log);
	else
		log->synced = log->size;
	return err;
}

static int append(struct seallog *log, const uint8_t *record, size_t len)
{
	int err = seal(log, record, len);

	log->n++;
	if (!err)
		err = write_all(log->fd, log->out, len + OVERHEAD);
	if (err)
		stop_appending(log);
	else
		log->size += len + OVERHEAD;
	return err;
}

int seallog_append(struct seallog *log, const uint8_t *record, size_t len)
{
	int err = 0;

	if (log->fd < 0)
		return -EIO;
	if (!len || len > SEALLOG_RECORD_MAX)
		return -EMSGSIZE;
	/* what a loss of power may damage is told from what it may not by this */
	if (!log->fresh && log->size - log->synced + len + OVERHEAD > TAIL_MAX)
		err = seallog_sync(log);
	return err ? err : append(log, record, len);
}

static int sync_folder(const char *path)
{
	char *copy = strdup(path);
	int fd, err = 0;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd))
		err = -errno;
	if (fd >= 0)
		close(fd);
	free(copy);
	return err;
}

static int begin(struct seallog *log)
{
	uint8_t head[HEAD_SIZE] = MAGIC;
	int err;

	if (RAND_bytes(head + sizeof(MAGIC) - 1, SALT_SIZE) != 1)
		return -EIO;
	err = derive(log, head + sizeof(MAGIC) - 1);
	log->n = 0;
	log->size = sizeof(head);
	if (!err)
		err = write_all(log->fd, head, sizeof(head));
	return err ? err : seallog_append(log, (const void *)MAGIC,
					  sizeof(MAGIC));
}

int seallog_rewrite(struct seallog *log, int (*emit)(void *arg), void *arg)
{
	char fresh[PATH_MAX];
	int err;

	if ((size_t)snprintf(fresh, sizeof(fresh), "%s.new", log->path) >=
	    sizeof(fresh))
		return -ENAMETOOLONG;
	stop_appending(log);
	log->fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC |
		       O_NOFOLLOW, 0600);
	if (log->fd < 0)
		return -errno;
	log->fresh = true;
	err = begin(log);
	if (!err)
		err = emit(arg);
	if (!err)
		err = log->fd < 0 || fsync(log->fd) ? -EIO : 0;
	if (!err && rename(fresh, log->path))
		err = -errno;
	if (!err)
		err = sync_folder(log->path);
	if (err) {
		stop_appending(log);
		unlink(fresh);
	}
	log->synced = log->size;
	log->fresh = false;
	return err;
}

uint64_t seallog_size(const struct seallog *log)
{
	return log->size;
}

/* ---- */

static int lock_out(struct seallog *log)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s.lock", log->path) >=
	    sizeof(path))
		return -ENAMETOOLONG;
	log->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (log->lock < 0)
		return -errno;
	return flock(log->lock, LOCK_EX | LOCK_NB) ? -EBUSY : 0;
}

static const char *say(int err)
{
	switch (err) {
	case -EBADMSG:
		return "is damaged, or sealed by another key";
	case -EBUSY:
		return "is in use by another process";
	default:
		return strerror(-err);
	}
}

struct seallog *seallog_open(const char *path,
			     const uint8_t key[SEALLOG_KEY_SIZE],
			     int (*read)(const uint8_t *record, size_t len,
					 void *arg),
			     void *arg, char *err, size_t room)
{
	struct seallog *log = calloc(1, sizeof(*log));
	int e = -ENOMEM;

	if (log) {
		log->fd = -1;
		log->lock = -1;
		memcpy(log->key, key, sizeof(log->key));
		log->path = strdup(path);
		log->ctx = EVP_CIPHER_CTX_new();
		if (log->path && log->ctx)
			e = lock_out(log);
		if (!e)
			e = read_file(log, read, arg);
	}
	if (!e)
		return log;
	snprintf(err, room, "%s %s", path, say(e));
	seallog_close(log);
	return NULL;
}

void seallog_close(struct seallog *log)
{
	if (!log)
		return;
	stop_appending(log);
	if (log->lock >= 0)
		close(log->lock);
	EVP_CIPHER_CTX_free(log->ctx);
	free(log->path);
	qkd_wipe(log, sizeof(*log));
	free(log);
}
