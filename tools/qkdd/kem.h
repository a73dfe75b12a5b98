/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Agreeing on a secret that a quantum computer does not break: X25519 and
 * ML-KEM-768 (FIPS 203) together, through OpenSSL 3.5 or later.
 *
 * One end offers, the other answers, and both have the same 48 bytes and a
 * name for them; either of the two parts would do to keep them secret. That
 * nobody stands between the two ends is the channel's business. What is said
 * when, is hybrid.c's.
 */
#ifndef _QKDD_KEM_H
#define _QKDD_KEM_H

#include <stddef.h>
#include <stdint.h>

#define KEM_OFFER	(32 + 1184)	/* X25519, ML-KEM-768 public keys */
#define KEM_ANSWER	(32 + 1088)	/* X25519 public key, ciphertext */
#define KEM_SHARED	(32 + 32)	/* of ML-KEM-768, of X25519 */
#define KEM_SECRET	48
#define KEM_ID		16

struct kem;

/**
 * struct kem_secret - what both ends have in the end
 * @id: its name; the same only if the bytes are, and tells nothing of them
 * @bytes: the secret
 */
struct kem_secret {
	uint8_t id[KEM_ID];
	uint8_t bytes[KEM_SECRET];
};

/* 0; or -EOPNOTSUPP with @why: this OpenSSL does not have ML-KEM-768. */
int kem_there(char *why, size_t room);

/*
 * Both take @nodes, the IDs of who offers and of who answers, for they are in
 * what is agreed. -EOPNOTSUPP, -ENOMEM; -EBADMSG if the other end's bytes are
 * no keys.
 */
int kem_offer(struct kem **kem, uint8_t offer[KEM_OFFER]);
int kem_answer(const char *const nodes[2], const uint8_t offer[KEM_OFFER],
	       uint8_t answer[KEM_ANSWER], struct kem_secret *s);
int kem_finish(const struct kem *kem, const char *const nodes[2],
	       const uint8_t answer[KEM_ANSWER], struct kem_secret *s);
void kem_free(struct kem *kem);	/* NULL is fine */

/* What is made of the shared secrets and all that was said. 0 or -ENOMEM. */
int kem_combine(const char *const nodes[2], const uint8_t offer[KEM_OFFER],
		const uint8_t answer[KEM_ANSWER],
		const uint8_t shared[KEM_SHARED], struct kem_secret *s);

#endif /* _QKDD_KEM_H */
