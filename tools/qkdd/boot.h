/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes the links that the configuration file asks for.
 */
#ifndef _QKDD_BOOT_H
#define _QKDD_BOOT_H

struct settings;

/* Those that are missing; what goes wrong is logged. Waits for qkdctl. */
void boot_links(const struct settings *st);

#endif /* _QKDD_BOOT_H */
