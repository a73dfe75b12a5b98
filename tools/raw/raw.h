/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The detections format: what a QKD device tells its own end.
 *
 * One stream, the same on disk, in a pipe and in a socket: a header, then
 * frames of events in time order. Alice's stream says what she prepared in the
 * slots (pulses) that may have been detected, and how much she sent in all;
 * Bob's says what he detected; an entangled-pair device gives time tags.
 * Documentation/formats.rst describes every byte. Parsing is pure (memory to
 * memory, bounded by the lengths given); struct raw_reader adds a file
 * descriptor for those who want one. What the events mean for a key is left to
 * tools/post.
 *
 * Timing: copying and decoding take time by the number of events and the size
 * of their gaps, which are public; bits and bases are never branched upon.
 */
#ifndef TOOLS_RAW_RAW_H
#define TOOLS_RAW_RAW_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RAW_RUN_SIZE	16		/* bytes of a run's ID */
#define RAW_HEADER_SIZE	64		/* bytes before the header's text */
#define RAW_TEXT_MAX	4096		/* bytes of that text */
#define RAW_FRAME_SIZE	32		/* bytes before a frame's payload */
#define RAW_PAYLOAD_MAX	(1u << 20)	/* bytes of the longest payload */
#define RAW_INTENSITIES	4		/* most intensities there can be */

/* What a stream holds; on the wire, never renumbered */
enum raw_kind {
	RAW_PREPARED	= 1,	/* Alice's preparations, slots are pulses */
	RAW_DETECTED	= 2,	/* Bob's detections, slots are pulses */
	RAW_TAGS	= 3,	/* time tags, slots are ticks of a local clock */
};

/* Frames; on the wire, never renumbered */
enum raw_type {
	RAW_EVENTS	= 1,	/* records of gap and code */
	RAW_TOTALS	= 2,	/* Alice: pulses sent by intensity and basis */
	RAW_END		= 3,	/* nothing follows; payload: the reason, text */
};

/*
 * An event's code, 4 bits. Basis 0 is Z (whose bits make key), 1 is X. In time
 * tags the code is RAW_SETTING << 1 | outcome.
 */
#define RAW_CODE_BIT		0x1	/* the bit's value */
#define RAW_CODE_BASIS		0x2	/* the basis */
#define RAW_CODE_INTENSITY	0xc	/* prepared: index of the intensity */
#define RAW_CODE_INTENSITY_SHIFT 2
#define RAW_CODE_MULTI		0x4	/* detected: several detectors clicked;
					 * the bit (and, of clicks in both
					 * bases, the basis) was drawn
					 */
#define RAW_CODE_SKIP		0xf	/* no event, only a gap */
#define RAW_SETTING_SHIFT	1	/* tags: 0 Z, 1 X, 2 (Z+X), 3 (Z-X) */

static inline unsigned int raw_bit(uint8_t code)
{
	return code & RAW_CODE_BIT;
}

static inline unsigned int raw_basis(uint8_t code)
{
	return (code & RAW_CODE_BASIS) >> 1;
}

static inline unsigned int raw_intensity(uint8_t code)
{
	return (code & RAW_CODE_INTENSITY) >> RAW_CODE_INTENSITY_SHIFT;
}

/**
 * struct raw_header - what comes before the first frame
 * @kind: what the events are
 * @slots_hz: slots in a second: the pulse rate, or the ticks of the clock
 * @epoch_ns: time of slot 0 in ns since 1970 (UTC), 0 if not known
 * @run: random, the same in both ends' streams of one run; slots count from 0
 *	in each run
 * @text: words KEY=VALUE separated by blanks: what the device says of itself,
 *	for Alice at least "intensities=" and "probabilities=" (commas between
 *	values) and "pz="; see raw_header_word()
 */
struct raw_header {
	enum raw_kind kind;
	uint64_t slots_hz;
	uint64_t epoch_ns;
	uint8_t run[RAW_RUN_SIZE];
	char text[RAW_TEXT_MAX + 1];
};

/**
 * struct raw_frame - a frame, still packed
 * @type: what the payload is
 * @width: bytes of a record: 2, 4 or 8
 * @count: records in @payload
 * @start: first slot that the frame covers
 * @end: slot behind the last covered, where the next frame of this type starts
 * @payload: @len bytes, in the caller's buffer
 * @len: bytes of payload
 */
struct raw_frame {
	unsigned int type;
	unsigned int width;
	uint32_t count;
	uint64_t start;
	uint64_t end;
	const uint8_t *payload;
	uint32_t len;
};

/**
 * struct raw_totals - pulses sent in a frame's slots
 * @sent: by intensity (index) and basis (0 Z, 1 X), detected or not
 */
struct raw_totals {
	uint64_t sent[RAW_INTENSITIES][2];
};

/**
 * raw_header_parse() - read a header
 * @buf: bytes of the stream's beginning
 * @len: how many there are
 * @h: out
 *
 * Return: bytes used; 0: more are needed; -EBADMSG: not this format;
 * -EPROTONOSUPPORT: of a version or kind not known here.
 */
ssize_t raw_header_parse(const void *buf, size_t len, struct raw_header *h);

