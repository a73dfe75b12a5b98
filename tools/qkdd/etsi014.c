// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests and answers of ETSI GS QKD 014 V1.1.1, by libcurl and json-c.
 *
 * libcurl has mutual TLS, kept connections, timeouts and limits, all of which a
 * client over libevent would have to build by hand. Answers are received into
 * locked memory, and what json-c makes of them is wiped as it is freed; so is
 * what libcurl and OpenSSL have in buffers of theirs, when the client is freed.
 */
#include <curl/curl.h>
#include <errno.h>
#include <json-c/json.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "etsi014.h"
#include "tools/common/secret.h"
#include "tools/common/wipe_free.h"

#define ANSWER_MAX	(1u << 20)	/* bytes of an answer */
#define CONNECT_S	4L
#define REQUEST_S	10L

struct etsi014 {
	struct etsi014_conf conf;
	CURL *curl;
	struct curl_slist *headers;
	char *answer;
	size_t len;
};

static size_t receive(char *data, size_t one, size_t n, void *arg)
{
	struct etsi014 *c = arg;

	if (n >= ANSWER_MAX - c->len)
		return 0;
	memcpy(c->answer + c->len, data, n);
	c->len += n;
	return n;
}

struct etsi014 *etsi014_new(const struct etsi014_conf *conf)
{
	struct etsi014 *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->conf = *conf;
	c->answer = secret_alloc(ANSWER_MAX);
	c->curl = curl_easy_init();
	c->headers = curl_slist_append(NULL, "Content-Type: application/json");
	if (!c->answer || !c->curl || !c->headers) {
		etsi014_free(c);
		return NULL;
	}
	return c;
}

void etsi014_free(struct etsi014 *c)
{
	if (!c)
		return;
	wipe_frees(true);
	if (c->curl)
		curl_easy_cleanup(c->curl);
	wipe_frees(false);
	curl_slist_free_all(c->headers);
	secret_free(c->answer, ANSWER_MAX);
	free(c);
}

/* ---- one request ---- */

static bool prepare(struct etsi014 *c, const char *method, const char *body)
{
	char *sae = curl_easy_escape(c->curl, c->conf.sae, 0), url[1024];
	CURL *h = c->curl;

	if (!sae)
		return false;
	snprintf(url, sizeof(url), "%s/api/v1/keys/%s/%s", c->conf.url, sae,
		 method);
	curl_free(sae);
	curl_easy_reset(h);	/* connections stay */
	return !curl_easy_setopt(h, CURLOPT_URL, url) &&
	       !curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "https") &&
	       !curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L) &&
	       !curl_easy_setopt(h, CURLOPT_PROXY, "") &&
	       !curl_easy_setopt(h, CURLOPT_SSLVERSION,
				 (long)CURL_SSLVERSION_TLSv1_2) &&
	       !curl_easy_setopt(h, CURLOPT_SSLCERT, c->conf.cert) &&
	       !curl_easy_setopt(h, CURLOPT_SSLKEY, c->conf.key) &&
	       !curl_easy_setopt(h, CURLOPT_CAINFO, c->conf.ca) &&
	       !curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, CONNECT_S) &&
	       !curl_easy_setopt(h, CURLOPT_TIMEOUT, REQUEST_S) &&
	       !curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, receive) &&
	       !curl_easy_setopt(h, CURLOPT_WRITEDATA, c) &&
	       (!body ||
		(!curl_easy_setopt(h, CURLOPT_HTTPHEADER, c->headers) &&
		 !curl_easy_setopt(h, CURLOPT_POSTFIELDS, body)));
}

static void forget(struct etsi014 *c)
{
	wipe(c->answer, c->len);
	c->len = 0;
}

