# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# timeout: 300
#
# A process executes a set-user-ID program while an ordinary user, who owns the container, writes its number to tasks:
# root never joins namespaces and a root directory of the user's making. RACE_TRIES: how often (600).
#
#	/
#	└── own       belongs to user 1000
#	    └── r     its root is a directory of that user's
# shellcheck source=../shell/lib.sh
. "$TESTS/lib.sh"

race=$BUILD/tests/attack/race
[ -x "$race" ] || skip "$race is not built"
cp "$race" "$WORK/race"
cp "$race" "$WORK/strong" && chmod 4755 "$WORK/strong"
mkdir "$WORK/dir"
: >"$WORK/dir/marked"
chown -R 1000:1000 "$WORK/dir"

user()
{
	setpriv --reuid 1000 --regid 1000 --clear-groups -- "$@"
}

mount_tree
check mkdir "$T/own"
check chown 1000:1000 "$T/own"
check user mkdir "$T/own/r"
check user ln -s "$WORK/dir" "$T/own/r/root"

# race_exec TRIES: at any moment of the exec.
race_exec()
{
	"$WORK/race" exec "$T/own/r/tasks" "$WORK/strong" "$1" 0 3000
}

it 'the control: root may move such a process, and it is noticed'
exits 1 race_exec 200
matches ' [1-9][0-9]* hits' "$(cat "$WORK/.out")"

it 'its owner may not, at any moment of the exec'
check user "$WORK/race" exec "$T/own/r/tasks" "$WORK/strong" "${RACE_TRIES:-600}" 0 3000
matches ' 0 hits' "$(cat "$WORK/.out")"
check container rm -r -f /own
