// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Drops privileges, once, before anything of the outside is read.
 */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "privs.h"
#include "tools/common/guard.h"
#include "tools/common/log.h"

static int failed(const char *what)
{
	int err = errno ? errno : EINVAL;

	log_err("%s: %s", what, strerror(err));
	return -err;
}

static void drop_bounding_set(void)
{
	int cap;

	/* -EPERM without CAP_SETPCAP: then there is nothing to drop it from */
	for (cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (cap != CAP_NET_ADMIN)
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

static int keep_net_admin(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = { { 0 } }, had[2];

	if (syscall(SYS_capget, &head, had))
		return failed("capget");
	if (!(had[0].permitted & 1u << CAP_NET_ADMIN)) {
		log_warn("no CAP_NET_ADMIN: links cannot be fed; start as root, or by systemctl start qkdd");
	} else {
		data[0].permitted = 1u << CAP_NET_ADMIN;
		data[0].effective = 1u << CAP_NET_ADMIN;
	}
	return syscall(SYS_capset, &head, data) ? failed("capset") : 0;
}

static int become(const char *user)
{
	struct passwd *pw = getpwnam(user);

	if (!pw) {
		log_err("there is no user %s; make it (systemd-sysusers), or have another: user in qkdd.conf, or -u",
			user);
		return -ENOENT;
	}
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) ||
	    initgroups(user, pw->pw_gid) || setgid(pw->pw_gid) ||
	    setuid(pw->pw_uid))
		return failed("cannot change the user");
	return 0;
}

int privs_drop(const char *user)
{
	struct rlimit none = { 0, 0 };
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	int ret;

	setrlimit(RLIMIT_CORE, &none);
	setrlimit(RLIMIT_MEMLOCK, &all);
	guard_filter();
	drop_bounding_set();
	if (user) {
		ret = become(user);
		if (ret)
			return ret;
	}
	ret = keep_net_admin();
	if (ret)
		return ret;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return failed("no_new_privs");
	/* last: changing the user sets it again */
	return guard_memory();
}

int privs_make_dir(const char *dir, const char *user)
{
	struct passwd *pw;

	if (mkdir(dir, 0700)) {
		if (errno == EEXIST)
			return 0;
		return failed(dir);
	}
	pw = user ? getpwnam(user) : NULL;
	if (pw && chown(dir, pw->pw_uid, pw->pw_gid))
		return failed(dir);
	return 0;
}
