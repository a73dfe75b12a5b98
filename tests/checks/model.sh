#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
#
# The model of two pools holds what it should, and breaks where it should.
exec "$(dirname "$0")/../model/run.sh"
