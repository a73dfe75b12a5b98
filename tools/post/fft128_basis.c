// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The Cantor basis of GF(2^16) within GF(2^128): v[0] = 1 and v[i+1] a root
 * of y^2 + y = v[i], of the two the one with bit 0 clear.  The unit test
 * checks it.
 */
#include "tools/post/fft128.h"

const struct gf128 fft128_basis[FFT128_LOG] = {
	{ 0x0000000000000001, 0x0000000000000000 },
	{ 0x676aac9fa4b20b08, 0x295ac0b1f4731af9 },
	{ 0xff1099c31bbe8f22, 0xa2134422cd4054c9 },
	{ 0x53b85b6402b1e848, 0x7959d70ce1ee6942 },
	{ 0xcabcd8e4694e5644, 0x08f6b313e935b8e2 },
	{ 0x4d48b16661e860ec, 0x49c9321635282198 },
	{ 0xa13fe8ac5560ce0c, 0x053d8555a9979a1c },
	{ 0x5cb10fbabcf00118, 0x4d52354a3a3d8c86 },
	{ 0xe18c55b8e07d3612, 0x2ccae6ed8d6b4cd0 },
	{ 0x588b6244c5d74470, 0x210d8fbe72672c66 },
	{ 0xd047dada84654da4, 0xc211182c85e148b3 },
	{ 0xfed3b473eeb39df8, 0x104d101e47f1f112 },
	{ 0xbf199eb4f675f2ac, 0xce955ea0da2a682b },
	{ 0x19c55b8d6bef4c98, 0xdbacfb2ac336178f },
	{ 0xf5531b28858156d0, 0x58770bc4e101ab94 },
	{ 0x8b97b65b221cc4e4, 0x497f8adb47e0ae82 },
};
