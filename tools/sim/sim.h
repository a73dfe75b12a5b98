/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Simulated QKD devices: a fibre with a transmitter and a receiver.
 *
 * One struct sim holds the physics of both ends and gives two streams in the
 * detections format (tools/raw/raw.h), one for each end; an end that is handed
 * its own stream only learns what its device would tell it. It is event
 * driven: gaps between clicks are drawn, not pulses, exactly as the formulas
 * say (Documentation/simulator.rst gives them with their sources).
 *
 * How a daemon's driver uses it: sim_connect() to the process that holds the
 * fibre (`qkd-sim serve`), then read the descriptor with raw_reader_next(), as
 * from any device. That process calls sim_run(). A program which wants both
 * ends itself (tests, benchmarks) calls sim_new() and sim_produce().
 *
 * The bits that come out are secret key, so randomness is AES-256-CTR keyed
 * from getrandom(2) and rekeyed as it runs. A seed makes a run repeatable; it
 * is for tests alone, and a stream made with one says so in its header's text
 * ("seeded=1") for daemons to refuse.
 *
 * Nothing here posts-processes: sifting and all that follows are tools/post's.
 */
#ifndef TOOLS_SIM_SIM_H
#define TOOLS_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/raw/raw.h"

#define SIM_INTENSITIES	3	/* most intensities: signal and two decoys */
#define SIM_ERROR_SIZE	256	/* room for a message of this library */
#define SIM_TEXT_SIZE	2048	/* room for a configuration as text */

/* Where `qkd-sim serve` listens if not told otherwise */
#define SIM_ADDRESS	"unix:/run/qkd/fibre"

enum sim_device {
	SIM_BB84,		/* decoy states over a fibre */
	SIM_BBM92,		/* entangled pairs from a source between */
};

enum sim_receiver {
	SIM_PASSIVE,		/* beam splitter, two detectors a basis */
	SIM_ACTIVE,		/* modulator, two detectors for both bases */
};

/**
 * struct sim_config - a device pair and its fibre; words as by sim_word()
 *
 * Set by sim_config_init() and sim_config_parse(); all checked, so that a
 * configuration got from there makes sense.
 */
struct sim_config {
	enum sim_device device;		/* device=bb84|bbm92 */

	/* fibre */
	double length_km;		/* length= */
	double attenuation_db_km;	/* attenuation= */
	double loss_db;			/* loss=, in Bob's apparatus */

	/* BB84: transmitter */
	double rate_hz;			/* rate= */
	unsigned int intensities;	/* from intensities= */
	double mu[SIM_INTENSITIES];	/* intensities=.5,.1,0, descending */
	double p_mu[SIM_INTENSITIES];	/* probabilities=.7,.2,.1 */
	double pz_alice;		/* pz=, of both ends */
	double pz_bob;			/* pz_bob=, if it differs */

	/* receiver */
	enum sim_receiver receiver;	/* receiver=passive|active */
	double efficiency;		/* efficiency= of a detector */
	double dark;			/* dark=, probability a gate, detector */
	double afterpulse;		/* afterpulse=, probability a click */
	double afterpulse_ns;		/* afterpulse_ns=, mean delay */
	double misalignment;		/* misalignment= */
	double dead_ns;			/* dead_ns=, of a detector */

	/* trouble on the way */
	double eve;			/* eve=, fraction intercepted, resent */
	double raman_mw_forward;	/* raman_mw_forward=, classical launch */
	double raman_mw_backward;	/* raman_mw_backward= */
	double raman_sigma;		/* raman_sigma=, 1/(km nm) */
	double raman_db_km;		/* raman_db_km=, at their wavelength */
	double raman_filter_nm;		/* raman_filter_nm= */
	double raman_gate_ns;		/* raman_gate_ns= */
	double wavelength_nm;		/* wavelength_nm=, of the photons */

	/* BBM92, CW source; length_km is Bob's arm */
	double length_alice_km;		/* length_alice= */
	double pairs_hz;		/* pairs= */
	double dark_hz;			/* dark_hz=, a detector */
	double jitter_ps;		/* jitter_ps=, standard deviation */
	double window_ps;		/* window_ps=, coincidences, full width */
	double offset_ns;		/* offset_ns= of Bob's clock */
	double drift_ppb;		/* drift_ppb= of Bob's clock */
	double chsh;			/* chsh=, share of Bob's CHSH settings */

	/* how it runs */
	double speed;			/* speed=, 1: real time, 0: flat out */
	double seconds;			/* seconds= simulated, 0: no end */
	bool seeded;			/* seed= given: tests only */
	uint64_t seed;
};

/**
 * struct sim_word - a word of the configuration, for help texts
 * @name: left of the '='
 * @unit: for people
 * @help: one line
 */
struct sim_word {
	const char *name;
	const char *unit;
	const char *help;
};

/**
 * sim_word() - a word of the configuration
 * @i: counts from 0
 *
 * Return: the word, NULL behind the last one.
 */
const struct sim_word *sim_word(unsigned int i);

/**
 * sim_config_init() - a plain device: 10 km, 1 GHz, two decoys
 */
void sim_config_init(struct sim_config *c);

/**
 * sim_config_parse() - take words KEY=VALUE
 * @c: changed only if all words are good
 * @text: words separated by blanks or newlines
 * @err: out, SIM_ERROR_SIZE bytes: which word is wrong and what is allowed
 *
 * Return: 0 or -EINVAL.
 */
int sim_config_parse(struct sim_config *c, const char *text, char *err);

