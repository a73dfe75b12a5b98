#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# man.sh SOURCE.rst PAGE: a man page from its source. One that describes many
# functions names those that its title does not in a line ".. names: A B"; they
# are listed under NAME, and PAGE.names holds them, a line each, for links.
set -eu

names=$(sed -n 's/^\.\. names: //p' "$1")
title=$(basename "$1" .rst)
title=${title%.*}
# shellcheck disable=SC2086
[ -z "$names" ] || printf '%s\n' $names > "$2.names"
list=$(echo "$names" | sed 's/  */, /g; s/^./, &/')
rst2man --halt=warning "$1" "$2"
sed -i "/^\.SH NAME/,/^\.SH SYNOPSIS/ s/^$title \\\\- /$title$list \\\\- /" "$2"
