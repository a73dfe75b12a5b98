#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tools/rules.mk makes again what another list of sources changed, even where
# no source did, and nothing else.
# shellcheck disable=SC2154
. "$(dirname "$0")/lib.sh"

rules=$PWD/tools/rules.mk
cd "$test_dir" || exit 1
mkdir -p tools/x
cp "$rules" tools/rules.mk
echo 'include tools/rules.mk' > Makefile
: > tools/install.mk
echo 1 > VERSION
for f in a c; do
	echo "int $f(void); int $f(void) { return 0; }" > tools/x/$f.c
done
echo 'int main(void) { return 0; }' > tools/x/main.c

# sources LIBRARY'S PROGRAM'S
sources() {
	cat > tools/x/build.mk <<-END
	LIBRARIES := x
	x_SRCS := $1
	PROGRAMS := y z
	y_SRCS := tools/x/main.c $2
	z_SRCS := tools/x/main.c tools/x/c.c
	z_LIBS := x
	END
	make -s O=o tools > log 2>&1 || cat log
	# so that no object is newer than what has it not yet
	touch -d '2 hours ago' tools/x/*.c o/.flags
	touch -d '1 hour ago' o/obj/tools/x/*.o
}
members() { ar t o/lib/libx.a | sort | tr '\n' ' '; }
has() { nm "o/bin/$1" | grep -q " T $2\$"; }
hasnt() { ! has "$@"; }
made() { make -n O=o tools | grep -v 'Nothing to be done'; }

sources tools/x/a.c ''
is 'a library has its sources' "$(members)" 'a.c.o '
is 'what is made is not made again' "$(made)" ''
sources 'tools/x/a.c tools/x/c.c' ''
is 'it gains one that was compiled before' "$(members)" 'a.c.o c.c.o '
check 'a program has not what it was not given' hasnt y c
sources 'tools/x/a.c tools/x/c.c' tools/x/c.c
check 'it gains one that was compiled before' has y c
sources tools/x/a.c ''
is 'the library loses it' "$(members)" 'a.c.o '
check 'and so does the program' hasnt y c
is 'nothing is left to do' "$(made)" ''
