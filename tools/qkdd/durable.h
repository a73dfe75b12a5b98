/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What outlives a crash of the machine.
 */
#ifndef _QKDD_DURABLE_H
#define _QKDD_DURABLE_H

/*
 * A file's new name, or that it is gone, must be as durable as what is in it:
 * what is named in @dir is, from then on. May sleep. Return: 0, or a negative
 * errno.
 */
int sync_dir(const char *dir);

#endif /* _QKDD_DURABLE_H */