/* The KME's own words, as far as they are fit for a log. */
static void why_not(struct etsi014 *c, long status, char *err, size_t room)
{
	struct json_object *o, *m;
	char words[120] = "";
	size_t i;

	c->answer[c->len] = '\0';
	o = json_tokener_parse(c->answer);
	if (json_object_is_type(o, json_type_object) &&
	    json_object_object_get_ex(o, "message", &m))
		snprintf(words, sizeof(words), ": %s",
			 json_object_get_string(m));
	for (i = 0; words[i]; i++)
		if (words[i] < ' ' || words[i] > '~')
			words[i] = '?';
	json_object_put(o);
	snprintf(err, room, "the KME at %s answers %ld%s", c->conf.url, status,
		 words);
}

/* The answer is in c->answer; to be forgotten by the caller if 0. */
static int request(struct etsi014 *c, const char *method, const char *body,
		   char *err, size_t room)
{
	CURLcode code;
	long status;

	c->len = 0;
	if (!prepare(c, method, body)) {
		snprintf(err, room, "out of memory");
		return -ENOMEM;
	}
	code = curl_easy_perform(c->curl);
	if (code) {
		snprintf(err, room, "the KME at %s: %s", c->conf.url,
			 curl_easy_strerror(code));
		forget(c);
		return -EHOSTUNREACH;
	}
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return 0;
	why_not(c, status, err, room);
	forget(c);
	switch (status) {
	case 400:	/* keys that are not found, too: they may come */
	case 503:
		return -EAGAIN;
	case 401:
	case 403:
		return -EACCES;
	default:
		return -EBADMSG;
	}
}

static struct json_object *parse(struct etsi014 *c)
{
	struct json_tokener *tok = json_tokener_new_ex(8);
	struct json_object *o = NULL;

	if (tok)
		o = json_tokener_parse_ex(tok, c->answer, c->len);
	json_tokener_free(tok);
	forget(c);
	return o;
}

/* ---- what is in an answer ---- */

static int64_t integer(struct json_object *o, const char *name)
{
	struct json_object *v;

	return json_object_object_get_ex(o, name, &v) ?
		json_object_get_int64(v) : 0;
}

static const char *text(struct json_object *o, const char *name)
{
	struct json_object *v;

	if (!json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, name, &v) ||
	    !json_object_is_type(v, json_type_string))
		return NULL;
	return json_object_get_string(v);
}

static bool read_uuid(const char *s, uint8_t id[ETSI014_ID])
{
	unsigned int i, n = 0;

	if (!s || strlen(s) != 36)
		return false;
	for (i = 0; i < 36; i += 2) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (s[i++] != '-')
				return false;
		}
		if (sscanf(s + i, "%2hhx", &id[n++]) != 1)
			return false;
	}
	return true;
}

static void write_uuid(const uint8_t *b, char s[37])
{
	snprintf(s, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9],
		 b[10], b[11], b[12], b[13], b[14], b[15]);
}

/* Bytes, or -1; at most @room. */
static ssize_t read_key(const char *s, uint8_t *key, size_t room)
{
	size_t len = s ? strlen(s) : 0, out = len / 4 * 3, pad = 0;
	uint8_t *buf;
	int n;

	if (!len || len % 4)
		return -1;
	while (pad < 2 && s[len - 1 - pad] == '=')
		pad++;
	buf = secret_alloc(out);
	n = buf ? EVP_DecodeBlock(buf, (const uint8_t *)s, len) : -1;
	if (n != (int)out || out - pad > room) {
		secret_free(buf, out);
		return -1;
	}
	memcpy(key, buf, out - pad);
	secret_free(buf, out);
	return out - pad;
}

/* All keys of a container that has @n of them; bytes, or -1 */
static ssize_t read_keys(struct json_object *o, size_t n, uint8_t *ids,
			 uint8_t *key, size_t room)
{
	struct json_object *keys, *k;
	ssize_t got, all = 0;
	size_t i;

	if (!json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, "keys", &keys) ||
	    !json_object_is_type(keys, json_type_array) ||
	    json_object_array_length(keys) != n)
		return -1;
	for (i = 0; i < n; i++) {
		k = json_object_array_get_idx(keys, i);
		got = read_key(text(k, "key"), key + all, room - all);
		if (got < 0 || !read_uuid(text(k, "key_ID"),
					  ids + i * ETSI014_ID))
			return -1;
		all += got;
	}
	return all;
}

