/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an end and the simulator say to each other before the stream:
 *
 *	end:		qkd-sim1 alice|bob FIBRE [KEY=VALUE]...\n
 *	simulator:	ok\n  or  error MESSAGE\n
 */
#ifndef TOOLS_SIM_HELLO_H
#define TOOLS_SIM_HELLO_H

#define HELLO_MAGIC	"qkd-sim1"
#define HELLO_OK	"ok"
#define HELLO_ERROR	"error "
#define HELLO_SIZE	4096	/* bytes of the longest line */
#define HELLO_FIBRE_MAX	64	/* characters of a fibre's name */
#define HELLO_TIMEOUT_S	5	/* for either line to come */

#endif /* TOOLS_SIM_HELLO_H */
