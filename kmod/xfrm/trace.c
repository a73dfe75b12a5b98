// SPDX-License-Identifier: GPL-2.0
/*
 * The bodies of the tracepoints that trace.h declares.
 */
#include "tunnel.h"

#define CREATE_TRACE_POINTS
#include "trace.h"
