// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ETSI GS QKD 014 V1.1.1 clause by clause, asked of the front end without a
 * network: two KMEs, a and b, with the two ends of link q0 between them.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kselftest_harness.h>

#include "tools/kmed/front.h"
#include "tools/kmed/json.h"

#define CONF(own, other, link) \
	"{\"kme\":\"kme-" own "\",\"certificate\":\"x\",\"key\":\"x\"," \
	"\"ca\":\"x\",\"links\":[{\"link\":\"" link "\"," \
	"\"peer-kme\":\"kme-" other "\",\"max-keys\":10," \
	"\"min-key-size\":64,\"max-key-size\":4096,\"pairs\":[" \
	"{\"local\":\"fw-" own "\",\"remote\":\"fw-" other "\"}]}]}"

struct end {
	struct kme kme;
	struct conf *conf;
	struct desk *desk;
};

FIXTURE(kme) {
	struct end a, b;
};

static struct json_object *last_answer;
static int last_status;
static char last_text[65536];

static void end_make(struct end *e, const char *conf)
{
	char err[256];

	e->kme.store = store_new(1 << 20, 60);
	e->conf = conf_parse(conf, err, sizeof(err));
	if (!e->conf)
		printf("# %s\n", err);
	e->desk = e->conf ? desk_new(&e->kme, e->conf, NULL, NULL) : NULL;
}

static void end_free(struct end *e)
{
	desk_free(e->desk);
	conf_put(e->conf);
	store_free(e->kme.store);
}

FIXTURE_SETUP(kme)
{
	end_make(&self->a, CONF("a", "b", "q0"));
	end_make(&self->b, CONF("b", "a", "q0-far"));
	ASSERT_NE(NULL, self->a.desk);
	ASSERT_NE(NULL, self->b.desk);
}

FIXTURE_TEARDOWN(kme)
{
	end_free(&self->a);
	end_free(&self->b);
	json_object_put(last_answer);
	last_answer = NULL;
}

static void keep(struct xchg *x)
{
	char why[64];

	json_object_put(last_answer);
	last_answer = x->out_len ? json_parse(x->out, x->out_len, why,
					      sizeof(why)) : NULL;
	last_status = x->status;
	snprintf(last_text, sizeof(last_text), "%.*s", (int)x->out_len,
		 x->out_len ? x->out : "");
	xchg_clear(x);
}

/* A path is /api/v1/keys/@rest; a POST if there is a @body. The status. */
static int ask(struct end *e, const char *caller, const char *rest,
	       const char *query, const char *body)
{
	char path[1024];
	struct xchg x = {
		.method = body ? XCHG_POST : XCHG_GET,
		.path = path, .query = query, .body = body ? body : "",
		.body_len = body ? strlen(body) : 0, .caller = caller,
		.done = keep,
	};

	snprintf(path, sizeof(path), "/api/v1/keys/%s", rest);
	last_status = 0;
	front_014.handle(e->desk, &x);
	return last_status;
}

static const char *message(void)
{
	struct json_object *v;

	return json_object_object_get_ex(last_answer, "message", &v) ?
		json_object_get_string(v) : "";
}

static int64_t number(const char *name)
{
	struct json_object *v;
	int64_t n = -1;

	return json_object_object_get_ex(last_answer, name, &v) &&
		json_number(v, &n) ? n : -1;
}

static const char *text(const char *name)
{
	struct json_object *v;

	return json_object_object_get_ex(last_answer, name, &v) &&
		json_text(v) ? json_text(v) : "";
}

static size_t n_keys(void)
{
	struct json_object *v;

	return json_object_object_get_ex(last_answer, "keys", &v) ?
		json_object_array_length(v) : 0;
}

static const char *key(size_t i, const char *name)
{
	struct json_object *v, *e;

	if (!json_object_object_get_ex(last_answer, "keys", &v))
		return "";
	e = json_object_array_get_idx(v, i);
	return json_object_object_get_ex(e, name, &v) ?
		json_object_get_string(v) : "";
}

/* One fresh key of a for b: its ID and base64. */
static void fresh(struct end *a, char *id, char *b64)
{
	ask(a, "fw-a", "fw-b/enc_keys", NULL, NULL);
	strcpy(id, key(0, "key_ID"));
	strcpy(b64, key(0, "key"));
}

static int dec(struct end *e, const char *caller, const char *master,
	       const char *id)
{
	char query[128], rest[64];

	snprintf(query, sizeof(query), "key_ID=%s", id);
	snprintf(rest, sizeof(rest), "%s/dec_keys", master);
	return ask(e, caller, rest, query, NULL);
}

