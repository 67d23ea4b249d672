# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# What "make run" shows without a terminal: every command of the tour does what the text beside it says,
# and nothing is left. It has a hierarchy of its own.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

it 'the tour'
exits 0 "$TESTS/../../examples/tour.sh"
is '' "$(cat "$WORK/.err")"
matches 'needs no process to exist' "$(cat "$WORK/.out")"
if [ -c /dev/fuse ]; then
	matches 'echo serge >vserver1/hostname' "$(cat "$WORK/.out")"
else
	part_skipped 'no /dev/fuse: no tree'
fi
is '' "$(grep containerfs-tour /proc/self/mountinfo)" 'mounts'
is '' "$(ls -d /run/containerfs-tour.* 2>/dev/null)" 'directories'
