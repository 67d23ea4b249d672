# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# timeout: 60
#
# One write to a file of the tree by each way that the kernel has: what a user may not do by write(2) it may not do by
# any other. And one from a sandbox of Landlock's, which the server's surrogate is not in.
#
#	/
#	├── own       belongs to user 1000; own uts
#	├── plain     belongs to user 1000
#	└── roots     own uts
# shellcheck source=../shell/lib.sh
. "$TESTS/lib.sh"

ways=$BUILD/tests/attack/ways
race=$BUILD/tests/attack/race
for program in "$ways" "$race"; do
	[ -x "$program" ] || skip "$program is not built"
done
cp "$ways" "$race" "$WORK"
cp "$race" "$WORK/strong" && chmod 4755 "$WORK/strong"
ways=$WORK/ways

# as UID CMD...
as()
{
	uid=$1
	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups -- "$@"
}

# sleeper UID: sets $started.
sleeper()
{
	setpriv --reuid "$1" --regid "$1" --clear-groups sleep 1000 &
	started=$!
	wait_for grep -q sleep "/proc/$started/comm"
}

mount_tree
check mkdir "$T/own" "$T/plain" "$T/roots"
check touch "$T/own/uts" "$T/roots/uts"
check chown 1000:1000 "$T/own" "$T/plain"
put of-root "$T/roots/hostname"
sleep 1000 &
roots=$!

# refused CMD...: with EPERM, EACCES, or since there is no such way here.
refused()
{
	"$@" >"$WORK/.out" 2>"$WORK/.err"
	status=$?
	[ $status != 77 ] || return 0
	is 1 $status "$*"
	grep -Eq 'not permitted|Permission denied|not supported' "$WORK/.err" || {
		bad "$*"
		show "$WORK/.err"
	}
}

tried=0
for how in write pwritev2 append writev aio splice vmsplice sendfile copy mmap int80 handle uring uring-async uring-sqpoll uring-as; do
	it "$how: the control, its owner writes"
	put before "$T/own/hostname"
	as 1000 "$ways" $how "$T/own/hostname" by-$how 2>"$WORK/.err"
	status=$?
	case $how:$status in
	*:77 | mmap:1 | handle:1) is before "$(cat "$T/own/hostname")" ;;
	*:0) is by-$how "$(cat "$T/own/hostname")" && tried=$((tried + 1)) ;;
	*) bad "exited with $status" && show "$WORK/.err" ;;
	esac
	it "$how: who may not"
	put before "$T/own/hostname"
	refused as 1001 "$ways" $how 5 by-1001 5>"$T/own/hostname"
	is before "$(cat "$T/own/hostname")"
	refused as 1000 "$ways" $how 5 by-1000 5>"$T/roots/hostname"
	is of-root "$(cat "$T/roots/hostname")"
	refused as 1000 "$ways" $how "$T/plain/tasks" $roots
	refused as 1001 "$ways" $how 5 0 5>"$T/plain/tasks"
	is '' "$(cat "$T/plain/tasks")"
	it "$how: what the kernel refuses is not told to have been done"
	refused as 1000 "$ways" $how "$T/own/tasks" 0
done
[ $tried -ge 7 ] || bad "only $tried ways write"

it 'an fd of a process with all capabilities, from before it dropped them'
refused setpriv --bounding-set -all --reuid 0 "$ways" uring-as 5 $roots 5>"$T/plain/tasks"

it 'a name, by a thread of the kernel'\''s'
as 1000 "$ways" uring-mkdir "$T/own" made
status=$?
[ $status = 77 ] || is 0 $status
refused as 1001 "$ways" uring-mkdir "$T/own" evil
[ ! -d "$T/own/evil" ] || bad 'it was made'

it 'the writer executes a set-user-ID program while a thread of the kernel'\''s still writes'
server=$(server_of "$T")
exec 5>"$T/roots/freeze"
kill -STOP "$server"
setpriv --reuid 1000 --regid 1000 --clear-groups "$ways" uring-exec 5 1 "$WORK/strong" stay >"$WORK/.exec" 2>&1 &
writer=$!
exec 5>&-
sleep 0.5
kill -CONT "$server"
sleep 0.5
is 0 "$(cat "$T/roots/freeze")"
kill -KILL $writer 2>/dev/null
wait $writer 2>/dev/null

it 'a sandbox: the control, without one it may'
sleeper 1000
outside=$started
check as 1000 "$ways" write "$T/plain/tasks" $outside
is $outside "$(cat "$T/plain/tasks")"
kill $outside
wait $outside 2>/dev/null
for how in landlock alone; do
	it "$how: it moves nobody who is outside of it"
	sleeper 1000
	refused as 1000 "$ways" $how "$T/plain/tasks" "$started"
	is '' "$(cat "$T/plain/tasks")"
	it "$how: not by an fd that is written to by somebody else either"
	refused as 1000 setpriv --no-new-privs sh -c '"$1" write "$2" "$3"' sh "$ways" "$T/plain/tasks" "$started"
	is '' "$(cat "$T/plain/tasks")"
	kill "$started"
	wait "$started" 2>/dev/null
done
it 'who is inside of it, and itself, it does'
check as 1000 setpriv --no-new-privs sh -c 'sleep 1000 & "$1" write "$2" $!; r=$?; kill $!; exit $r' sh "$ways" "$T/plain/tasks"
check as 1000 "$ways" alone "$T/plain/tasks" 0

kill $roots
check container rm -r -f /own
check container rm -r -f /plain
check container rm -r -f /roots