/* ---- 5.1 Get status, 6.1 Status ---- */

TEST_F(kme, c5_1_status_names_both_ends)
{
	ASSERT_EQ(200, ask(&self->a, "fw-a", "fw-b/status", NULL, NULL));
	EXPECT_STREQ("kme-a", text("source_KME_ID"));
	EXPECT_STREQ("kme-b", text("target_KME_ID"));
	EXPECT_STREQ("fw-a", text("master_SAE_ID"));
	EXPECT_STREQ("fw-b", text("slave_SAE_ID"));
}

TEST_F(kme, c6_1_status_tells_the_limits)
{
	ASSERT_EQ(200, ask(&self->a, "fw-a", "fw-b/status", NULL, NULL));
	EXPECT_EQ(256, number("key_size"));
	EXPECT_EQ(10, number("max_key_per_request"));
	EXPECT_EQ(4096, number("max_key_size"));
	EXPECT_EQ(64, number("min_key_size"));
	EXPECT_LE(0, number("max_SAE_ID_count"));
}

TEST_F(kme, c6_1_stored_key_count_is_what_there_is)
{
	int64_t before;

	ask(&self->a, "fw-a", "fw-b/status", NULL, NULL);
	before = number("stored_key_count");
	EXPECT_LT(0, before);
	EXPECT_GE(number("max_key_count"), before);
	ask(&self->a, "fw-a", "fw-b/enc_keys", "number=10", NULL);
	ask(&self->a, "fw-a", "fw-b/status", NULL, NULL);
	EXPECT_EQ(before - 10, number("stored_key_count"));
}

TEST_F(kme, c5_1_status_is_got_not_posted)
{
	EXPECT_EQ(405, ask(&self->a, "fw-a", "fw-b/status", NULL, "{}"));
}

/* ---- 5.2 Get key, 6.2 Key request, 6.3 Key container ---- */

TEST_F(kme, c5_2_without_parameters_one_key_of_the_usual_size)
{
	ASSERT_EQ(200, ask(&self->a, "fw-a", "fw-b/enc_keys", NULL, NULL));
	EXPECT_EQ(1, n_keys());
	EXPECT_EQ(44, strlen(key(0, "key")));
	EXPECT_EQ(36, strlen(key(0, "key_ID")));
}

TEST_F(kme, c5_2_an_empty_body_is_legal)
{
	ASSERT_EQ(200, ask(&self->a, "fw-a", "fw-b/enc_keys", NULL, ""));
	EXPECT_EQ(1, n_keys());
}

TEST_F(kme, c5_2_get_takes_number_and_size)
{
	ASSERT_EQ(200, ask(&self->a, "fw-a", "fw-b/enc_keys",
			   "number=3&size=128", NULL));
	EXPECT_EQ(3, n_keys());
	EXPECT_EQ(24, strlen(key(2, "key")));
}

TEST_F(kme, c6_2_post_takes_number_and_size)
{
	ASSERT_EQ(200, ask(&self->a, "fw-a", "fw-b/enc_keys", NULL,
			   "{\"number\":10,\"size\":4096}"));
	EXPECT_EQ(10, n_keys());
	EXPECT_EQ(684, strlen(key(9, "key")));
}

TEST_F(kme, c6_3_no_key_and_no_id_twice)
{
	char first[64];

	ask(&self->a, "fw-a", "fw-b/enc_keys", "number=2", NULL);
	EXPECT_STRNE(key(0, "key"), key(1, "key"));
	EXPECT_STRNE(key(0, "key_ID"), key(1, "key_ID"));
	strcpy(first, key(0, "key"));
	ask(&self->a, "fw-a", "fw-b/enc_keys", NULL, NULL);
	EXPECT_STRNE(first, key(0, "key"));
}

TEST_F(kme, c6_2_size_shall_be_a_multiple_of_8)
{
	EXPECT_EQ(400, ask(&self->a, "fw-a", "fw-b/enc_keys", "size=129",
			   NULL));
	EXPECT_STREQ("size shall be a multiple of 8", message());
	EXPECT_EQ(400, ask(&self->a, "fw-a", "fw-b/enc_keys", NULL,
			   "{\"size\":100}"));
	EXPECT_STREQ("size shall be a multiple of 8", message());
}

