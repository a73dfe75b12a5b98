// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where the key of a pad store comes from.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/pad/key.h"

int pad_key_read(const char *name, uint8_t key[PAD_KEY_SIZE])
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	uint8_t buf[PAD_KEY_SIZE + 1];
	char path[PATH_MAX];
	ssize_t n;
	int fd, err = 0;

	if (!strchr(name, '/')) {
		if (!dir || (size_t)snprintf(path, sizeof(path), "%s/%s", dir,
					     name) >= sizeof(path))
			return -ENOENT;
		name = path;
	}
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, sizeof(buf));
	if (n < 0)
		err = -errno;
	else if (n != PAD_KEY_SIZE)
		err = -EBADMSG;
	else
		memcpy(key, buf, PAD_KEY_SIZE);
	close(fd);
	explicit_bzero(buf, sizeof(buf));
	return err;
}
