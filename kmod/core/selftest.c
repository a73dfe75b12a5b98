// SPDX-License-Identifier: GPL-2.0
/*
 * Self-tests at load, in kernels built with -DDEBUG: that this kernel's
 * Poly1305, bitmaps and byte orders are what the pure files were tested with.
 * The pure files themselves are tested in userspace, see tests/unit.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <crypto/poly1305.h>
#include <linux/bitmap.h>
#include <linux/slab.h>
#include "core.h"
#include "keyid.h"
#include "msg.h"

/* RFC 8439, 2.5.2 */
static bool __init selftest_poly1305(void)
{
	static const u8 key[] __initconst = {
		0x85, 0xd6, 0xbe, 0x78, 0x57, 0x55, 0x6d, 0x33,
		0x7f, 0x44, 0x52, 0xfe, 0x42, 0xd5, 0x06, 0xa8,
		0x01, 0x03, 0x80, 0x8a, 0xfb, 0x0d, 0xb2, 0xfd,
		0x4a, 0xbf, 0xf6, 0xaf, 0x41, 0x49, 0xf5, 0x1b,
	};
	static const u8 want[] __initconst = {
		0xa8, 0x06, 0x1d, 0xc1, 0x30, 0x51, 0x36, 0xc6,
		0xc2, 0x2b, 0x8b, 0xaf, 0x0c, 0x01, 0x27, 0xa9,
	};
	static const char text[] __initconst =
		"Cryptographic Forum Research Group";
	struct poly1305_desc_ctx ctx;
	u8 tag[QKD_MSG_TAG_SIZE];

	poly1305_init(&ctx, key);
	poly1305_update(&ctx, text, sizeof(text) - 1);
	poly1305_final(&ctx, tag);
	return !memcmp(tag, want, sizeof(tag));
}

static bool __init selftest_key_id(void)
{
	static const u8 gen[QKD_GENERATION_SIZE] __initconst = {
		0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x7f, 0x88,
	};
	static const u8 want[QKD_KEY_ID_SIZE] __initconst = {
		0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x8f, 0x88,
		0xb0, 0x20, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06,
	};
	struct qkd_key_id id;

	qkd_key_id_make(&id, gen, 1, 0x010203040506ULL, 0x1020);
	return !memcmp(id.b, want, sizeof(want));
}

static bool __init selftest_msg(void)
{
	static const u8 gen[QKD_GENERATION_SIZE] __initconst = { 7 };
	u8 data[QKD_MSG_SIZE_MIN + 5] = { 0 };
	struct qkd_msg msg;

	qkd_msg_head(data, 3, 5, gen, 0x0102030405060708ULL);
	return data[24] == 1 && data[31] == 8 &&
	       qkd_msg_parse(data, sizeof(data), &msg) && msg.len == 5 &&
	       !qkd_msg_parse(data, sizeof(data) - 1, &msg);
}

#define SELFTEST_SIZE	256

/* Round the ring a few times: each byte as fed, once, and then erased. */
static bool __init selftest_rings(void)
{
	struct qkd_tx tx = { .size = SELFTEST_SIZE };
	struct qkd_rx rx = { .size = SELFTEST_SIZE };
	u8 *mem = kzalloc(2 * SELFTEST_SIZE, GFP_KERNEL);
	DECLARE_BITMAP(gone, SELFTEST_SIZE);
	u8 block[70], out[70];
	bool good = true;
	u64 o, at;

	if (!mem)
		return false;
	tx.buf = mem;
	rx.buf = mem + SELFTEST_SIZE;
	rx.gone = gone;
	bitmap_zero(gone, SELFTEST_SIZE);
	for (o = 0; good && o < 10 * SELFTEST_SIZE; o += sizeof(block)) {
		memset(block, o / sizeof(block) + 1, sizeof(block));
		qkd_ring_write(tx.buf, tx.size, o, block, sizeof(block));
		qkd_ring_write(rx.buf, rx.size, o, block, sizeof(block));
		good &= !qkd_tx_check(&tx, o, sizeof(block)) &&
			!qkd_rx_check(&rx, o, sizeof(block), 0, 0);
		qkd_tx_feed(&tx, o, sizeof(block));
		qkd_rx_feed(&rx, o, sizeof(block));
		good &= qkd_tx_reserve(&tx, out, 1, 0, &at) == -EAGAIN &&
			!qkd_tx_confirm(&tx, o, sizeof(block)) &&
			!qkd_tx_reserve(&tx, out, sizeof(out), 0, &at) &&
			at == o && !memcmp(out, block, sizeof(block)) &&
			!qkd_rx_take(&rx, o, out, sizeof(out)) &&
			!memcmp(out, block, sizeof(block)) &&
			qkd_rx_take(&rx, o, out, 1) == -EALREADY;
	}
	good &= !memchr_inv(mem, 0, 2 * SELFTEST_SIZE);
	kfree(mem);
	return good;
}

struct selftest {
	const char *name;
	bool (*run)(void);
};

/**
 * qkd_selftest - whether the module may be trusted with key here
 *
 * Return: false, having said what failed.
 */
bool __init qkd_selftest(void)
{
	static const struct selftest tests[] = {
		{ "Poly1305", selftest_poly1305 },
		{ "key IDs", selftest_key_id },
		{ "messages", selftest_msg },
		{ "rings", selftest_rings },
	};
	bool good = true;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		bool ok = tests[i].run();

		pr_info("selftest: %s: %s\n", tests[i].name,
			ok ? "pass" : "FAIL");
		good &= ok;
	}
	return good;
}