TEST_F(kme, c6_2_size_and_number_have_bounds)
{
	static const char *const bad[] = {
		"size=0", "size=-8", "size=56", "size=4104", "size=8x",
		"size=", "size=1e3", "size=256&size=256", "number=0",
		"number=-1", "number=11", "number=abc", "number=+1",
		"number=99999999999999999999", "size=%00",
	};
	static const char *const bad_body[] = {
		"{\"number\":0}", "{\"number\":\"1\"}", "{\"number\":1.5}",
		"{\"number\":null}", "{\"size\":0}", "{\"size\":-8}",
		"{\"size\":true}", "[]", "1", "{", "{\"size\":256}x",
		"{\"number\":11}", "null",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(400, ask(&self->a, "fw-a", "fw-b/enc_keys", bad[i],
				   NULL))
			TH_LOG("%s", bad[i]);
		EXPECT_LT(0, strlen(message()));
	}
	for (size_t i = 0; i < sizeof(bad_body) / sizeof(bad_body[0]); i++) {
		EXPECT_EQ(400, ask(&self->a, "fw-a", "fw-b/enc_keys", NULL,
				   bad_body[i]))
			TH_LOG("%s", bad_body[i]);
		EXPECT_LT(0, strlen(message()));
	}
}

TEST_F(kme, c6_2_a_refused_request_costs_no_key)
{
	int64_t before;

	ask(&self->a, "fw-a", "fw-b/status", NULL, NULL);
	before = number("stored_key_count");
	ask(&self->a, "fw-a", "fw-b/enc_keys", "number=2&size=129", NULL);
	ask(&self->a, "fw-a", "fw-b/enc_keys", NULL,
	    "{\"number\":1,\"extension_mandatory\":[{\"a\":1}]}");
	ask(&self->a, "fw-a", "fw-b/status", NULL, NULL);
	EXPECT_EQ(before, number("stored_key_count"));
}

TEST_F(kme, c6_2_unknown_mandatory_extension)
{
	EXPECT_EQ(400, ask(&self->a, "fw-a", "fw-b/enc_keys", NULL,
			   "{\"extension_mandatory\":[{\"x\":\"y\"}]}"));
	EXPECT_STREQ("not all extension_mandatory parameters are supported",
		     message());
	EXPECT_EQ(200, ask(&self->a, "fw-a", "fw-b/enc_keys", NULL,
			   "{\"extension_mandatory\":[]}"));
}

TEST_F(kme, c6_2_unknown_optional_extension_is_ignored)
{
	EXPECT_EQ(200, ask(&self->a, "fw-a", "fw-b/enc_keys", NULL,
			   "{\"extension_optional\":[{\"x\":\"y\"}]}"));
	EXPECT_EQ(1, n_keys());
	EXPECT_EQ(400, ask(&self->a, "fw-a", "fw-b/enc_keys", NULL,
			   "{\"extension_optional\":7}"));
}

TEST_F(kme, c6_2_additional_saes_are_checked)
{
	static const char *const bad[] = {
		"{\"additional_slave_SAE_IDs\":[]}",
		"{\"additional_slave_SAE_IDs\":\"fw-c\"}",
		"{\"additional_slave_SAE_IDs\":[\"nobody\"]}",
		"{\"additional_slave_SAE_IDs\":[\"fw-b\"]}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(400, ask(&self->a, "fw-a", "fw-b/enc_keys", NULL,
				   bad[i]))
			TH_LOG("%s", bad[i]);
	}
}

TEST_F(kme, c5_2_503_without_key)
{
	setenv("QKD_STANDIN_BYTES", "100", 1);
	EXPECT_EQ(200, ask(&self->a, "fw-a", "fw-b/enc_keys", "number=3",
			   NULL));
	EXPECT_EQ(503, ask(&self->a, "fw-a", "fw-b/enc_keys", NULL, NULL));
	EXPECT_LT(0, strlen(message()));
}

TEST_F(kme, c5_2_503_without_link)
{
	setenv("QKD_STANDIN_DOWN", "q0", 1);
	EXPECT_EQ(503, ask(&self->a, "fw-a", "fw-b/enc_keys", NULL, NULL));
	EXPECT_EQ(503, ask(&self->a, "fw-a", "fw-b/status", NULL, NULL));
	unsetenv("QKD_STANDIN_DOWN");
	EXPECT_EQ(200, ask(&self->a, "fw-a", "fw-b/enc_keys", NULL, NULL));
}

/* ---- 5.3 Get key with key IDs, 6.4 Key IDs ---- */

TEST_F(kme, c5_3_the_slave_gets_the_same_key)
{
	char id[64], b64[64];

	fresh(&self->a, id, b64);
	ASSERT_EQ(200, dec(&self->b, "fw-b", "fw-a", id));
	EXPECT_STREQ(b64, key(0, "key"));
	EXPECT_STREQ(id, key(0, "key_ID"));
}

