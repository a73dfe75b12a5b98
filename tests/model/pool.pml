/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pools of two peers, for the SPIN model checker: allocation, confirmation
 * and resynchronisation, with a crash of a daemon or of a whole node between
 * any two steps, and a message channel that loses, duplicates and reorders.
 *
 * One direction is modelled, the tx of node A and the rx of node B; the other
 * is its mirror image. A unit of offset is one block. Words are those of
 * Documentation/pool.rst: head, tail, confirmed, lost, generation.
 *
 * Held: invariant 1, no offset of a generation is reserved twice; invariant 2,
 * what B takes under a name is what A reserved under it.
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

/* Wait for the answer, drop what a dead session left, notice one's own end. */
inline await(answer)
{
	do
	:: to_a?what, from, x, y ->
		if
		:: what == answer && from == mine -> break
		:: else
		fi
	:: mine != session -> goto meet
	od
}

/* The daemon of A leads: it names generation and offset of each block. */
active proctype daemon_a()
{
	mtype what;
	byte i, mine, from, x, y, g, o, block;

meet:	mine = session;
	to_b!HELLO, mine, 0, 0;
	await(HELLO);			/* x: B's generation, y: B's head */
	atomic {
		if
		:: gen_a != 0 && gen_a == x -> g = gen_a;
#ifdef BREAK_MEET
			o = y
#else
			o = (head_a > y -> head_a : y)
#endif
			; goto feed
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
	atomic { start_a(g) }
	to_b!START, mine, g, 0;
	await(STARTED);

feed:	do
	:: mine != session -> goto meet
	:: o < OFFSETS ->
		/* post-processing is done at both ends, in any order */
		atomic { last_block++; block = last_block }
		if
		:: to_b!BLOCK, mine, o, block; atomic { feed_a(g, o, block) }
		:: atomic { feed_a(g, o, block) }; to_b!BLOCK, mine, o, block
		fi;
		await(STORED);			/* x: the block's offset */
		atomic { confirm_a(g, x) };
		o++
	:: o >= OFFSETS -> goto done
	od;
done:
end:	(mine != session) -> goto meet
}

active proctype daemon_b()
{
	mtype what;
	byte i, mine, from, g, o, block;

end:	do
	:: to_b?what, from, o, block ->
		if
		:: what == HELLO && from == session ->
			mine = from; g = gen_b;
			to_a!HELLO, mine, gen_b, head_b
		:: what == START && from == mine ->
			g = o;
			atomic { start_b(g) };
			to_a!STARTED, mine, g, 0
		:: what == BLOCK && from == mine ->
			atomic { feed_b(g, o, block) };
			to_a!STORED, mine, o, 0
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
		(tail_a + 1 < OFFSETS && confirmed[tail_a + 1] == 1) ->
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
#ifdef BREAK_CONFIRM
		assert(gen_b != gen_a || rx[tail_a] != 0 || taken[tail_a]);
#endif
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
