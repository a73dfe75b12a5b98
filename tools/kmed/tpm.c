// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Seals by tpm2-tss, under the storage primary key of the owner's hierarchy, which
 * the TPM makes anew from its seed each time (TCG's template for ECC P-256):
 *
 *	"QKDTPM2\1", u32 PCRs, the primary key's name (TPM2B_NAME),
 *	TPM2B_PUBLIC, TPM2B_PRIVATE
 *
 * The key comes back over a session whose salt is encrypted to the primary key, so
 * that who listens on the way to the chip learns nothing; and the primary key is
 * that of the time of sealing, by its name, so that who answers in place of the
 * chip learns nothing either.
 */
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include <qkd/qkd.h>

#include "tpm.h"
#include "tpm_blob.h"

struct tpm {
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
	ESYS_TR primary;
	ESYS_TR session;
	ESYS_TR object;
	char *err;
	size_t room;
};

/* What a call may be given, and is not. */
static const TPM2B_SENSITIVE_CREATE none;
static const TPML_PCR_SELECTION no_pcrs;
static const TPM2B_DATA no_data;
static const TPM2B_DIGEST as_they_are;

static const TPMT_SYM_DEF aes_session = {
	.algorithm = TPM2_ALG_AES,
	.keyBits.aes = 128,
	.mode.aes = TPM2_ALG_CFB,
};

/* True if @rc is a failure, having said of what. */
static bool bad(struct tpm *t, TSS2_RC rc, const char *what)
{
	if (rc)
		snprintf(t->err, t->room, "the TPM: %s: %s", what,
			 Tss2_RC_Decode(rc));
	return rc;
}

static int refuse(struct tpm *t, const char *why)
{
	snprintf(t->err, t->room, "the TPM: %s", why);
	return -1;
}

static int make_primary(struct tpm *t)
{
	static const TPM2B_PUBLIC template = {
		.publicArea = {
			.type = TPM2_ALG_ECC,
			.nameAlg = TPM2_ALG_SHA256,
			.objectAttributes = TPMA_OBJECT_FIXEDTPM |
				TPMA_OBJECT_FIXEDPARENT |
				TPMA_OBJECT_SENSITIVEDATAORIGIN |
				TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA |
				TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
			.parameters.eccDetail = {
				.symmetric = {
					.algorithm = TPM2_ALG_AES,
					.keyBits.aes = 128,
					.mode.aes = TPM2_ALG_CFB,
				},
				.scheme.scheme = TPM2_ALG_NULL,
				.curveID = TPM2_ECC_NIST_P256,
				.kdf.scheme = TPM2_ALG_NULL,
			},
		},
	};

	return bad(t, Esys_CreatePrimary(t->esys, ESYS_TR_RH_OWNER,
					 ESYS_TR_PASSWORD, ESYS_TR_NONE,
					 ESYS_TR_NONE, &none, &template,
					 &no_data, &no_pcrs, &t->primary, NULL,
					 NULL, NULL, NULL),
		   "primary key of the owner's hierarchy") ? -1 : 0;
}

static int start(struct tpm *t, const char *tcti)
{
	if (bad(t, Tss2_TctiLdr_Initialize(tcti, &t->tcti), "cannot be reached") ||
	    bad(t, Esys_Initialize(&t->esys, t->tcti, NULL), "tpm2-tss"))
		return -1;
	return make_primary(t);
}

static void stop(struct tpm *t)
{
	ESYS_TR *all[] = { &t->object, &t->session, &t->primary };

	for (unsigned int i = 0; t->esys && i < 3; i++)
		if (*all[i] != ESYS_TR_NONE)
			Esys_FlushContext(t->esys, *all[i]);
	if (t->esys)
		Esys_Finalize(&t->esys);
	if (t->tcti)
		Tss2_TctiLdr_Finalize(&t->tcti);
}

/* Salted by the primary key; what comes and goes in it is encrypted. */
static int start_session(struct tpm *t, TPM2_SE type, uint32_t pcrs)
{
	const TPMA_SESSION how = TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT |
				 TPMA_SESSION_CONTINUESESSION;
	TPML_PCR_SELECTION sel = { .count = 1 };

	if (bad(t, Esys_StartAuthSession(t->esys, t->primary, ESYS_TR_NONE,
					 ESYS_TR_NONE, ESYS_TR_NONE,
					 ESYS_TR_NONE, NULL, type,
					 &aes_session, TPM2_ALG_SHA256,
					 &t->session), "session") ||
	    bad(t, Esys_TRSess_SetAttributes(t->esys, t->session, how, 0xff),
		"session"))
		return -1;
	if (!pcrs)
		return 0;
	sel.pcrSelections[0].hash = TPM2_ALG_SHA256;
	sel.pcrSelections[0].sizeofSelect = 3;
	for (int i = 0; i < 3; i++)
		sel.pcrSelections[0].pcrSelect[i] = pcrs >> (8 * i);
	return bad(t, Esys_PolicyPCR(t->esys, t->session, ESYS_TR_NONE,
				     ESYS_TR_NONE, ESYS_TR_NONE, &as_they_are,
				     &sel), "PCRs") ? -1 : 0;
}

static void end_session(struct tpm *t)
{
	Esys_FlushContext(t->esys, t->session);
	t->session = ESYS_TR_NONE;
}

/* ---- sealing ---- */

/* What PCRs being as they are now amounts to */
static int policy_now(struct tpm *t, uint32_t pcrs, TPM2B_DIGEST *policy)
{
	TPM2B_DIGEST *digest = NULL;

	policy->size = 0;
	if (!pcrs)
		return 0;
	if (start_session(t, TPM2_SE_TRIAL, pcrs) ||
	    bad(t, Esys_PolicyGetDigest(t->esys, t->session, ESYS_TR_NONE,
					ESYS_TR_NONE, ESYS_TR_NONE, &digest),
		"policy"))
		return -1;
	*policy = *digest;
	Esys_Free(digest);
	end_session(t);
	return 0;
}

static int create(struct tpm *t, uint32_t pcrs, TPM2B_PUBLIC **public,
		  TPM2B_PRIVATE **private)
{
	TPM2B_PUBLIC template = {
		.publicArea = {
			.type = TPM2_ALG_KEYEDHASH,
			.nameAlg = TPM2_ALG_SHA256,
			.objectAttributes = TPMA_OBJECT_FIXEDTPM |
				TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_NODA |
				(pcrs ? 0 : TPMA_OBJECT_USERWITHAUTH),
			.parameters.keyedHashDetail.scheme.scheme =
				TPM2_ALG_NULL,
		},
	};
	TPM2B_SENSITIVE_CREATE secret = {
		.sensitive.data.size = TPM_KEY_SIZE,
	};
	int ret;

	if (policy_now(t, pcrs, &template.publicArea.authPolicy) ||
	    start_session(t, TPM2_SE_HMAC, 0))
		return -1;
	if (RAND_bytes(secret.sensitive.data.buffer, TPM_KEY_SIZE) != 1)
		return refuse(t, "no random bytes");
	ret = bad(t, Esys_Create(t->esys, t->primary, t->session, ESYS_TR_NONE,
				 ESYS_TR_NONE, &secret, &template, &no_data,
				 &no_pcrs, private, public, NULL, NULL, NULL),
		  "sealing") ? -1 : 0;
	qkd_wipe(&secret, sizeof(secret));
	return ret;
}

static int write_blob(struct tpm *t, uint32_t pcrs, const TPM2B_PUBLIC *public,
		      const TPM2B_PRIVATE *private, uint8_t *blob)
{
	size_t at = sizeof(TPM_MAGIC) - 1;
	TPM2B_NAME *name = NULL;
	bool failed;

	memcpy(blob, TPM_MAGIC, at);
	failed = bad(t, Tss2_MU_UINT32_Marshal(pcrs, blob, TPM_SEALED_MAX,
					       &at), "PCRs") ||
		 bad(t, Esys_TR_GetName(t->esys, t->primary, &name), "name") ||
		 bad(t, Tss2_MU_TPM2B_NAME_Marshal(name, blob, TPM_SEALED_MAX,
						   &at), "name") ||
		 bad(t, Tss2_MU_TPM2B_PUBLIC_Marshal(public, blob,
						     TPM_SEALED_MAX, &at),
		     "public part") ||
		 bad(t, Tss2_MU_TPM2B_PRIVATE_Marshal(private, blob,
						      TPM_SEALED_MAX, &at),
		     "private part");
	Esys_Free(name);
	return failed ? -1 : (int)at;
}

int tpm_seal(const char *tcti, uint32_t pcrs, uint8_t *blob, char *err,
	     size_t room)
{
	struct tpm t = {
		.primary = ESYS_TR_NONE, .session = ESYS_TR_NONE,
		.object = ESYS_TR_NONE, .err = err, .room = room,
	};
	TPM2B_PRIVATE *private = NULL;
	TPM2B_PUBLIC *public = NULL;
	int ret = start(&t, tcti);

	if (!ret)
		ret = create(&t, pcrs, &public, &private);
	if (!ret)
		ret = write_blob(&t, pcrs, public, private, blob);
	Esys_Free(public);
	Esys_Free(private);
	stop(&t);
	return ret;
}

/* ---- unsealing ---- */

static int same_primary(struct tpm *t, const TPM2B_NAME *was)
{
	TPM2B_NAME *is = NULL;
	bool same;

	if (bad(t, Esys_TR_GetName(t->esys, t->primary, &is), "name"))
		return -1;
	same = is->size == was->size && !memcmp(is->name, was->name, is->size);
	Esys_Free(is);
	return same ? 0 : refuse(t, "it is another one, or was cleared since the key was sealed");
}

static int load(struct tpm *t, const uint8_t *blob, size_t len, uint32_t *pcrs)
{
	TPM2B_PRIVATE private = { .size = 0 };
	TPM2B_PUBLIC public = { .size = 0 };
	TPM2B_NAME primary = { .size = 0 };
	size_t at = sizeof(TPM_MAGIC) - 1;

	if (!tpm_is_sealed(blob, len) ||
	    Tss2_MU_UINT32_Unmarshal(blob, len, &at, pcrs) ||
	    Tss2_MU_TPM2B_NAME_Unmarshal(blob, len, &at, &primary) ||
	    Tss2_MU_TPM2B_PUBLIC_Unmarshal(blob, len, &at, &public) ||
	    Tss2_MU_TPM2B_PRIVATE_Unmarshal(blob, len, &at, &private) ||
	    at != len || *pcrs >> 24)
		return refuse(t, "the sealed key is damaged");
	if (same_primary(t, &primary))
		return -1;
	return bad(t, Esys_Load(t->esys, t->primary, ESYS_TR_PASSWORD,
				ESYS_TR_NONE, ESYS_TR_NONE, &private, &public,
				&t->object), "the sealed key") ? -1 : 0;
}

int tpm_unseal(const char *tcti, const uint8_t *blob, size_t len,
	       uint8_t key[TPM_KEY_SIZE], char *err, size_t room)
{
	struct tpm t = {
		.primary = ESYS_TR_NONE, .session = ESYS_TR_NONE,
		.object = ESYS_TR_NONE, .err = err, .room = room,
	};
	TPM2B_SENSITIVE_DATA *secret = NULL;
	uint32_t pcrs;
	int ret = start(&t, tcti);

	if (!ret)
		ret = load(&t, blob, len, &pcrs);
	if (!ret)
		ret = start_session(&t, pcrs ? TPM2_SE_POLICY : TPM2_SE_HMAC,
				    pcrs);
	if (!ret && bad(&t, Esys_Unseal(t.esys, t.object, t.session,
					ESYS_TR_NONE, ESYS_TR_NONE, &secret),
			"it does not give the key"))
		ret = -1;
	if (!ret && secret->size != TPM_KEY_SIZE)
		ret = refuse(&t, "the sealed key is damaged");
	if (!ret)
		memcpy(key, secret->buffer, TPM_KEY_SIZE);
	if (secret)
		qkd_wipe(secret, sizeof(*secret));
	Esys_Free(secret);
	stop(&t);
	return ret;
}
