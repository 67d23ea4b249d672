# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# Every file of a container: what it shows, what it takes, and that what it does not take changes
# nothing.
#
#	/
#	├── web   own user, uts
#	├── a     a task
#	│   └── b
#	└── p     own pid
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

# took TEXT FILE [SHOWN]: it is written, and then shown.
took()
{
	check put "$1" "$2"
	is "${3-$1}" "$(cat "$2")" "$2"
}

# refused ERROR TEXT FILE: it is not written, and the file shows what it showed.
refused()
{
	shown=$(cat "$3" 2>&1)
	put_fails "$1" "$2" "$3"
	is "$shown" "$(cat "$3" 2>&1)" "$3 after \"$2\""
}

mount_tree
cd "$T" || exit
check mkdir -p web a/b p
check touch web/uts p/pid
has_type user && check touch web/user

it 'every file ends in a newline, is the same when read again, and can be read in pieces'
task a
for file in a/* web/* p/* a/b/* init state id status uid_map gid_map hostname tasks; do
	[ -f "$file" ] && [ ! -L "$file" ] || continue
	case $file in
	*/kill) continue ;;
	esac
	cat "$file" >"$WORK/value" || bad "cat $file"
	[ ! -s "$WORK/value" ] || is 0a "$(tail -c 1 "$WORK/value" | od -An -tx1 | tr -d ' ')" "the end of $file"
	check cmp - "$WORK/value" <"$file"
	is "$(cat "$WORK/value")" "$(dd if="$file" bs=3 2>/dev/null)" "$file in pieces"
	is "$(tail -c +4 "$WORK/value")" "$(dd if="$file" bs=3 skip=1 2>/dev/null)" "$file from the middle"
done

it 'none blocks'
for file in a/* tasks state; do
	[ ! -f "$file" ] || timeout 5 cat "$file" >/dev/null 2>&1
	is_not 124 $? "$file"
done

it 'id'
matches '^[0-9a-f]{16}$' "$(cat a/id)"
is_not "$(cat a/id)" "$(cat web/id)"
check mv web w
check mv w web
is 1 "$(grep -lx "$(cat web/id)" -- */id | grep -c .)"
check mkdir once
id=$(cat once/id)
check rmdir once
check mkdir once
is_not "$id" "$(cat once/id)" 'the next of this name'
check rmdir once

it 'state'
is created "$(cat web/state)"
is running "$(cat a/state)"
is created "$(cat a/b/state)"
is running "$(cat state)"
pid=$(cat a/tasks)
check put 1 a/freeze
is frozen "$(cat a/state)"
check put 0 a/freeze
is running "$(cat a/state)"
check rm a/tasks
ends 137 "$started"
is stopped "$(cat a/state)"
task a/b
is running "$(cat a/state)" 'a nested one has a task'
is '' "$(cat a/tasks)"
check rm a/tasks
ends 137 "$started"

it 'init, tasks'
is '' "$(cat p/init)"
is 1 "$(wc -l <p/init)" 'an empty line'
is 0 "$(wc -l <p/tasks)"
start "$WORK/out" container enter p -- sh -c 'sleep 1000 & echo up; wait'
is 2 "$(wc -l <p/tasks)"
is "$(container ps p --json | jq '.[].pid' | sort)" "$(sort p/tasks)"
is "$(field p init)" "$(cat p/init)"
grep -qx "$(cat p/init)" p/tasks || bad 'init is one of the tasks'
check rm p/tasks
ends 137 "$started"
is '' "$(cat p/init)"

it 'status'
task a
is "name: /a
id: $(cat a/id)
state: running
tasks: 1
owner: 0:0
mode: 0755
own:
shared:
root: inherited" "$(sed 's/ $//' a/status)"
is "name: /a/b" "$(head -n 1 a/b/status)"
is "name: /" "$(head -n 1 status)"
is '' "$(grep -vE '^[a-z]+:( .*)?$' web/status)" 'lines that are not "key: value"'
matches '^own: (user )?uts$' "$(cat web/status)"
check rm a/tasks
ends 137 "$started"

