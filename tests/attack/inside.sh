# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# timeout: 120
#
# A task inside: what it is given with its start that was not meant for it, ways out of its root directory, and what
# an accomplice in another container can do with its fds.
#
#	/
#	├── plain     own mount, pid: root there is the host's
#	├── mapped    own user, mount, pid, cgroup, uts
#	└── other     the same
# shellcheck source=../shell/lib.sh
. "$TESTS/lib.sh"

inside=$BUILD/tests/attack/inside
[ -x "$inside" ] || skip "$inside is not built"
views_nest || skip 'a view of a view is one too many here'
echo host >"$WORK/marker"
bare='setpriv --bounding-set -all --inh-caps -all --no-new-privs --'

check container create --own mount,pid plain
check container create --own user,mount,pid,cgroup,uts mapped
check container create --own user,mount,pid,cgroup,uts other
for c in plain mapped other; do
	check container cp "$inside" $c:/tmp/inside
done

it 'the control: fds of the caller, blocked signals and the like are seen'
out=$(exec 7</dev/null; umask 27; env --block-signal=USR1 setpriv --pdeathsig TERM -- "$inside" brought)
matches 'fd 7 /dev/null' "$out"
matches 'blocked 10' "$out"
matches 'parent-death signal 15' "$out"
matches 'umask 27' "$out"

# given CONTAINER CMD...: by somebody who has fds of the state directory open.
given()
{
	(
		umask 27
		exec 7<"$CONTAINERFS_STATE/lock" 8<"$CONTAINERFS_STATE/tree" 9<"$(cgroup_of_hierarchy)"
		container enter "$@"
	)
}

it 'a command gets fds 0, 1, 2 of its caller, and the umask, and nothing else'
for c in plain mapped; do
	is 'umask 27' "$(given $c /tmp/inside brought)" "$c"
	is 'umask 27' "$(given -u 0:0 $c /tmp/inside brought)" "$c, -u"
	is 'umask 27' "$(given -u 1:1 $c /tmp/inside brought)" "$c, as another user"
done
it 'nor by the launcher'
check container enter mapped ln -s inside /tmp/link
is 'umask 27' "$(given mapped /tmp/link brought)"

it 'the control: who is outside opens it, and notices'
matches 'hit as it is: the host.s root' "$("$inside" escape "$WORK/marker")"

it 'there is no way out of a view, with all capabilities there are inside or with none'
is "done" "$(container enter mapped /tmp/inside escape "$WORK/marker")"
# shellcheck disable=SC2086
is "done" "$(container enter mapped $bare /tmp/inside escape "$WORK/marker")"
# shellcheck disable=SC2086
is "done" "$(container enter plain $bare /tmp/inside escape "$WORK/marker")"

it 'root without a user namespace can unmount its root; it finds the cradle, and not the host'"'"'s root'
is_not '' "$(container enter plain /tmp/inside escape "$WORK/marker" | grep 'cradle can be written to')"
is '' "$(container enter plain /tmp/inside escape "$WORK/marker" | grep -E "host's root|namespace /")"

# takes CONTAINER: what an accomplice there gets from the offers of mapped.
takes()
{
	container enter "$1" /tmp/inside take "$name"
}

name=containerfs-attack-$$
start "$WORK/.offer" container enter mapped /tmp/inside offer "$name"
it 'the control: in the same container fds of namespaces are good for something'
out=$(takes mapped)
matches 'hit setns mnt' "$out"
matches 'hit signal' "$out"
it 'in another one they are good for nothing'
out=$(takes other)
matches '^done$' "$out"
is '' "$(echo "$out" | grep hit)"
it 'nor for an ordinary user of one whose root is the host'"'"'s'
out=$(container enter -u 1:1 plain /tmp/inside take "$name")
matches '^done$' "$out"
is '' "$(echo "$out" | grep hit)"
kill "$started"

# storm SIGNAL CMD...: while a task inside sends the signal to all that it sees, without a pause.
storm()
{
	sig=$1
	shift
	start "$WORK/.storm" container enter mapped /tmp/inside storm "$sig"
	"$@"
	storm_is=$?
	check container kill -s KILL mapped
	wait_for gone "$started"
	return $storm_is
}

none_on_the_way()
{
	! container ps mapped | grep -q 'container enter'
}

# What is stopped then is the command. Nobody else waits for it either.
all_enter()
{
	entering=
	for _ in $(seq 20); do
		container enter mapped true >"$WORK/.entering" 2>&1 &
		entering="$entering $!"
	done
	wait_for none_on_the_way && check timeout "$(seconds 5)" container set mapped stop_timeout=3
	entered=$?
	# shellcheck disable=SC2086
	kill -KILL $entering 2>"$WORK/.err"
	return $entered
}

is_stopped()
{
	read -r _ _ state _ <"/proc/$1/stat" && [ "$state" = T ]
}

it 'the control: tasks inside are stopped by it'
task mapped
task mapped sleep 999
sleeper=$(container ps --json mapped | jq '.[] | select(.command == "sleep 999").pid')
storm 19 wait_for is_stopped "$sleeper"

it 'who is on the way in cannot be kept there by signals: STOP, KILL, TERM, TSTP'
for sig in 19 9 15 20; do
	storm $sig all_enter || bad "$sig"
done
check container rm -f plain mapped other
