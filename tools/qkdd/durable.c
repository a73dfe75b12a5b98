// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes names on disk durable.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "durable.h"

int sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd))
		ret = -errno;
	close(fd);
	return ret;
}
