/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One-time-pad devices by one system call each: nothing of it allocates but the
 * kernel, whose allocations a test lets fail.
 */
#ifndef _TESTS_OTP_RTNL_H
#define _TESTS_OTP_RTNL_H

#include <stdbool.h>

/* Each returns 0 or the kernel's -errno. */
int otp_rtnl_add(const char *name, const char *link);
int otp_rtnl_up(const char *name, bool up);
int otp_rtnl_del(const char *name);

#endif
