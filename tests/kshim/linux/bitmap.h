/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel's pure files need of linux/bitmap.h, in userspace: bit by
 * bit, the plainest way.
 */
#ifndef _KSHIM_LINUX_BITMAP_H
#define _KSHIM_LINUX_BITMAP_H

#include <stdbool.h>

#define BITS_PER_LONG (8 * sizeof(long))

static inline bool kshim_bit(const unsigned long *map, unsigned long i)
{
	return map[i / BITS_PER_LONG] >> i % BITS_PER_LONG & 1;
}

static inline unsigned long kshim_next(const unsigned long *map,
				       unsigned long size, unsigned long i,
				       bool value)
{
	while (i < size && kshim_bit(map, i) != value)
		i++;
	return i;
}

static inline unsigned long find_next_bit(const unsigned long *map,
					  unsigned long size, unsigned long i)
{
	return kshim_next(map, size, i, true);
}

static inline unsigned long find_next_zero_bit(const unsigned long *map,
					       unsigned long size,
					       unsigned long i)
{
	return kshim_next(map, size, i, false);
}

static inline void bitmap_set(unsigned long *map, unsigned int i,
			      unsigned int n)
{
	for (; n--; i++)
		map[i / BITS_PER_LONG] |= 1UL << i % BITS_PER_LONG;
}

static inline void bitmap_clear(unsigned long *map, unsigned int i,
				unsigned int n)
{
	for (; n--; i++)
		map[i / BITS_PER_LONG] &= ~(1UL << i % BITS_PER_LONG);
}

#endif /* _KSHIM_LINUX_BITMAP_H */
