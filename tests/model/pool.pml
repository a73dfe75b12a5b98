/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pools of two peers, for the SPIN model checker: allocation, confirmation
 * and resynchronisation, with a crash of a daemon or of a whole node between
 * any two steps, and a message channel that loses, duplicates and reorders.
 *
 * One stream is modelled, the tx of node A and the rx of node B, with A's
 * daemon in the lead, or with -DRX_LEADS that of B. The other stream is the
 * other of these: streams have nothing in common but the generation. A unit of
 * offset is one record. Words are those of Documentation/pool.rst: head, tail,
 * confirmed, lost, generation.
 *
 * Held: invariant 1, no offset of a generation is reserved twice; invariant 2,
 * what B takes under a name is what A reserved under it; and what A sends
 * under, B holds, or did.
 *
 * -DBREAK_x leaves one rule out; each must make the checker find an error,
 * which tests/model/run.sh demands.
 */
#ifndef GENERATIONS
#define GENERATIONS 2	/* generations that may begin */
#endif
#ifndef OFFSETS
#define OFFSETS 3	/* blocks in one generation */
#endif
#ifndef CRASHES
#define CRASHES 2	/* daemons killed, nodes rebooted */
#endif

#define NAMES ((GENERATIONS + 1) * OFFSETS)
#define NAME(g, o) ((g) * OFFSETS + (o))

mtype = { HELLO, START, STARTED, BLOCK, STORED };

/* kernels: lost when the node reboots */
byte gen_a, gen_b;		/* 0: none, the link is WAITING */
byte head_a, head_b;
byte tail_a;
byte tx[OFFSETS];		/* what A's ring holds: a block, or 0 */
bit confirmed[OFFSETS];
byte rx[OFFSETS];		/* what B's ring holds: a block, or 0 */
bit taken[OFFSETS];

/* the wire between the kernels: UDP */
chan wire = [2] of { byte, byte };

/* the wire between the daemons: a session dies with either of them, and a
 * message of a dead session authenticates in no other
 */
chan to_a = [2] of { mtype, byte, byte, byte };
chan to_b = [2] of { mtype, byte, byte, byte };
byte session = 1;

/* what no node sees: the history that the invariants speak of */
byte last_gen;			/* generations are random: never twice */
byte last_block;		/* so is what post-processing gives */
bit reserved[NAMES];
byte reserved_as[NAMES];
byte crashes;

inline reboot_a()
{
	gen_a = 0; head_a = 0; tail_a = 0;
	i = 0;
	do
	:: i < OFFSETS -> tx[i] = 0; confirmed[i] = 0; i++
	:: else -> break
	od;
	i = 0
}

inline reboot_b()
{
	gen_b = 0; head_b = 0;
	i = 0;
	do
	:: i < OFFSETS -> rx[i] = 0; taken[i] = 0; i++
	:: else -> break
	od;
	i = 0
}

/* QKD_IOC_START */
inline start_a(g) { reboot_a(); gen_a = g }
inline start_b(g) { reboot_b(); gen_b = g }

/* write(2) of a record: not below the head; what is skipped over is lost */
inline feed_a(g, o, block)
{
	if
	:: gen_a == g && o >= head_a -> tx[o] = block; head_a = o + 1
	:: else
	fi
}

inline feed_b(g, o, block)
{
	if
#ifdef BREAK_OFFSET
	:: gen_b == g && head_b < OFFSETS -> rx[head_b] = block; head_b++
#else
	:: gen_b == g && o >= head_b -> rx[o] = block; head_b = o + 1
#endif
	:: else
	fi
}

/* QKD_IOC_CONFIRM: nothing but what was fed can be confirmed */
inline confirm_a(g, o)
{
	if
	:: gen_a == g && o < head_a && tx[o] != 0 -> confirmed[o] = 1
	:: else
	fi
}

#ifdef RX_LEADS
#define TO_PEER to_a
#define TO_SELF to_b
#define GEN gen_b
#define HEAD head_b
#define START_HERE(g) start_b(g)
#define FEED_HERE(g, o, block) feed_b(g, o, block)
#define PEER_GEN gen_a
#define PEER_HEAD head_a
#define PEER_START(g) start_a(g)
#define PEER_FEED(g, o, block) feed_a(g, o, block)
#else
#define TO_PEER to_b
#define TO_SELF to_a
#define GEN gen_a
#define HEAD head_a
#define START_HERE(g) start_a(g)
#define FEED_HERE(g, o, block) feed_a(g, o, block)
#define PEER_GEN gen_b
#define PEER_HEAD head_b
#define PEER_START(g) start_b(g)
#define PEER_FEED(g, o, block) feed_b(g, o, block)
#endif

/* Wait for the answer, drop what a dead session left, notice one's own end. */
inline await(answer)
{
	do
	:: TO_SELF?what, from, x, y ->
		if
		:: what == answer && from == mine -> break
		:: else
		fi
	:: mine != session -> goto meet
	od
}

/* At a meeting: what was fed and never confirmed is given up. */
inline give_up_a()
{
	i = 0;
	do
	:: i < OFFSETS ->
		if
		:: !confirmed[i] -> tx[i] = 0
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0
}

