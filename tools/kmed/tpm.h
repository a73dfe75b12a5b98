/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A key that only this machine's TPM 2.0 opens.
 *
 * Without tpm2-tss at build time these refuse (tpm_none.c).
 */
#ifndef _KMED_TPM_H
#define _KMED_TPM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TPM_KEY_SIZE	32	/* bytes */
#define TPM_SEALED_MAX	2048	/* bytes of a sealed key */

/* Whether this is what tpm_seal() makes: it begins so. */
bool tpm_is_sealed(const uint8_t *blob, size_t len);

/**
 * tpm_seal - a fresh key, sealed
 * @tcti: how the TPM is reached, as tpm2-tss has it ("device:/dev/tpmrm0"), or
 *	NULL: it looks by itself
 * @pcrs: a bit for each platform configuration register (SHA-256) that must be as
 *	it is now for the key to be had; 0: none
 * @blob: written to, TPM_SEALED_MAX bytes
 * @err: on failure, why
 * @room: bytes of @err
 *
 * Return: bytes of @blob, or -1.
 */
int tpm_seal(const char *tcti, uint32_t pcrs, uint8_t *blob, char *err,
	     size_t room);

/* The key again; 0 or -1. */
int tpm_unseal(const char *tcti, const uint8_t *blob, size_t len,
	       uint8_t key[TPM_KEY_SIZE], char *err, size_t room);

#endif /* _KMED_TPM_H */
