/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the commands of qkd-raw share.
 */
#ifndef TOOLS_RAW_QKD_RAW_H
#define TOOLS_RAW_QKD_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/raw/raw.h"

/**
 * struct raw_options - of the command line, before the command
 * @json: -j
 */
struct raw_options {
	bool json;
};

/* Say what went wrong. Return: 1 */
int fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The value after @name among "NAME VALUE" pairs, or NULL */
const char *option(int argc, char **argv, const char *name);

/* Whether the pairs have names only that are in @names (NULL ends). Return: 0,
 * or 1 having said which is not
 */
int options_check(int argc, char **argv, const char *const *names);

/* A file to write, of mode 0600. Return: descriptor, or -1 having said why */
int create_file(const char *name);

/* All of it. Return: 0, or 1 having said why */
int write_all(int fd, const void *buf, size_t len);

int cmd_show(const struct raw_options *o, int argc, char **argv);
int cmd_pairs(const struct raw_options *o, int argc, char **argv);
int cmd_ohio(const struct raw_options *o, int argc, char **argv);
int cmd_kiwi(const struct raw_options *o, int argc, char **argv);

#endif /* TOOLS_RAW_QKD_RAW_H */