TEST_F(kme, c5_3_and_the_other_way)
{
	char id[64], b64[64];

	ASSERT_EQ(200, ask(&self->b, "fw-b", "fw-a/enc_keys", NULL, NULL));
	strcpy(id, key(0, "key_ID"));
	strcpy(b64, key(0, "key"));
	ASSERT_EQ(200, dec(&self->a, "fw-a", "fw-b", id));
	EXPECT_STREQ(b64, key(0, "key"));
}

TEST_F(kme, c5_3_delivered_keys_are_removed)
{
	char id[64], b64[64];

	fresh(&self->a, id, b64);
	EXPECT_EQ(200, dec(&self->b, "fw-b", "fw-a", id));
	EXPECT_EQ(400, dec(&self->b, "fw-b", "fw-a", id));
	EXPECT_STREQ("one or more keys specified are not found on KME",
		     message());
}

TEST_F(kme, c5_3_key_ids_in_upper_case_are_the_same)
{
	char id[64], b64[64];

	fresh(&self->a, id, b64);
	for (char *p = id; *p; p++)
		*p = *p >= 'a' && *p <= 'f' ? *p - 32 : *p;
	EXPECT_EQ(200, dec(&self->b, "fw-b", "fw-a", id));
	EXPECT_STREQ(b64, key(0, "key"));
}

TEST_F(kme, c6_4_many_by_post_in_the_order_asked)
{
	char first[64], second[64], body[512];

	ask(&self->a, "fw-a", "fw-b/enc_keys", "number=2", NULL);
	strcpy(first, key(0, "key"));
	strcpy(second, key(1, "key"));
	snprintf(body, sizeof(body), "{\"key_IDs\":[{\"key_ID\":\"%s\"},"
		 "{\"key_ID\":\"%s\",\"key_ID_extension\":{}}],"
		 "\"key_IDs_extension\":{}}", key(1, "key_ID"),
		 key(0, "key_ID"));
	ASSERT_EQ(200, ask(&self->b, "fw-b", "fw-a/dec_keys", NULL, body));
	ASSERT_EQ(2, n_keys());
	EXPECT_STREQ(second, key(0, "key"));
	EXPECT_STREQ(first, key(1, "key"));
}

TEST_F(kme, c5_3_all_or_none)
{
	char id[64], b64[64], body[512];

	fresh(&self->a, id, b64);
	snprintf(body, sizeof(body), "{\"key_IDs\":[{\"key_ID\":\"%s\"},"
		 "{\"key_ID\":\"00000000-0000-8000-8020-000000000040\"}]}",
		 id);
	EXPECT_EQ(400, ask(&self->b, "fw-b", "fw-a/dec_keys", NULL, body));
	EXPECT_STREQ("one or more keys specified are not found on KME",
		     message());
	ASSERT_EQ(200, dec(&self->b, "fw-b", "fw-a", id));
	EXPECT_STREQ(b64, key(0, "key"));
}

TEST_F(kme, c6_4_an_id_twice_is_refused)
{
	char id[64], b64[64], body[512];

	fresh(&self->a, id, b64);
	snprintf(body, sizeof(body), "{\"key_IDs\":[{\"key_ID\":\"%s\"},"
		 "{\"key_ID\":\"%s\"}]}", id, id);
	EXPECT_EQ(400, ask(&self->b, "fw-b", "fw-a/dec_keys", NULL, body));
	EXPECT_EQ(200, dec(&self->b, "fw-b", "fw-a", id));
}

/* Two IDs of which one names part of the other's bytes. */
TEST_F(kme, c5_3_no_byte_twice_under_two_ids)
{
	char id[64], part[64], b64[64], body[512];
	struct qkd_key_range at;
	uint8_t gen[QKD_GENERATION_SIZE] = { 0 };
	struct qkd_key_id kid;

	fresh(&self->a, id, b64);
	ASSERT_EQ(0, qkd_key_id_parse(id, &kid));
	ASSERT_EQ(0, qkd_key_id_decode(&kid, &at));
	memcpy(gen, at.tag, sizeof(at.tag));
	ASSERT_EQ(0, qkd_key_id_encode(gen, at.stream, 16, at.offset + 8,
				       &kid));
	qkd_key_id_format(&kid, part);
	snprintf(body, sizeof(body), "{\"key_IDs\":[{\"key_ID\":\"%s\"},"
		 "{\"key_ID\":\"%s\"}]}", id, part);
	EXPECT_EQ(400, ask(&self->b, "fw-b", "fw-a/dec_keys", NULL, body));
	EXPECT_EQ(200, dec(&self->b, "fw-b", "fw-a", id));
	EXPECT_EQ(400, dec(&self->b, "fw-b", "fw-a", part));
}