it 'hostname'
host=$(hostname)
is "$host" "$(cat a/hostname)"
is "$host" "$(cat hostname)"
took serge web/hostname
is serge "$(bash -c 'echo $$ >web/tasks; hostname')"
took web.example.org web/hostname
took "$(printf '%064d' 0)" web/hostname
took x web/hostname
refused 'Invalid argument' '' web/hostname
refused 'Invalid argument' 'a b' web/hostname
refused 'Invalid argument' 'a
b' web/hostname
refused 'Invalid argument' "$(printf '%065d' 0)" web/hostname
refused 'Invalid argument' "$(printf 'a\tb')" web/hostname
refused 'not permitted' y a/hostname # inherited: it would be the host's
refused 'not permitted' y hostname
is "$host" "$(hostname)" "the host's own"
printf y >web/hostname
is y "$(cat web/hostname)" 'without a newline'

it 'what has a NUL, or is long'
check_not sh -c 'printf "x\\0y" | dd of=web/hostname 2>/dev/null'
check_not sh -c 'printf "1\\0" | dd of=a/freeze 2>/dev/null'
check_not sh -c 'head -c 70000 /dev/zero | tr "\\0" a | dd of=web/hostname bs=70000 iflag=fullblock 2>/dev/null'
check_not sh -c 'head -c 1000000 /dev/zero | dd of=web/hostname bs=1000000 iflag=fullblock 2>/dev/null'
is y "$(cat web/hostname)"
is 0 "$(cat a/freeze)"

it 'freeze'
task a
for i in 1 1 0 0; do
	took $i a/freeze
done
for i in 2 -1 01 '' on 1x ' 1' '1 ' '1
0'; do
	refused 'Invalid argument' "$i" a/freeze
done
took 1 a/freeze
matches '^State:.*[DSTt]' "$(grep State "/proc/$(cat a/tasks)/status")"
is 1 "$(cat a/freeze)"
task_of=$(cat a/tasks)
is "$task_of" "$(timeout 5 cat a/tasks)" 'a frozen one answers'
is running "$(cat state)"
took 0 a/freeze
check test ! -e freeze

it 'kill'
says 'Permission denied' cat a/kill
put_fails 'Permission denied|Is a directory|not permitted|No such file' TERM kill
start "$WORK/traps" container enter a/b -- \
	sh -c 'trap "echo usr1" USR1; trap "echo hup" HUP; trap "echo rt" 40; echo up; while :; do sleep 0.02; done'
wait_for grep -qx up "$WORK/traps"
check put USR1 a/b/kill
wait_for grep -qx usr1 "$WORK/traps"
check put SIGHUP a/b/kill
wait_for grep -qx hup "$WORK/traps"
for i in '' 0 65 -9 -1 +9 9x KILLX kill SIG SIGSIG 'KILL TERM' '9 9' 99999999999999999999 4294967305; do
	put_fails 'Invalid argument' "$i" a/b/kill
	is running "$(cat a/b/state)" "after $i"
done
check put 10 a/b/kill
wait_for sh -c '[ $(grep -cx usr1 '"$WORK/traps"') = 2 ]'
check put KILL a/kill # nested ones included
ends 137 "$started"
wait_for grep -qx stopped a/state
put_fails 'No such process' TERM a/kill
put_fails 'No such process' 9 p/kill
is stopped "$(cat a/b/state)"

it 'uid_map, gid_map'
whole='0 0 4294967295'
one_space()
{
	tr -s ' \t' ' ' <"$1" | sed 's/^ //'
}
is "$whole" "$(one_space a/uid_map)"
is "$whole" "$(one_space gid_map)"
refused 'not permitted' '0 1000 1' a/uid_map # inherited
refused 'not permitted' '0 1000 1' gid_map
if has_type user; then
	for map in uid_map gid_map; do
		check put '0 100000 65536' web/$map
		is '0 100000 65536' "$(one_space web/$map)" $map
		check put '0 1000 10
10 2000 5' web/$map
		is '0 1000 10
10 2000 5' "$(one_space web/$map)" $map
		for text in '' x '0 0' '0 0 0' '0 0 1 1' '0 -1 1' '0 0 4294967296' '0 0 10
5 100 10' '0x0 0 1' "0 0 1
x"; do
			refused 'Invalid argument' "$text" web/$map
		done
	done
	is "$(tr -s ' ' <"web/uid_map")" "$(container enter web -- cat /proc/self/uid_map | tr -s ' ' | sed 's/^ //')"
	is y "$(cat web/hostname)" 'it is kept'
	# shellcheck disable=SC2046
	(set -- $(seq 341) && for i; do echo "$i $((i * 10)) 1"; done) >"$WORK/map"
	refused 'Invalid argument' "$(cat "$WORK/map")" web/uid_map
	check put "$(sed 341d "$WORK/map")" web/uid_map
	is 340 "$(wc -l <web/uid_map)"