/**
 * raw_header_build() - write a header
 * @buf: room, RAW_HEADER_SIZE + strlen(text) at least
 * @len: bytes of room
 * @h: what to write
 *
 * Return: bytes written, -EMSGSIZE when there is no room, -EINVAL when @h
 * cannot be said.
 */
ssize_t raw_header_build(void *buf, size_t len, const struct raw_header *h);

/**
 * raw_header_word() - find the value of a word in a header's text
 * @h: the header
 * @key: left of the '='
 * @value: out, NUL-terminated
 * @len: bytes of room
 *
 * Return: 0, -ENOENT, or -EMSGSIZE.
 */
int raw_header_word(const struct raw_header *h, const char *key, char *value,
		    size_t len);

/**
 * raw_header_numbers() - find a word whose value is numbers between commas
 * @h: the header
 * @key: left of the '='
 * @v: out
 * @max: room in @v
 *
 * Return: how many there are, -ENOENT, -EINVAL (not numbers), -EMSGSIZE.
 */
int raw_header_numbers(const struct raw_header *h, const char *key, double *v,
		       unsigned int max);

/**
 * raw_frame_parse() - find the next frame
 * @buf: bytes of the stream
 * @len: how many there are
 * @f: out; points into @buf
 *
 * Looks at the head only; records are checked by raw_frame_events().
 *
 * Return: bytes used; 0: more are needed; -EBADMSG.
 */
ssize_t raw_frame_parse(const void *buf, size_t len, struct raw_frame *f);

/**
 * raw_frame_events() - unpack the events of a frame
 * @f: the frame
 * @slot: out, @f->count at most, ascending
 * @code: out, as many, RAW_CODE_*
 *
 * Return: number of events (records that are not mere gaps), or -EBADMSG when
 * the records do not fit in the frame's slots; then nothing of it counts.
 */
ssize_t raw_frame_events(const struct raw_frame *f, uint64_t *slot,
			 uint8_t *code);

/* The same, plainly: what the one above is held against. */
ssize_t raw_frame_events_ref(const struct raw_frame *f, uint64_t *slot,
			     uint8_t *code);

/**
 * raw_frame_totals() - unpack a frame of totals
 *
 * Return: 0 or -EBADMSG.
 */
int raw_frame_totals(const struct raw_frame *f, struct raw_totals *t);

/**
 * raw_events_size() - room that raw_events_build() may need
 * @n: events
 */
size_t raw_events_size(size_t n);

/**
 * raw_events_build() - write frames of events
 * @buf: room, raw_events_size(@n) at least
 * @len: bytes of room
 * @start: first slot covered
 * @end: slot behind the last one covered
 * @slot: of the events, ascending, in [@start, @end)
 * @code: of the events, below RAW_CODE_SKIP
 * @n: events, 0 for a stretch in which nothing happened
 *
 * Takes the narrowest records that fit, and several frames when one would be
 * longer than RAW_PAYLOAD_MAX.
 *
 * Return: bytes written, -EMSGSIZE, or -EINVAL when the slots do not ascend
 * within the bounds.
 */
ssize_t raw_events_build(void *buf, size_t len, uint64_t start, uint64_t end,
			 const uint64_t *slot, const uint8_t *code, size_t n);

/**
 * raw_totals_build() - write a frame of totals
 *
 * Return: bytes written or -EMSGSIZE.
 */
ssize_t raw_totals_build(void *buf, size_t len, uint64_t start, uint64_t end,
			 const struct raw_totals *t);

/**
 * raw_end_build() - write the last frame
 * @at: slot behind the last one
 * @reason: short text for people, may be empty
 *
 * Return: bytes written or -EMSGSIZE.
 */
ssize_t raw_end_build(void *buf, size_t len, uint64_t at, const char *reason);

/**
 * struct raw_reader - a stream from a file descriptor, blocking or not
 * @fd: read from, not owned
 * @header: valid once raw_reader_next() has returned 1
 * @next: slot at which the next frame of events has to start
 * @have_header: @header is there
 * @ended: the last frame has been seen
 * @eof: the descriptor gave end of file
 * @buf: bytes read, @pos up to @len not used yet
 */
struct raw_reader {
	int fd;
	struct raw_header header;
	uint64_t next;
	int have_header;
	int ended;
	int eof;
	uint8_t *buf;
	size_t pos;
	size_t len;
	size_t size;
};

/**
 * raw_reader_init() - set up for a descriptor
 *
 * Return: 0 or -ENOMEM.
 */
int raw_reader_init(struct raw_reader *r, int fd);

/**
 * raw_reader_free() - erase and free the buffer; the descriptor stays open
 */
void raw_reader_free(struct raw_reader *r);

/**
 * raw_reader_next() - read on to the next frame
 * @r: the reader
 * @f: out; valid until the next call
 *
 * Checks that frames of events follow each other without a hole. A call may
 * give the header only, so that its run can be compared before any event is
 * believed: then @f->type is 0.
 *
 * Return: 1: a frame (or the header); 0: the stream has ended; -EAGAIN: the
 * descriptor has no more for now; -EBADMSG: not this format, or cut off in the
 * middle; another -errno of read(2).
 */
int raw_reader_next(struct raw_reader *r, struct raw_frame *f);

#endif /* TOOLS_RAW_RAW_H */
