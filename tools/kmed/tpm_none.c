// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * In place of tpm.c where there was no tpm2-tss to build with.
 */
#include <stdio.h>

#include "tpm.h"

static int refuse(char *err, size_t room)
{
	snprintf(err, room, "this qkd-kmed was built without tpm2-tss");
	return -1;
}

int tpm_seal(const char *tcti, uint32_t pcrs, uint8_t *blob, char *err,
	     size_t room)
{
	return refuse(err, room);
}

int tpm_unseal(const char *tcti, const uint8_t *blob, size_t len,
	       uint8_t key[TPM_KEY_SIZE], char *err, size_t room)
{
	return refuse(err, room);
}