/* The leader names generation and offset of each record. */
active proctype leader()
{
	mtype what;
	byte i, mine, from, x, y, g, o, block;

meet:	mine = session;
	TO_PEER!HELLO, mine, 0, 0;
	await(HELLO);			/* x: its generation, y: its head */
	atomic {
		if
		:: GEN != 0 && GEN == x -> g = GEN;
#ifdef BREAK_MEET
			o = y
#else
			o = (HEAD > y -> HEAD : y)
#endif
			;
#ifndef RX_LEADS
			if
			:: give_up_a()
			:: skip			/* the kernel refused */
			fi;
#endif
			goto feed
		:: else
		fi
	}
	/* nothing in common: a new generation */
	atomic {
		if
#ifdef BREAK_GENERATION
		:: last_gen > 0 -> g = last_gen; o = 0
#endif
		:: last_gen < GENERATIONS -> last_gen++; g = last_gen; o = 0
		:: else -> goto done
		fi
	}
	atomic { START_HERE(g) }
	TO_PEER!START, mine, g, 0;
	await(STARTED);

feed:	do
	:: mine != session -> goto meet
	:: o < OFFSETS ->
		/* post-processing is done at both ends, in any order */
		atomic { last_block++; block = last_block }
#ifdef BREAK_FIRST
		TO_PEER!BLOCK, mine, o, block;
		if
		:: mine != session -> goto meet
		:: skip
		fi;
		atomic { FEED_HERE(g, o, block) }
#else
		atomic { FEED_HERE(g, o, block) };
		TO_PEER!BLOCK, mine, o, block
#endif
		;
		await(STORED);			/* x: the record's offset */
#ifndef RX_LEADS
		atomic { confirm_a(g, x) };
#endif
		o++
	:: o >= OFFSETS -> goto done
	od;
done:
end:	(mine != session) -> goto meet
}

active proctype follower()
{
	mtype what;
	byte i, mine, from, g, o, block;

end:	do
	:: TO_PEER?what, from, o, block ->
		if
		:: what == HELLO && from == session ->
			mine = from;
			atomic {
				g = PEER_GEN;
#ifdef RX_LEADS
				if
				:: give_up_a()
				:: skip		/* the kernel refused */
				fi
#endif
			};
			TO_SELF!HELLO, mine, PEER_GEN, PEER_HEAD
		:: what == START && from == mine ->
			g = o;
			atomic { PEER_START(g) };
			TO_SELF!STARTED, mine, g, 0
		:: what == BLOCK && from == mine ->
			atomic { PEER_FEED(g, o, block) };
#ifdef RX_LEADS
			/* the leader has it already */
			atomic { confirm_a(g, o) };
#endif
			TO_SELF!STORED, mine, o, 0
		:: from != session		/* lost when its session died */
		:: else
		fi
	od
}

/* A daemon dies, or a node; a restarted daemon begins at meet, which the other
 * learns when it next looks at its session.
 */
active proctype crash()
{
	byte i;

end:	do
	:: crashes < CRASHES -> atomic { crashes++; session++ }
	:: crashes < CRASHES -> atomic { crashes++; session++; reboot_a() }
	:: crashes < CRASHES -> atomic { crashes++; session++; reboot_b() }
	od
}

/* A's kernel: reserve the next confirmed block, tell B which it was. */
active proctype sender()
{
end:	do
	:: atomic {
		tail_a < head_a && confirmed[tail_a] == 0 &&
		(tx[tail_a] == 0 ||
		 (tail_a + 1 < OFFSETS && confirmed[tail_a + 1] == 1)) ->
		/* a hole that nothing will confirm any more: lost */
		tx[tail_a] = 0; tail_a++
	}
	:: atomic {
		tail_a < head_a && (confirmed[tail_a]
#ifdef BREAK_CONFIRM
		|| tx[tail_a] != 0
#endif
		) ->
		assert(!reserved[NAME(gen_a, tail_a)]);	/* invariant 1 */
		reserved[NAME(gen_a, tail_a)] = 1;
		reserved_as[NAME(gen_a, tail_a)] = tx[tail_a];
		assert(gen_b != gen_a || rx[tail_a] != 0 || taken[tail_a]);
		if
		:: nfull(wire) -> wire!gen_a, tail_a
		:: skip				/* lost */
		fi;
		tx[tail_a] = 0; confirmed[tail_a] = 0;
		tail_a++
	}
	od
}

/* B's kernel: take what a message names, once. */
active proctype receiver()
{
	byte g, o;

end:	do
	:: atomic {
		wire??g, o ->			/* any order */
		if
		:: nfull(wire) -> wire!g, o	/* once more, later */
		:: skip
		fi;
		if
		:: gen_b == g && rx[o] != 0 ->
			assert(!taken[o]);
			assert(reserved_as[NAME(g, o)] == rx[o]); /* inv. 2 */
			rx[o] = 0; taken[o] = 1
		:: else				/* -ENOENT, -EALREADY, -ESTALE */
		fi
	}
	od
}
