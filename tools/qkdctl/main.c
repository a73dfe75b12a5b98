// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkdctl as a process: nothing but main(), so that tests can link the rest.
 */
#include "qkdctl.h"

int main(int argc, char **argv)
{
	return qkdctl(argc, argv);
}
