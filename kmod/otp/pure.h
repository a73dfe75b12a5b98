/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the pure files of qkd_otp need: the kernel's types and helpers, or the
 * same from libc, so that unit tests, fuzzers and benchmarks run the very code
 * that the kernel runs.
 */
#ifndef _OTP_PURE_H
#define _OTP_PURE_H

#ifdef __KERNEL__

#include <crypto/algapi.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/types.h>

#else

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <linux/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#ifndef __packed
#define __packed		__attribute__((packed))
#endif
#define le64_to_cpu(x)		le64toh(x)
#define cpu_to_le64(x)		htole64(x)
#define memzero_explicit(p, n)	explicit_bzero(p, n)
#ifndef min
#define min(a, b)		((a) < (b) ? (a) : (b))
#endif

static inline int crypto_memneq(const void *a, const void *b, size_t n)
{
	const volatile u8 *x = a, *y = b;
	u8 diff = 0;

	while (n--)
		diff |= *x++ ^ *y++;
	return diff != 0;
}

#endif /* __KERNEL__ */

/* Words of messages, little-endian and unaligned. */
static inline u64 otp_get64(const void *p)
{
	__le64 v;

	memcpy(&v, p, sizeof(v));
	return le64_to_cpu(v);
}

static inline void otp_put64(u64 x, void *p)
{
	__le64 v = cpu_to_le64(x);

	memcpy(p, &v, sizeof(v));
}

#endif /* _OTP_PURE_H */