else
	part_skipped 'no user namespaces'
fi

it 'what cannot be written'
for file in init state id status; do
	refused 'Permission denied' x a/$file
	refused 'Permission denied' x $file
	says 'Permission denied' truncate -s 0 a/$file
done
says 'Is a directory' sh -c 'exec env printf x >a/cgroup.d'

it 'the ways in which shells write'
check sh -c ': >web/hostname' # opened and truncated, and nothing written
is y "$(cat web/hostname)"
check sh -c 'echo z >>web/hostname'
is z "$(cat web/hostname)"
check sh -c 'exec 3<>a/freeze; read x <&3; [ "$x" = 0 ]; echo 1 >&3; echo 0 >&3'
is 0 "$(cat a/freeze)"
echo copied >"$WORK/h"
check cp "$WORK/h" web/hostname
is copied "$(cat web/hostname)"
check sh -c 'echo teed | tee web/hostname'
is teed "$(cat web/hostname)"
check truncate -s 100 web/hostname # sizes mean nothing
is teed "$(cat web/hostname)"
check touch web/hostname web/state
check dd if="$WORK/h" of=web/hostname conv=notrunc
is copied "$(cat web/hostname)"

it 'a file that is open is read anew from its beginning'
exec 3<web/hostname
is copied "$(head -c 100 <&3)"
check put newer web/hostname
is '' "$(cat <&3)"
exec 3<&-

it 'one whose container is gone'
check mkdir gone
exec 3<gone/state 4>gone/freeze
check rmdir gone
says 'No such|Stale|not connected|No such device' cat <&3
check_not sh -c 'echo 1 >&4'
exec 3<&- 4>&-

it 'cgroup.d'
check test -f a/cgroup.d/cgroup.procs
is "$(container tasks a 2>/dev/null || cat a/tasks)" "$(cat a/cgroup.d/cgroup.procs)"
is "populated 0" "$(grep populated a/cgroup.d/cgroup.events)"
is "$(cgroup_of_hierarchy)" "$(readlink cgroup.d)"
check test -d p/cgroup.d/
check mkdir fresh
check test -d fresh/cgroup.d/ # made when it is looked at
check rmdir fresh

it 'poll'
poll=$BUILD/tests/shell/pollstate
check mkdir s
start "$WORK/poll" "$poll" s/state stopped "$(seconds 20)"
watcher=$started
task s
wait_for grep -qx running "$WORK/poll"
check put 1 s/freeze
wait_for grep -qx frozen "$WORK/poll"
check put 0 s/freeze
wait_for sh -c '[ $(grep -cx running '"$WORK/poll"') = 2 ]'
check container freeze s # not through this mount
wait_for sh -c '[ $(grep -cx frozen '"$WORK/poll"') = 2 ]'
check put 0 s/freeze
wait_for sh -c '[ $(grep -cx running '"$WORK/poll"') = 3 ]'
check rm s/tasks
ends 0 "$watcher"
is 'created up running frozen running frozen running stopped' "$(paste -s -d ' ' "$WORK/poll")"
ends 137 "$started"

it 'poll: several, and one that comes late'
task s
start "$WORK/poll1" "$poll" s/state stopped "$(seconds 20)"
first=$started
start "$WORK/poll2" "$poll" s/state stopped "$(seconds 20)"
second=$started
start "$WORK/poll3" "$poll" a/state running 1
third=$started
check put TERM s/kill
ends 0 "$first"
ends 0 "$second"
ends 1 "$third" # nothing has happened to a
is 'stopped up' "$(paste -s -d ' ' "$WORK/poll3")"

it 'poll: the container is removed'
task s
start "$WORK/poll" "$poll" s/state nothing "$(seconds 20)"
watcher=$started
check rm -r s
ends 2 "$watcher" || kill "$watcher" # it is told, and then the file cannot be read


it 'ro: nothing can be changed'
mount_tree_on "$WORK/ro" -o ro
for file in hostname freeze kill tasks uid_map; do
	put_fails 'Read-only file system' 1 "$WORK/ro/web/$file"
done
is newer "$(cat "$WORK/ro/web/hostname")"
unmount_tree "$WORK/ro"
check rm -r web a p
