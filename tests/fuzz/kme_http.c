// SPDX-License-Identifier: GPL-2.0-or-later
// LIBRARIES: kmed common standin
// PACKAGES: libevent_core libevent_extra libevent_openssl libevent_pthreads libssl libcrypto json-c
/*
 * Fuzzer of what HTTP carries to the key service's front ends. The first byte
 * chooses who asks and how; then come path and query, a line each, and the
 * body. Each is answered once, with a status that the standard has, and in
 * JSON; who may not ask gets no key.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/common/log.h"
#include "tools/kmed/front.h"
#include "tools/kmed/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char settings[] =
	"{\"kme\":\"k\",\"certificate\":\"c\",\"key\":\"k\",\"ca\":\"c\","
	"\"links\":[{\"link\":\"q0\",\"peer-kme\":\"l\",\"max-keys\":8,"
	"\"pairs\":[{\"local\":\"a\",\"remote\":\"b\"}]},"
	"{\"link\":\"q1\",\"peer-kme\":\"m\",\"peer\":\"[::1]:1\","
	"\"pairs\":[{\"local\":\"a\",\"remote\":\"c\"}]}]}";

static struct kme kme;
static struct desk *desk;
static unsigned int answers;

static void check_answer(struct xchg *x)
{
	char why[64];

	answers++;
	switch (x->status) {
	case 401:
		if (x->out_len)
			abort();
		break;
	case 200:
		if (!x->caller && !x->kme)
			abort();
		break;
	case 400: case 404: case 405: case 503:
		break;
	default:
		abort();
	}
	if (x->out_len) {
		struct json_object *v = json_parse(x->out, x->out_len, why,
						   sizeof(why));

		if (!v)
			abort();
		json_object_put(v);
	}
	xchg_clear(x);
}

static char *line(const uint8_t **data, size_t *size)
{
	const uint8_t *end = memchr(*data, '\n', *size);
	size_t len = end ? (size_t)(end - *data) : *size;
	char *s = strndup((const char *)*data, len);

	*data += len + !!end;
	*size -= len + !!end;
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const callers[] = { NULL, "a", "x", "c" };
	const struct front_http *front;
	struct xchg x = { .done = check_answer };
	char *path, *query, err[128];
	struct conf *conf;
	bool skip;

	if (!desk) {
		log_setup(LOG_LEVEL_ERR, false);
		kme.store = store_new(1 << 16, 1);
		conf = conf_parse(settings, err, sizeof(err));
		desk = desk_new(&kme, conf, NULL, NULL);
		conf_put(conf);
	}
	if (!size)
		return 0;
	x.method = data[0] & 3;
	x.caller = callers[data[0] >> 2 & 3];
	x.kme = data[0] & 16 ? "m" : NULL;
	skip = data[0] & 32;
	data++;
	size--;
	path = line(&data, &size);
	query = line(&data, &size);
	x.path = path;
	x.query = *query ? query : NULL;
	x.body = (const char *)data;
	x.body_len = size;
	answers = 0;
	front = front_find(skip ? PORT_SKIP : PORT_014, x.path);
	if (front) {
		front->handle(desk, &x);
		if (answers != 1)
			abort();
	}
	free(path);
	free(query);
	return 0;
}
