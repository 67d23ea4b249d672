# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# Two operations on one container at once: both right, or one gets a clean error; nothing is lost.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

rounds=$((20 / ${TESTS_SLOW:-1} + 3))

# both FIRST -- SECOND: at the same time. Sets $first and $second, the statuses; messages in one and two.
both()
{
	first_command=$1 second_command=$2
	eval "container $first_command" >"$WORK/out1" 2>"$WORK/one" &
	one=$!
	eval "container $second_command" >"$WORK/out2" 2>"$WORK/two" &
	two=$!
	wait $one
	first=$?
	wait $two
	second=$?
}

# clean STATUS FILE REGEX COMMAND: success, or a failure that is expected.
clean()
{
	[ "$1" = 0 ] || {
		is 125 "$1" "status of $4"
		matches "^container: .*($3)" "$(cat "$WORK/$2")" "$4"
	}
}

# one_of_two REGEX: one succeeded, the other says REGEX.
one_of_two()
{
	case $first:$second in
	0:125) matches "$1" "$(cat "$WORK/two")" "$second_command" ;;
	125:0) matches "$1" "$(cat "$WORK/one")" "$first_command" ;;
	*) bad "$first_command: $first, $second_command: $second: $(cat "$WORK/one" "$WORK/two")" ;;
	esac
}

missing='No such file|removed'

it 'the first two operations of a hierarchy'
for _ in $(seq $rounds); do
	both 'create a --own uts' 'create b --own network'
	is 0:0 $first:$second "$(cat "$WORK/one" "$WORK/two")"
	lists a b
	check container enter a -- true
	both 'rm a' 'rm b'
	is 0:0 $first:$second "$(cat "$WORK/one" "$WORK/two")"
	check container rm /
done

it 'create and create'
for _ in $(seq $rounds); do
	both 'create a --own network,uts,mount' 'create a --own ipc'
	one_of_two 'File exists'
	check container enter a -- true
	check container rm a
done

it 'names of their own finding'
for _ in $(seq $rounds); do
	both 'create' 'create --own uts'
	is 0:0 $first:$second "$(cat "$WORK/one" "$WORK/two")"
	is '/container_1 /container_2' "$(sort "$WORK/out1" "$WORK/out2" | paste -s -d ' ')"
	check container rm container_1 container_2
done

it 'rm and rm'
for _ in $(seq $rounds); do
	check container create a --own all
	both 'rm a' 'rm a'
	one_of_two "$missing"
	lists
	check container create a --own all
	both 'rm -f a' 'rm -f a'
	clean $first one "$missing" "$first_command"
	clean $second two "$missing" "$second_command"
	lists
done

it 'rm and create'
check container create a --own uts
for _ in $(seq $rounds); do
	both 'rm a' 'create a --own ipc'
	clean $first one "$missing" "$first_command"
	clean $second two 'File exists' "$second_command"
	container create a 2>/dev/null
	check container enter a -- true
done
check container rm a

it 'rename and rename'
check container create a --own uts
for _ in $(seq $rounds); do
	# An fd follows its container: the second may find it under its new name.
	both 'rename a b' 'rename a c'
	[ $first:$second = 0:0 ] || one_of_two "$missing"
	name=$(container ls -q)
	matches '^[bc]$' "$name"
	check container rename "$name" a
done
check container create b
for _ in $(seq $rounds); do
	both 'rename a x' 'rename b x'
	one_of_two 'File exists'
	is 2 "$(container ls -q | wc -l)"
	check container rm -f a b x
	check container create a
	check container create b
done
check container rm a b

it 'rename and rm'
for _ in $(seq $rounds); do
	check container create a --own network
	both 'rename a b' 'rm a'
	clean $first one "$missing" "$first_command"
	clean $second two "$missing" "$second_command"
	[ $first$second != 125125 ] || bad 'both failed'
	check container rm -f a b
	lists
done

it 'enter and rm'
for _ in $(seq $rounds); do
	check container create a --own uts,pid
	both 'enter a -- sh -c "exit 0"' 'rm a'
	clean $first one "$missing" "$first_command"
	clean $second two 'busy' "$second_command"
	check container rm -f a
	check container create a --own uts,pid
	both 'enter a -- sh -c "exit 0"' 'rm -f a'
	[ $first = 137 ] || clean $first one "$missing|was killed before" "$first_command"
	is 0 $second "$(cat "$WORK/two")"
	lists
