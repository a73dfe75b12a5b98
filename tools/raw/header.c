// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The header of a stream of detections: packing, unpacking, and finding words
 * in its text. What the words mean is left to whoever asks for them.
 */
#include "tools/raw/raw.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "tools/raw/raw_priv.h"

static bool text_ok(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char ch = text[i];

		if ((ch < 0x20 && ch != '\n' && ch != '\t') || ch == 0x7f)
			return false;
	}
	return true;
}

static bool kind_ok(unsigned int kind)
{
	return kind >= RAW_PREPARED && kind <= RAW_TAGS;
}

static bool all_zero(const uint8_t *p, size_t len)
{
	uint8_t any = 0;

	while (len--)
		any |= *p++;
	return !any;
}

ssize_t raw_header_parse(const void *buf, size_t len, struct raw_header *h)
{
	const uint8_t *p = buf;
	uint32_t text;

	if (memcmp(p, RAW_MAGIC, len < 8 ? len : 8)) {
		/* the same but for the digit: a later version */
		if (len >= 8 && !memcmp(p, RAW_MAGIC, 6) && p[7] == '\n')
			return -EPROTONOSUPPORT;
		return -EBADMSG;
	}
	if (len < RAW_HEADER_SIZE)
		return 0;
	text = raw_get32(p + RAW_H_TEXT_LEN);
	if (!kind_ok(p[RAW_H_KIND]))
		return -EPROTONOSUPPORT;
	if (text > RAW_TEXT_MAX || !raw_get64(p + RAW_H_SLOTS_HZ) ||
	    !all_zero(p + RAW_H_ZERO, RAW_H_TEXT_LEN - RAW_H_ZERO) ||
	    !all_zero(p + RAW_H_ZERO2, RAW_HEADER_SIZE - RAW_H_ZERO2))
		return -EBADMSG;
	if (len < RAW_HEADER_SIZE + text)
		return 0;
	if (!text_ok((const char *)p + RAW_HEADER_SIZE, text))
		return -EBADMSG;

	h->kind = p[RAW_H_KIND];
	h->slots_hz = raw_get64(p + RAW_H_SLOTS_HZ);
	h->epoch_ns = raw_get64(p + RAW_H_EPOCH_NS);
	memcpy(h->run, p + RAW_H_RUN, RAW_RUN_SIZE);
	memcpy(h->text, p + RAW_HEADER_SIZE, text);
	h->text[text] = '\0';
	return RAW_HEADER_SIZE + text;
}

ssize_t raw_header_build(void *buf, size_t len, const struct raw_header *h)
{
	size_t text = strnlen(h->text, sizeof(h->text));
	uint8_t *p = buf;

	if (!kind_ok(h->kind) || !h->slots_hz || text > RAW_TEXT_MAX ||
	    !text_ok(h->text, text))
		return -EINVAL;
	if (len < RAW_HEADER_SIZE + text)
		return -EMSGSIZE;
	memset(p, 0, RAW_HEADER_SIZE);
	memcpy(p, RAW_MAGIC, 8);
	p[RAW_H_KIND] = h->kind;
	raw_put32(p + RAW_H_TEXT_LEN, text);
	memcpy(p + RAW_H_RUN, h->run, RAW_RUN_SIZE);
	raw_put64(p + RAW_H_SLOTS_HZ, h->slots_hz);
	raw_put64(p + RAW_H_EPOCH_NS, h->epoch_ns);
	memcpy(p + RAW_HEADER_SIZE, h->text, text);
	return RAW_HEADER_SIZE + text;
}

int raw_header_word(const struct raw_header *h, const char *key, char *value,
		    size_t len)
{
	size_t klen = strlen(key), n;
	const char *p = h->text;

	for (;;) {
		p += strspn(p, " \t\n");
		if (!*p)
			return -ENOENT;
		n = strcspn(p, " \t\n");
		if (n > klen && p[klen] == '=' && !strncmp(p, key, klen))
			break;
		p += n;
	}
	p += klen + 1;
	n -= klen + 1;
	if (n >= len)
		return -EMSGSIZE;
	memcpy(value, p, n);
	value[n] = '\0';
	return 0;
}

int raw_header_numbers(const struct raw_header *h, const char *key, double *v,
		       unsigned int max)
{
	char text[RAW_TEXT_MAX + 1], *p = text, *end;
	unsigned int n;
	int err;

	err = raw_header_word(h, key, text, sizeof(text));
	if (err)
		return err;
	for (n = 0; ; n++) {
		double x = strtod(p, &end);

		if (end == p || (*end && *end != ','))
			return -EINVAL;
		if (n == max)
			return -EMSGSIZE;
		v[n] = x;
		if (!*end)
			return n + 1;
		p = end + 1;
	}
}
