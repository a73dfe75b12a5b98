// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Packets and messages of VICI. What each command means is charon.c's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "vici.h"
#include "tools/common/secret.h"
#include "tools/common/wire.h"

#define HEAD	4	/* bytes: length of what follows, big-endian */
#define WAIT_S	2

enum vici_packet {
	CMD_REQUEST,
	CMD_RESPONSE,
	CMD_UNKNOWN,
	EVENT_REGISTER,
	EVENT_UNREGISTER,
	EVENT_CONFIRM,
	EVENT_UNKNOWN,
	EVENT,
};

/* ---- writing ---- */

static void put(struct vici_request *r, const void *p, size_t len)
{
	if (len > sizeof(r->buf) - r->len) {
		r->full = true;
		return;
	}
	memcpy(r->buf + r->len, p, len);
	r->len += len;
}

static void put_byte(struct vici_request *r, uint8_t byte)
{
	put(r, &byte, 1);
}

/* A name: one byte of length */
static void put_name(struct vici_request *r, const char *name)
{
	size_t len = strlen(name);

	if (len > UINT8_MAX)
		r->full = true;
	put_byte(r, len);
	put(r, name, len);
}

/* A value: two bytes of length */
static void put_value(struct vici_request *r, const void *value, size_t len)
{
	if (len > UINT16_MAX)
		r->full = true;
	put_byte(r, len >> 8);
	put_byte(r, len);
	put(r, value, len);
}

static void begin(struct vici_request *r, uint8_t type, const char *name)
{
	r->len = HEAD;
	r->full = false;
	put_byte(r, type);
	put_name(r, name);
}

void vici_begin(struct vici_request *r, const char *command)
{
	begin(r, CMD_REQUEST, command);
}

void vici_put(struct vici_request *r, const char *key, const void *value,
	      size_t len)
{
	put_byte(r, VICI_KEY_VALUE);
	put_name(r, key);
	put_value(r, value, len);
}

void vici_put_text(struct vici_request *r, const char *key, const char *text)
{
	vici_put(r, key, text, strlen(text));
}

void vici_put_list(struct vici_request *r, const char *key, const char *item)
{
	put_byte(r, VICI_LIST_START);
	put_name(r, key);
	put_byte(r, VICI_LIST_ITEM);
	put_value(r, item, strlen(item));
	put_byte(r, VICI_LIST_END);
}

/* ---- reading ---- */

void vici_read(struct vici_reader *r, const uint8_t *msg, size_t len)
{
	memset(r, 0, sizeof(*r));
	r->at = msg;
	r->end = msg + len;
}

/* A string after its length, of @bytes bytes */
static bool get(struct vici_reader *r, int bytes, const char **p, size_t *len)
{
	size_t n = 0;

	if (r->end - r->at < bytes)
		return false;
	while (bytes--)
		n = n << 8 | *r->at++;
	if ((size_t)(r->end - r->at) < n)
		return false;
	*p = (const char *)r->at;
	*len = n;
	r->at += n;
	return true;
}

static bool get_name(struct vici_reader *r)
{
	return get(r, 1, &r->name, &r->name_len);
}

static bool get_value(struct vici_reader *r)
{
	return get(r, 2, &r->value, &r->value_len);
}

static bool enter(struct vici_reader *r)
{
	if (!get_name(r))
		return false;
	if (!r->depth++) {
		r->section = r->name;
		r->section_len = r->name_len;
	}
	return true;
}

/* Whether the element is whole, and in a place for it */
static bool element(struct vici_reader *r, int type)
{
	bool outside = !r->list;

	switch (type) {
	case VICI_SECTION_START:
		return outside && enter(r);
	case VICI_SECTION_END:
		return outside && r->depth && r->depth--;
	case VICI_KEY_VALUE:
		return outside && get_name(r) && get_value(r);
	case VICI_LIST_START:
		r->list = true;
		return outside && get_name(r);
	case VICI_LIST_ITEM:
		return r->list && get_value(r);
	case VICI_LIST_END:
		r->list = false;
		return !outside;
	default:
		return false;
	}
}

