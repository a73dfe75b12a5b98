// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Hands a link's post-quantum secret to qkd_xfrm, and leaves no copy behind.
 *
 * It goes one way only: nothing ever reads one back.
 */
#include <errno.h>

#include "internal.h"

static const char *const attr_names[] = {
	[QKD_XFRM_A_SECRET_LINK] = "link",
	[QKD_XFRM_A_SECRET_ID] = "id",
	[QKD_XFRM_A_SECRET_BYTES] = "bytes",
	[QKD_XFRM_A_SECRET_USE] = "use",
	[QKD_XFRM_A_SECRET_WHY] = "why",
};

static int request(struct qkd_req *r, struct qkd_nl *nl, const char *link)
{
	int err = qkd_req_begin(r, nl, &nl->xfrm, QKD_XFRM_CMD_SECRET_SET, 0);

	if (err)
		return err;
	r->attr_names = attr_names;
	r->n_attr_names = sizeof(attr_names) / sizeof(attr_names[0]);
	qkd_req_str(r, QKD_XFRM_A_SECRET_LINK, link);
	return 0;
}

int qkd_secret_give(struct qkd_nl *nl, const char *link,
		    const uint8_t id[QKD_XFRM_SECRET_ID_SIZE],
		    const uint8_t bytes[QKD_XFRM_SECRET_SIZE])
{
	struct qkd_req r;
	int err = request(&r, nl, link);

	if (err)
		return err;
	qkd_req_mem(&r, QKD_XFRM_A_SECRET_ID, id, QKD_XFRM_SECRET_ID_SIZE);
	qkd_req_mem(&r, QKD_XFRM_A_SECRET_BYTES, bytes, QKD_XFRM_SECRET_SIZE);
	err = qkd_req_run(&r, NULL, NULL);
	/* an error message repeats the request */
	qkd_wipe(nl->req, QKD_MSG_SIZE);
	qkd_wipe(nl->rsp, 2 * QKD_MSG_SIZE);
	return err;
}

int qkd_secret_use(struct qkd_nl *nl, const char *link,
		   const uint8_t id[QKD_XFRM_SECRET_ID_SIZE])
{
	struct qkd_req r;
	int err = request(&r, nl, link);

	if (err)
		return err;
	qkd_req_mem(&r, QKD_XFRM_A_SECRET_ID, id, QKD_XFRM_SECRET_ID_SIZE);
	qkd_req_flag(&r, QKD_XFRM_A_SECRET_USE);
	return qkd_req_run(&r, NULL, NULL);
}

int qkd_secret_none(struct qkd_nl *nl, const char *link, const char *why)
{
	struct qkd_req r;
	int err = request(&r, nl, link);

	if (err)
		return err;
	qkd_req_str(&r, QKD_XFRM_A_SECRET_WHY, why);
	return qkd_req_run(&r, NULL, NULL);
}
