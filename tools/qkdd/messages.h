/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages between two daemons, one list. Documentation/formats.rst tells
 * their bodies. 0 to 15 are the channel's own; those from CHANNEL_LATE on are
 * authenticated late.
 */
#ifndef _QKDD_MESSAGES_H
#define _QKDD_MESSAGES_H

enum message_type {
	/* delivery, both ways */
	MSG_STORED = 16,	/* our pool holds this record */
	MSG_LEVEL = 17,		/* where our pool stands */

	/* raw depth; block 0, or the block's number */
	MSG_RUN = 32,		/* alice: a run of the device, its intensities */
	MSG_DETECT = 33,	/* bob: which pulses, in which bases */
	MSG_SIFT = 34,		/* alice: which of these to keep */
	MSG_CHECK = 35,		/* bob: errors of the check basis */
	MSG_VERIFY = 37,	/* alice: hash of her reconciled string */
	MSG_VERIFIED = 38,	/* bob: whether his has the same */
	MSG_RESULT = 39,	/* alice: length, seed */
	MSG_DEAD = 40,		/* both: the block is given up, and why */

	/* key depth */
	MSG_OFFER = 64,		/* leader: a block's name */
	MSG_TAKEN = 65,		/* follower: I have one; its hash */
	MSG_MISSING = 66,	/* follower: I have not; a hint */
	MSG_KEEP = 67,		/* leader: the same; it goes to the pools */
	MSG_DROP = 68,		/* leader: mine is another */

	/* post-quantum secret, for hybrid tunnels */
	MSG_PQ_OFFER = 80,	/* leader: public keys */
	MSG_PQ_ANSWER = 81,	/* follower: what makes the secret of them */
	MSG_PQ_USE = 82,	/* leader: both have it */
	MSG_PQ_AGAIN = 83,	/* follower: I lost it */
	MSG_PQ_NONE = 84,	/* both: there will be none, and why */

	/* authenticated late, with VERIFY or VERIFIED */
	MSG_PARITY = 128,	/* both: a round of Cascade */
};

#endif /* _QKDD_MESSAGES_H */
