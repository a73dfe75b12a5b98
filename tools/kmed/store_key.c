// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where the store's sealing key is had from. What seals it is tpm.c's.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <qkd/qkd.h>

#include "store_key.h"
#include "tpm.h"
#include "tpm_blob.h"
#include "tools/common/log.h"

_Static_assert(TPM_KEY_SIZE == SEALLOG_KEY_SIZE, "what is sealed is the key");

bool tpm_is_sealed(const uint8_t *blob, size_t len)
{
	return len > sizeof(TPM_MAGIC) - 1 &&
	       !memcmp(blob, TPM_MAGIC, sizeof(TPM_MAGIC) - 1);
}

/* A name without a slash is a credential's. */
static int open_named(const char *name)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	char path[PATH_MAX];

	if (strchr(name, '/'))
		return open(name, O_RDONLY | O_CLOEXEC);
	if (!dir || (size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >=
	    sizeof(path)) {
		errno = ENOENT;
		return -1;
	}
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* As much as there is and fits; negative: @name cannot be read. */
static ssize_t read_named(const char *name, uint8_t *buf, size_t room)
{
	int fd = open_named(name);
	ssize_t n = 0, len = 0;

	while (fd >= 0 && (size_t)len < room &&
	       (n = read(fd, buf + len, room - len)) > 0)
		len += n;
	if (fd < 0 || n < 0) {
		log_err("store-key %s: %s", name, strerror(errno));
		len = -1;
	}
	if (fd >= 0)
		close(fd);
	return len;
}

int store_key_read(const char *name, const char *tcti,
		   uint8_t key[SEALLOG_KEY_SIZE])
{
	uint8_t buf[TPM_SEALED_MAX];
	ssize_t len = read_named(name, buf, sizeof(buf));
	char err[256];
	int ret = -1;

	if (len == SEALLOG_KEY_SIZE) {
		memcpy(key, buf, SEALLOG_KEY_SIZE);
		ret = 0;
	} else if (len > 0 && tpm_is_sealed(buf, len)) {
		ret = tpm_unseal(tcti, buf, len, key, err, sizeof(err));
		if (ret)
			log_err("store-key %s: %s", name, err);
	} else if (len >= 0) {
		log_err("store-key %s must have %d bytes, random: head -c %d /dev/urandom; or be made by qkd-kmed --seal",
			name, SEALLOG_KEY_SIZE, SEALLOG_KEY_SIZE);
	}
	qkd_wipe(buf, sizeof(buf));
	return ret;
}

static int read_pcrs(const char *text, uint32_t *pcrs)
{
	unsigned long n;
	char *end;

	*pcrs = 0;
	for (; text && *text; text = *end ? end + 1 : end) {
		n = strtoul(text, &end, 10);
		if (end == text || n > 23 || (*end && *end != ',') ||
		    *text < '0' || *text > '9')
			return -1;
		*pcrs |= 1u << n;
	}
	return 0;
}

static int write_new(const char *path, const uint8_t *p, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && write(fd, p, len) == (ssize_t)len && !fsync(fd);

	if (!ok)
		log_err("%s: %s", path, strerror(errno));
	if (!ok && fd >= 0)
		unlink(path);
	if (fd >= 0)
		close(fd);
	return ok ? 0 : -1;
}

int store_key_make(const char *path, const char *tcti, const char *pcrs)
{
	uint8_t blob[TPM_SEALED_MAX];
	char err[256];
	uint32_t bits;
	int len;

	if (read_pcrs(pcrs, &bits)) {
		log_err("--pcrs %s: numbers from 0 to 23, with commas between", pcrs);
		return -1;
	}
	len = tpm_seal(tcti, bits, blob, err, sizeof(err));
	if (len < 0) {
		log_err("%s", err);
		return -1;
	}
	return write_new(path, blob, len);
}