TEST_F(kme, c6_4_what_is_no_uuid_is_refused)
{
	static const char *const bad[] = {
		"{}", "{\"key_IDs\":[]}", "{\"key_IDs\":{}}",
		"{\"key_IDs\":[\"x\"]}", "{\"key_IDs\":[{}]}",
		"{\"key_IDs\":[{\"key_ID\":\"x\"}]}",
		"{\"key_IDs\":[{\"key_ID\":7}]}",
		"{\"key_IDs\":[null]}", "{\"key_IDs\":null}", "", "x",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(400, ask(&self->b, "fw-b", "fw-a/dec_keys", NULL,
				   bad[i]))
			TH_LOG("%s", bad[i]);
		EXPECT_STRNE("one or more keys specified are not found on KME",
			     message());
	}
	EXPECT_EQ(400, dec(&self->b, "fw-b", "fw-a", "7"));
	EXPECT_EQ(400, ask(&self->b, "fw-b", "fw-a/dec_keys", NULL, NULL));
}

TEST_F(kme, c5_3_uuids_that_are_not_ours_are_not_found)
{
	EXPECT_EQ(400, dec(&self->b, "fw-b", "fw-a",
			   "bc490419-7d60-487f-adc1-4ddcc177c139"));
	EXPECT_STREQ("one or more keys specified are not found on KME",
		     message());
}

TEST_F(kme, c5_3_the_master_cannot_fetch_its_own_key)
{
	char id[64], b64[64];

	fresh(&self->a, id, b64);
	EXPECT_EQ(400, dec(&self->a, "fw-a", "fw-b", id));
	EXPECT_EQ(200, dec(&self->b, "fw-b", "fw-a", id));
}

/* ---- 6.5 Error ---- */

TEST_F(kme, c6_5_an_error_is_an_object_with_a_message)
{
	static const struct {
		int status;
		const char *rest, *query, *body;
	} bad[] = {
		{ 400, "fw-b/enc_keys", "size=129", NULL },
		{ 400, "fw-b/enc_keys", NULL, "{" },
		{ 400, "fw-b/enc_keys", NULL, "{\"number\":0}" },
		{ 400, "nobody/status", NULL, NULL },
		{ 400, "fw-b/dec_keys", NULL, "{\"key_IDs\":[]}" },
		{ 503, "fw-b/enc_keys", "number=10&size=4096", NULL },
	};

	setenv("QKD_STANDIN_BYTES", "100", 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct json_object *o, *v;

		EXPECT_EQ(bad[i].status, ask(&self->a, "fw-a", bad[i].rest,
					     bad[i].query, bad[i].body));
		o = json_tokener_parse(last_text);
		ASSERT_EQ(json_type_object, json_object_get_type(o));
		ASSERT_TRUE(json_object_object_get_ex(o, "message", &v));
		EXPECT_EQ(json_type_string, json_object_get_type(v));
		EXPECT_LT(0, json_object_get_string_len(v));
		if (json_object_object_get_ex(o, "details", &v))
			EXPECT_EQ(json_type_array, json_object_get_type(v));
		json_object_put(o);
	}
}

/* ---- who may ask ---- */

TEST_F(kme, c5_401_has_no_body)
{
	EXPECT_EQ(401, ask(&self->a, NULL, "fw-b/enc_keys", NULL, NULL));
	EXPECT_STREQ("", last_text);
	EXPECT_EQ(401, ask(&self->a, "fw-x", "fw-b/status", NULL, NULL));
	EXPECT_STREQ("", last_text);
	EXPECT_EQ(401, ask(&self->a, "fw-b", "fw-a/dec_keys",
			   "key_ID=x", NULL));
}

TEST_F(kme, c5_sae_ids_in_the_url_are_checked)
{
	static const char *const bad[] = {
		"/status", "%20/status", "%/status", "fw-a/status",
		"nobody/status", "fw-b%00/status", "a%2fb/status",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(400, ask(&self->a, "fw-a", bad[i], NULL, NULL))
			TH_LOG("%s", bad[i]);
	}
	EXPECT_EQ(200, ask(&self->a, "fw-a", "%66w-b/status", NULL, NULL));
}

TEST_F(kme, c5_other_methods_and_paths)
{
	EXPECT_EQ(404, ask(&self->a, "fw-a", "fw-b/delete", NULL, NULL));
	EXPECT_EQ(404, ask(&self->a, "fw-a", "fw-b", NULL, NULL));
	EXPECT_EQ(404, ask(&self->a, "fw-a", "fw-b/status/x", NULL, NULL));
}

TEST_HARNESS_MAIN
