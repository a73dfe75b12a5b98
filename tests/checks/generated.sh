#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The files that follow from the netlink specs are what the generators write.
. "$(dirname "$0")/lib.sh"

check 'generated files are fresh' tests/checks/generate.sh --check
