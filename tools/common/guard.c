// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guards memory from core dumps and from swap, all of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guard.h"
#include "log.h"

/*
 * Which kinds of memory a dump has: none. The kernel asks when it dumps, and
 * gdb's gcore does before it reads.
 */
static int filter_all(void)
{
	int fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, "0", 1) < 0)
		err = -errno;
	close(fd);
	return err;
}

static bool may_lock_any(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	struct rlimit limit;

	if (!getrlimit(RLIMIT_MEMLOCK, &limit) &&
	    limit.rlim_cur == RLIM_INFINITY)
		return true;
	return !syscall(SYS_capget, &head, data) &&
	       data[0].effective & 1u << CAP_IPC_LOCK;
}

static int lock_all(void)
{
	if (!may_lock_any())
		return -EPERM;
	return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) ? -errno : 0;
}

void guard_filter(void)
{
	int err = filter_all();

	if (err)
		log_notice("coredump_filter cannot be set: %s", strerror(-err));
}

int guard_memory(void)
{
	int err = lock_all();

	if (err)
		log_notice("memory is not locked and may be swapped out: %s",
			   strerror(-err));
	if (!prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return 0;
	err = -errno;
	log_err("core dumps cannot be forbidden: %s", strerror(-err));
	return err;
}
