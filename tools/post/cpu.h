/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which instructions the fast routines may use, asked of the processor at run
 * time.  Internal to tools/post and its tests.
 *
 * Timing: of no data at all.
 */
#ifndef QKD_POST_CPU_H
#define QKD_POST_CPU_H

#include <stdbool.h>

#if defined(__x86_64__)
#define POST_X86 1

static inline bool post_cpu_pclmul(void)
{
	return __builtin_cpu_supports("pclmul") &&
		__builtin_cpu_supports("sse4.1");
}

static inline bool post_cpu_vpclmul256(void)
{
	return __builtin_cpu_supports("vpclmulqdq") &&
		__builtin_cpu_supports("avx2");
}

static inline bool post_cpu_vpclmul(void)
{
	return __builtin_cpu_supports("vpclmulqdq") &&
		__builtin_cpu_supports("avx512f") &&
		__builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512vl");
}

static inline bool post_cpu_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}

static inline bool post_cpu_avx512(void)
{
	return __builtin_cpu_supports("avx512f") &&
		__builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512vl");
}
#else
static inline bool post_cpu_pclmul(void)
{
	return false;
}

static inline bool post_cpu_vpclmul256(void)
{
	return false;
}

static inline bool post_cpu_vpclmul(void)
{
	return false;
}

static inline bool post_cpu_avx2(void)
{
	return false;
}

static inline bool post_cpu_avx512(void)
{
	return false;
}
#endif

#endif
