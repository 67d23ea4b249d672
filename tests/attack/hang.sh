# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# timeout: 60
#
# What a process is made of is a file of its user's own file server, which never answers. Its move fails, and keeps
# nobody: not the server, not who changes the container, not other moves into it.
#
#	/
#	└── own       belongs to user 1000; own uts
# shellcheck source=../shell/lib.sh
. "$TESTS/lib.sh"

hang=$BUILD/tests/attack/hang
attack=$BUILD/tests/tree/attack
for program in "$hang" "$attack"; do
	[ -x "$program" ] || skip "$program is not built"
done
cp "$hang" "$attack" "$WORK"
hang=$WORK/hang attack=$WORK/attack

user()
{
	setpriv --reuid 1000 --regid 1000 --clear-groups -- "$@"
}

mount_tree
server=$(server_of "$T")
check mkdir "$T/own"
check touch "$T/own/uts"
check chown 1000:1000 "$T/own"

# begin KIND... : such a process. Sets $target, and $hung, whose end ends it.
begin()
{
	kind=$1
	shift
	mkdir -p "$WORK/fuse"
	start "$WORK/.hang" env GLIBC_TUNABLES=glibc.pthread.rseq=0 "$hang" "$kind" "$WORK/fuse" "$@" || return 1
	target=$(sed -n 1p "$WORK/.hang")
	hung=$started
	sleep 0.3
	! grep hang: "$WORK/.hang" || bad "the preparation of $kind $*"
}

end()
{
	kill -KILL "$hung"
	wait "$hung" 2>/dev/null
	umount -l "$WORK/fuse"
	kill -KILL "$target" 2>/dev/null
	wait_for gone "$target"
}

# not_within SECONDS CMD...: it fails, but in time.
not_within()
{
	limit=$1
	shift
	timeout -s KILL "$(seconds "$limit")" "$@" >"$WORK/.out" 2>"$WORK/.err"
	status=$?
	[ $status != 0 ] || bad "\"$*\" succeeded"
	[ $status != 137 ] || bad "\"$*\" took longer than $limit s"
}

others_go_on()
{
	sleep 1000 &
	other=$!
	check timeout -s KILL "$(seconds 3)" container set /own hostname=x
	check timeout -s KILL "$(seconds 3)" sh -c 'exec "$0" say 3 "$1" 3>"$2"' "$attack" $other "$T/own/tasks"
	matches "^$other\$" "$(cat "$T/own/tasks")"
	kill $other
	wait $other 2>/dev/null
	is '' "$(grep -lx "PPid:.$server" /proc/[0-9]*/status 2>/dev/null)" \
		'children of the server'
}

it 'the control: who looks at such memory is kept, and not even SIGKILL ends that'
begin memory code
start "$WORK/.peek" "$hang" peek "$target"
peek=$started
kill -KILL "$peek"
sleep 0.5
matches '^State:.D' "$(grep State: "/proc/$peek/status")"
end
wait "$peek" 2>/dev/null
is up "$(cat "$WORK/.peek")"

it 'the time limit of a call that waits'
begin memory limit
timeout -s KILL "$(seconds 6)" "$attack" say 3 "$target" 3>"$T/own/tasks" 2>"$WORK/.err"
is_not 137 $? 'it took longer than 6 s'
others_go_on
end

for what in 'memory code' 'memory rseq' 'exec' 'flush'; do
	it "$what"
	# shellcheck disable=SC2086
	begin $what
	for who in root owner; do
		as=
		[ $who = root ] || as='setpriv --reuid 1000 --regid 1000 --clear-groups'
		# shellcheck disable=SC2086
		not_within 6 $as sh -c 'exec "$0" say 3 "$1" 3>"$2"' "$attack" "$target" "$T/own/tasks"
		others_go_on
	done
	end
done
check container rm -r -f /own
