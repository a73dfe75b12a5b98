// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Names of the netlink ABI's enumerations, as its specification has them.
 */
#include <errno.h>
#include <string.h>

#include "internal.h"

#define N_ELEMS(a) (sizeof(a) / sizeof((a)[0]))
#define NAME_OF(table, i) \
	((size_t)(i) < N_ELEMS(table) && (table)[i] ? (table)[i] : "?")

static const char *const roles[] = {
	[QKD_ROLE_NONE] = "none",
	[QKD_ROLE_ALICE] = "alice",
	[QKD_ROLE_BOB] = "bob",
};

static const char *const admin_states[] = {
	[QKD_ADMIN_STATE_DOWN] = "down",
	[QKD_ADMIN_STATE_UP] = "up",
};

static const char *const oper_states[] = {
	[QKD_OPER_STATE_DOWN] = "down",
	[QKD_OPER_STATE_WAITING] = "waiting",
	[QKD_OPER_STATE_STARVED] = "starved",
	[QKD_OPER_STATE_LOW] = "low",
	[QKD_OPER_STATE_UP] = "up",
};

static const char *const alarms[] = {
	[QKD_ALARM_STARVED] = "starved",
	[QKD_ALARM_LOW] = "low",
	[QKD_ALARM_QBER] = "qber",
	[QKD_ALARM_VERIFY] = "verify",
	[QKD_ALARM_AUTH] = "auth",
	[QKD_ALARM_PEER] = "peer",
	[QKD_ALARM_DRIVER] = "driver",
	[QKD_ALARM_GENERATION] = "generation",
	[QKD_ALARM_TUNNEL] = "tunnel",
};

const char *qkd_role_name(enum qkd_role role)
{
	return NAME_OF(roles, role);
}

const char *qkd_admin_state_name(enum qkd_admin_state state)
{
	return NAME_OF(admin_states, state);
}

const char *qkd_oper_state_name(enum qkd_oper_state state)
{
	return NAME_OF(oper_states, state);
}

const char *qkd_alarm_name(enum qkd_alarm alarm)
{
	return NAME_OF(alarms, alarm);
}

int qkd_role_parse(const char *name, enum qkd_role *role)
{
	for (size_t i = 0; i < N_ELEMS(roles); i++) {
		if (!strcmp(name, roles[i])) {
			*role = i;
			return 0;
		}
	}
	return qkd_fail(-EINVAL, "\"%s\" is no role; alice, bob or none", name);
}