int vici_next(struct vici_reader *r)
{
	int type;

	if (r->at == r->end && !r->depth && !r->list)
		return VICI_END;
	if (r->at < r->end) {
		type = *r->at++;
		if (element(r, type))
			return type;
	}
	/* stays so */
	r->at = r->end;
	r->list = true;
	return -EBADMSG;
}

static bool same(const char *p, size_t len, const char *text)
{
	return p && strlen(text) == len && !memcmp(p, text, len);
}

bool vici_named(const struct vici_reader *r, const char *name)
{
	return same(r->name, r->name_len, name);
}

bool vici_is(const struct vici_reader *r, const char *value)
{
	return same(r->value, r->value_len, value);
}

/* ---- calling ---- */

int vici_connect(const char *path)
{
	const struct timeval tv = { .tv_sec = WAIT_S };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	strcpy(a.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) &&
	    !setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) &&
	    !connect(fd, (void *)&a, sizeof(a)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int transmit(int fd, struct vici_request *r)
{
	size_t at = 0;
	ssize_t n;

	if (r->full)
		return -EMSGSIZE;
	wire_put32(r->buf, r->len - HEAD);
	while (at < r->len) {
		n = send(fd, r->buf + at, r->len - at, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		at += n > 0 ? n : 0;
	}
	return 0;
}

static int receive(int fd, uint8_t *p, size_t len)
{
	ssize_t n;

	while (len) {
		n = recv(fd, p, len, 0);
		if (!n)
			return -EPIPE;
		if (n < 0 && errno != EINTR)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		p += n > 0 ? n : 0;
		len -= n > 0 ? n : 0;
	}
	return 0;
}

/* Its type; @packet is malloc'ed, what follows the type and @len bytes long. */
static int receive_packet(int fd, uint8_t **packet, size_t *len)
{
	uint8_t head[HEAD + 1];
	int ret = receive(fd, head, sizeof(head));

	if (ret)
		return ret;
	*len = wire_get32(head);
	if (!*len || *len > VICI_PACKET)
		return -EBADMSG;
	--*len;
	*packet = malloc(*len + 1);
	if (!*packet)
		return -ENOMEM;
	ret = receive(fd, *packet, *len);
	if (!ret)
		return head[HEAD];
	free(*packet);
	return ret;
}

/* Hands what is in it to @each. */
static int deliver(int type, const uint8_t *packet, size_t len,
		   int (*each)(void *, struct vici_reader *), void *arg)
{
	struct vici_reader r;

	if (type == EVENT) {
		if (!len || len - 1 < packet[0])
			return -EBADMSG;
		len -= 1 + packet[0];
		packet += 1 + packet[0];
	}
	vici_read(&r, packet, len);
	return each ? each(arg, &r) : 0;
}

/* Until a packet that is no event, whose type shall be @last */
static int await(int fd, int last, int (*each)(void *, struct vici_reader *),
		 void *arg)
{
	uint8_t *packet = NULL;
	int type, err, ret = 0;
	size_t len = 0;

	do {
		type = receive_packet(fd, &packet, &len);
		if (type < 0)
			return ret ? ret : type;
		err = 0;
		if (type == EVENT || type == CMD_RESPONSE)
			err = deliver(type, packet, len, each, arg);
		free(packet);
		ret = ret ? ret : err;
	} while (type == EVENT);
	if (type == CMD_UNKNOWN || type == EVENT_UNKNOWN)
		return -ENOSYS;
	return type == last ? ret : -EBADMSG;
}

static int subscribe(int fd, const char *event, uint8_t type)
{
	struct vici_request r;
	int ret;

	begin(&r, type, event);
	ret = transmit(fd, &r);
	return ret ? ret : await(fd, EVENT_CONFIRM, NULL, NULL);
}

int vici_call(int fd, struct vici_request *r, const char *event,
	      int (*each)(void *arg, struct vici_reader *msg), void *arg)
{
	int ret = event ? subscribe(fd, event, EVENT_REGISTER) : 0;

	if (!ret)
		ret = transmit(fd, r);
	wipe(r->buf, sizeof(r->buf));
	if (!ret)
		ret = await(fd, CMD_RESPONSE, each, arg);
	if (!ret && event)
		ret = subscribe(fd, event, EVENT_UNREGISTER);
	return ret;
}
