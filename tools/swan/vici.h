/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * strongSwan's VICI protocol, as far as one client needs it: a request, the
 * events it streams, its answer. (Debian packages libvici without its header.)
 *
 * Source: strongSwan, src/libcharon/plugins/vici/README.md
 */
#ifndef _SWAN_VICI_H
#define _SWAN_VICI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VICI_SOCKET	"/var/run/charon.vici"
#define VICI_REQUEST	4096	/* bytes, the longest of ours */
#define VICI_PACKET	(512 * 1024)	/* bytes: charon's limit */

/* What a message is made of */
enum vici_element {
	VICI_END,
	VICI_SECTION_START,
	VICI_SECTION_END,
	VICI_KEY_VALUE,
	VICI_LIST_START,
	VICI_LIST_ITEM,
	VICI_LIST_END,
};

/**
 * struct vici_request - being written
 * @full: it did not fit; sending it fails
 */
struct vici_request {
	uint8_t buf[VICI_REQUEST];
	size_t len;
	bool full;
};

/**
 * struct vici_reader - a message, read element by element
 * @depth: sections that the element is within
 * @section: name of the outermost of them; as all strings here, not ended by zero
 * @name: of a section, key or list; of the list, for its items
 * @value: of a key or an item
 */
struct vici_reader {
	const uint8_t *at;
	const uint8_t *end;
	unsigned int depth;
	bool list;
	const char *section;
	size_t section_len;
	const char *name;
	size_t name_len;
	const char *value;
	size_t value_len;
};

void vici_begin(struct vici_request *r, const char *command);
void vici_put(struct vici_request *r, const char *key, const void *value,
	      size_t len);
void vici_put_text(struct vici_request *r, const char *key, const char *text);
/* A list of one item */
void vici_put_list(struct vici_request *r, const char *key, const char *item);

void vici_read(struct vici_reader *r, const uint8_t *msg, size_t len);
/* The next element, VICI_END after the last; -EBADMSG, for good. */
int vici_next(struct vici_reader *r);
bool vici_named(const struct vici_reader *r, const char *name);
bool vici_is(const struct vici_reader *r, const char *value);

/* A socket, or a negative errno. Waits for two seconds each time it waits. */
int vici_connect(const char *path);

/*
 * Sends @r, then reads until it is answered. @event: of this name the command
 * streams some, or NULL. @each is called for each of them, then for the answer;
 * what it returns, if not 0, is returned once all were read. Wipes @r.
 * Return: 0, or a negative errno; -ENOSYS: no such command or event.
 */
int vici_call(int fd, struct vici_request *r, const char *event,
	      int (*each)(void *arg, struct vici_reader *msg), void *arg);

#endif /* _SWAN_VICI_H */
