/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a sealed key begins with.
 */
#ifndef _KMED_TPM_BLOB_H
#define _KMED_TPM_BLOB_H

#define TPM_MAGIC	"QKDTPM2\1"

#endif /* _KMED_TPM_BLOB_H */
