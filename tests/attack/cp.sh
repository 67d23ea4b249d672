# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# cp from a file system whose server lies about where the data of a file are.
# shellcheck source=../shell/lib.sh
. "$TESTS/lib.sh"

liar=$BUILD/tests/attack/liar
[ -x "$liar" ] || skip "$liar is not built"
[ -c /dev/fuse ] || skip 'no /dev/fuse'
mkdir "$WORK/liar"
check "$liar" "$WORK/liar"
check container create --own mount web

it 'the control: it lies'
is 0 "$(python3 -c 'import os, sys; print(os.lseek(os.open(sys.argv[1], os.O_RDONLY), 3, os.SEEK_DATA))' "$WORK/liar/f")"

it 'cp comes to an end, with all of the file'
check timeout "$(seconds 5)" container cp "$WORK/liar/f" web:/tmp/
is 'the file' "$(container enter web cat /tmp/f)"
check container rm web
check umount "$WORK/liar"
