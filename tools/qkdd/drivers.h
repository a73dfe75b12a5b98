/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The drivers there are: declare yours here and list it in drivers.c.
 */
#ifndef _QKDD_DRIVERS_H
#define _QKDD_DRIVERS_H

struct qkd_driver;

extern const struct qkd_driver driver_etsi004;
extern const struct qkd_driver driver_etsi014;
extern const struct qkd_driver driver_file;
extern const struct qkd_driver driver_pipe;
extern const struct qkd_driver driver_relay;
extern const struct qkd_driver driver_replay;
extern const struct qkd_driver driver_sim;

#endif /* _QKDD_DRIVERS_H */