done

it 'enter and enter: one init'
check container create a --own pid,mount
for _ in $(seq $rounds); do
	both 'enter a -- sh -c "readlink /proc/self/ns/pid; sleep 0.2"' 'enter a -- sh -c "readlink /proc/self/ns/pid; sleep 0.2"'
	case $first:$second in
	# The one that is not init ends with it.
	0:0 | 0:137 | 137:0) is "$(cat "$WORK/out1")" "$(cat "$WORK/out2")" 'pid namespace' ;;
	*) bad "$first:$second $(cat "$WORK/one" "$WORK/two")" ;;
	esac
done
check container rm -f a

it 'set and set'
check container create a
for _ in $(seq $rounds); do
	both 'set a network=own' 'set a network=own'
	is 0:0 $first:$second "$(cat "$WORK/one" "$WORK/two")"
	is network "$(field a own)"
	check container enter a -- true
	both 'set a network=inherit' 'set a uts=own'
	is 0:0 $first:$second "$(cat "$WORK/one" "$WORK/two")"
	is uts "$(field a own)"
	both 'set a uts=inherit' 'set a root=view'
	is 0:0 $first:$second "$(cat "$WORK/one" "$WORK/two")"
	is mount "$(field a own)"
	check container enter a -- true
	check container set a mount=inherit
done

it 'set and enter'
for _ in $(seq $rounds); do
	both 'set a uts=own network=own' 'enter a -- true'
	is 0:0 $first:$second "$(cat "$WORK/one" "$WORK/two")"
	both 'set a root=view' 'enter a -- true'
	clean $first one busy "$first_command"
	is 0 $second "$(cat "$WORK/two")"
done

it 'set and rm'
for _ in $(seq $rounds); do
	both 'set a network=own' 'rm a'
	clean $first one "$missing" "$first_command"
	is 0 $second "$(cat "$WORK/two")"
	lists
	check container create a
done
check container rm a

it 'create below, and rm above'
for _ in $(seq $rounds); do
	check container create a
	both 'create a/b --own network' 'rm a'
	clean $first one "$missing" "$first_command"
	clean $second two 'not empty' "$second_command"
	[ $first$second != 00 ] || bad 'both succeeded'
	check container rm -f -r a
	check container create a
	both 'create a/b --own network,mount' 'rm -r -f a'
	clean $first one "$missing" "$first_command"
	is 0 $second "$(cat "$WORK/two")"
	lists
done

it 'run and run'
for _ in $(seq $rounds); do
	both 'run -n a -- true' 'run -n a -- true'
	clean $first one 'File exists' "$first_command"
	clean $second two 'File exists' "$second_command"
	[ $first$second != 125125 ] || bad 'both failed'
	both 'run -- true' 'run -- true'
	is 0:0 $first:$second "$(cat "$WORK/one" "$WORK/two")"
	lists
done

it 'run and rm -f of it'
for _ in $(seq $rounds); do
	both 'run -n a -- true' 'rm -f a'
	[ $first = 137 ] || clean $first one "$missing|was killed before" "$first_command"
	clean $second two "$missing" "$second_command"
	lists
done

it 'freeze, thaw, kill'
check container create a
for _ in $(seq 5); do
	task a
	both 'freeze a' 'kill a'
	is 0 $first "$(cat "$WORK/one")"
	clean $second two 'no task' "$second_command"
	ends 137 "$started"
	check container thaw a
done
check container rm a
lists

it 'ls all the while'
check container create a
for _ in $(seq $rounds); do
	both 'create a/b --own all' 'ls --json'
	is 0:0 $first:$second "$(cat "$WORK/one" "$WORK/two")"
	check jq -e . "$WORK/out2"
	both 'rm a/b' 'ls -a --tree'
	is 0:0 $first:$second "$(cat "$WORK/one" "$WORK/two")"
	both 'rename a z' 'show a'
	is 0 $first
	clean $second two "$missing" "$second_command"
	check container rename z a
done
check container rm a