/**
 * sim_config_text() - the words that make a configuration again
 * @c: the configuration
 * @text: out, SIM_TEXT_SIZE bytes
 */
void sim_config_text(const struct sim_config *c, char *text);

/**
 * sim_config_transmittance() - of the whole way to a click, Bob's arm
 */
double sim_config_transmittance(const struct sim_config *c);

/**
 * sim_raman_dark() - clicks of a gate and detector that classical light makes
 *
 * Return: a probability, to be added to that of a dark count.
 */
double sim_raman_dark(const struct sim_config *c);

/**
 * struct sim_expect - what the formulas say, per pulse, dead time left aside
 * @click: probability that a pulse is detected at all
 * @gain: the same by intensity
 * @sifted: by intensity and basis: sent with it in this basis, detected in it
 * @wrong: of these, with the wrong bit
 * @live: share of the clicks that dead time leaves
 * @live_in: the same of each basis, whose detectors may be dead more often than
 *	the other's
 *
 * BB84 only; exact for coherent states, thus to second order equal to Lim 2014
 * and Ma 2005.
 */
struct sim_expect {
	double click;
	double gain[SIM_INTENSITIES];
	double sifted[SIM_INTENSITIES][2];
	double wrong[SIM_INTENSITIES][2];
	double live;
	double live_in[2];
};

void sim_expect(const struct sim_config *c, struct sim_expect *x);

/**
 * struct sim_pairs - what the formulas say of a CW pair source, per second
 * @singles: clicks by end (0 Alice, 1 Bob)
 * @coincidences: true ones within the window
 * @accidentals: within the window by chance
 * @qber: of both together
 *
 * Neumann et al., PRA 104 022406 (2021).
 */
struct sim_pairs {
	double singles[2];
	double coincidences;
	double accidentals;
	double qber;
};

void sim_pairs_expect(const struct sim_config *c, struct sim_pairs *x);

struct sim;

/**
 * sim_new() - make a device pair; slots start from 0 under a new run ID
 * @c: as from sim_config_parse(), copied
 * @err: out, SIM_ERROR_SIZE bytes
 *
 * Return: the simulation, or NULL with a message in @err.
 */
struct sim *sim_new(const struct sim_config *c, char *err);

/**
 * sim_free() - erase and free; NULL is fine
 */
void sim_free(struct sim *s);

/**
 * struct sim_out - bytes for one end; valid until the next call
 */
struct sim_out {
	const uint8_t *data;
	size_t len;
};

/**
 * sim_header() - the two streams' headers
 */
void sim_header(struct sim *s, struct sim_out *alice, struct sim_out *bob);

/**
 * sim_produce() - go on for a stretch of time
 * @s: the simulation
 * @alice: out: frames for Alice's end
 * @bob: out: frames for Bob's end
 *
 * A stretch is 10 ms of simulated time, or less where there are so many clicks
 * that frames would grow too long.
 *
 * Return: 1, or 0 when the configured time is over (the frames then given are
 * the streams' last).
 */
int sim_produce(struct sim *s, struct sim_out *alice, struct sim_out *bob);

/**
 * struct sim_stats - what has been made so far
 * @slots: pulses or ticks gone by
 * @clicks: events given, by end
 * @seconds: of simulated time
 */
struct sim_stats {
	uint64_t slots;
	uint64_t clicks[2];
	double seconds;
};

void sim_stats(const struct sim *s, struct sim_stats *st);

/**
 * sim_run() - feed both ends until the time is over or an end hangs up
 * @s: the simulation
 * @alice: descriptor for Alice's stream, or -1
 * @bob: descriptor for Bob's, or -1
 * @progress: called some times a second, or NULL; ends the run if not 0
 * @arg: for @progress
 *
 * Keeps the pace that is configured. An end that does not read makes
 * simulated time stand still: nothing is lost, as if the laser were off.
 * SIGPIPE must be ignored.
 *
 * Return: 0 at the end, -EPIPE when an end hung up, -ECANCELED by @progress,
 * or another -errno.
 */
int sim_run(struct sim *s, int alice, int bob,
	    int (*progress)(const struct sim *s, void *arg), void *arg);

/**
 * sim_connect() - plug an end into a fibre held by `qkd-sim serve`
 * @address: "unix:PATH" ('@' first for the abstract namespace) or
 *	"tcp:HOST:PORT", IPv6 hosts in brackets
 * @fibre: name of the fibre, the same at both ends: graphic characters, no
 *	blank
 * @alice: true for the transmitter's end
 * @config: words as for sim_config_parse(); both ends must give the same
 *	physics, or one of them nothing
 * @err: out, SIM_ERROR_SIZE bytes
 *
 * Blocks up to some seconds for the server's answer, not for the other end:
 * the stream starts when that has come as well, anew at each plugging in, so
 * when either end is replaced both read end of file and connect again.
 *
 * Return: a descriptor (close on exec, blocking) to read the end's stream
 * from, or -errno with a message.
 */
int sim_connect(const char *address, const char *fibre, bool alice,
		const char *config, char *err);

/**
 * sim_serve() - hold fibres: listen, pair the ends, run each pair
 * @address: as for sim_connect()
 * @log: called for what happens (one line, no newline), or NULL
 * @stop: polled; serving ends when it is not 0
 * @err: out, SIM_ERROR_SIZE bytes
 *
 * Each pair runs in a process of its own, forked. Return: 0 or -errno.
 */
int sim_serve(const char *address, void (*log)(const char *line),
	      const volatile int *stop, char *err);

#endif /* TOOLS_SIM_SIM_H */