static int nonsense(struct etsi014 *c, char *err, size_t room)
{
	snprintf(err, room, "the KME at %s answers what makes no sense",
		 c->conf.url);
	return -EBADMSG;
}

/* ---- the three calls ---- */

int etsi014_status(struct etsi014 *c, struct etsi014_status *st, char *err,
		   size_t room)
{
	struct json_object *o;
	int ret = request(c, "status", NULL, err, room);

	if (ret)
		return ret;
	o = parse(c);
	if (!json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		return nonsense(c, err, room);
	}
	st->key_size = integer(o, "key_size");
	st->max_key_per_request = integer(o, "max_key_per_request");
	st->stored_key_count = integer(o, "stored_key_count");
	json_object_put(o);
	return 0;
}

int etsi014_enc_keys(struct etsi014 *c, size_t n, size_t size, uint8_t *ids,
		     uint8_t *key, char *err, size_t room)
{
	struct json_object *o;
	char body[80];
	ssize_t got;
	int ret;

	snprintf(body, sizeof(body), "{\"number\":%zu,\"size\":%zu}", n,
		 8 * size);
	wipe_frees(true);
	ret = request(c, "enc_keys", body, err, room);
	if (!ret) {
		o = parse(c);
		got = read_keys(o, n, ids, key, n * size);
		json_object_put(o);
		if (got != (ssize_t)(n * size))
			ret = nonsense(c, err, room);
	}
	wipe_frees(false);
	return ret;
}

/* A container has its keys in any order: into that of @ids; of one length. */
static bool sort_keys(size_t n, const uint8_t *ids, const uint8_t *back,
		      const uint8_t *all, size_t len, uint8_t *key)
{
	size_t size = len / n, i, j;

	if (len % n)
		return false;
	for (i = 0; i < n; i++) {
		for (j = 0; j < n; j++)
			if (!memcmp(ids + i * ETSI014_ID, back + j * ETSI014_ID,
				    ETSI014_ID))
				break;
		if (j == n)
			return false;
		memcpy(key + i * size, all + j * size, size);
	}
	return true;
}

static int read_sorted(struct etsi014 *c, size_t n, const uint8_t *ids,
		       uint8_t *key, size_t key_room, size_t *len, char *err,
		       size_t room)
{
	uint8_t back[ETSI014_KEYS * ETSI014_ID], *all = secret_alloc(key_room);
	struct json_object *o = parse(c);
	ssize_t got = all ? read_keys(o, n, back, all, key_room) : -1;
	bool good = got > 0 && sort_keys(n, ids, back, all, got, key);

	json_object_put(o);
	secret_free(all, key_room);
	*len = got;
	return good ? 0 : nonsense(c, err, room);
}

int etsi014_dec_keys(struct etsi014 *c, size_t n, const uint8_t *ids,
		     uint8_t *key, size_t key_room, size_t *len, char *err,
		     size_t room)
{
	char body[ETSI014_KEYS * 60 + 40], uuid[37];
	size_t i, at;
	int ret;

	at = snprintf(body, sizeof(body), "{\"key_IDs\":[");
	for (i = 0; i < n; i++) {
		write_uuid(ids + i * ETSI014_ID, uuid);
		at += snprintf(body + at, sizeof(body) - at,
			       "%s{\"key_ID\":\"%s\"}", i ? "," : "", uuid);
	}
	snprintf(body + at, sizeof(body) - at, "]}");
	wipe_frees(true);
	ret = request(c, "dec_keys", body, err, room);
	if (!ret)
		ret = read_sorted(c, n, ids, key, key_room, len, err, room);
	wipe_frees(false);
	if (ret)
		*len = 0;
	return ret;
}
