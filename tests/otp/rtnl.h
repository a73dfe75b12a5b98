/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One-time-pad devices by one system call each: nothing of it allocates but the
 * kernel, whose allocations a test lets fail.
 */
#ifndef _TESTS_OTP_RTNL_H
#define _TESTS_OTP_RTNL_H

#include <stdbool.h>
#include <stdint.h>

/* Each returns 0 or the kernel's -errno. @link: NULL for a device without. */
int otp_rtnl_add(const char *name, const char *link);
/* Gives it a link, unless NULL; and a weight and a remote address. */
int otp_rtnl_set(const char *name, const char *link, uint32_t weight,
		 uint32_t remote);
/* Its weight, 0 if it is not there. */
uint32_t otp_rtnl_weight(const char *name);
/* Its QKD link is there, and it knows. */
bool otp_rtnl_attached(const char *name);
int otp_rtnl_up(const char *name, bool up);
int otp_rtnl_del(const char *name);

#endif
