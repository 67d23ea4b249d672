# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# timeout: 240
#
# What a task waits for when it is moved goes on: every system call that waits, with a time limit and without one, in
# the first thread and in another one, while a signal comes that is ignored or has a handler. Moved by the tree, and by
# the library.
#
#	/
#	└── a         own uts, network
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

blocked=$BUILD/tests/shell/blocked
move=$BUILD/tests/crash/call

mount_tree
check container create a --own uts,network

# The number at the end makes all of them different: the tree, and the library.
move_1() { put "$1" "$T/a/tasks"; }
move_2() { "$move" attach a "$1"; }

# begin CALL HOW: $pids has it.
begin()
{
	call=$1
	shift
	"$blocked" "$call" "$@" >"$WORK/$call.out" 2>&1 &
	pids="$pids $!:$call"
}

# end PID:CALL HOW
end()
{
	wait "${1%%:*}"
	status=$?
	[ $status != 77 ] || {
		part_skipped "${1#*:}: $(tail -n 1 "$WORK/${1#*:}.out")"
		return
	}
	is ok "$(tail -n 1 "$WORK/${1#*:}.out")" "${1#*:}"
}

# moved WAY AT_ONCE CALLS HOW...: some at a time are moved a while after they have begun to wait, and not at the same
# moment.
moved()
{
	way=$1 at_once=$2 all=$3 late=''
	shift 3
	# shellcheck disable=SC2086
	set -- "$all" "$@"
	while [ -n "$all" ]; do
		pids='' n=0 rest=''
		for name in $all; do
			if [ $n -lt "$at_once" ]; then
				begin "$name" ${2:+"$2"} ${3:+"$3"}
				n=$((n + 1))
			else
				rest="$rest $name"
			fi
		done
		all=$rest
		sleep "$pause"
		for each in $pids; do
			wait_for grep -qx up "$WORK/${each#*:}.out"
			move "$way" "$each"
		done
		for each in $pids; do
			end "$each"
		done
	done
	# On a busy machine some have ended before their turn came: again, one by one.
	all=$late
	shift
	[ -z "$all" ] || [ "$at_once" = 1 ] || moved "$way" 1 "$all" "$@"
}

# move WAY PID:CALL
move()
{
	"move_$1" "${2%%:*}" 2>"$WORK/.move" && return
	if [ "$at_once" = 1 ] || ! grep -q '^ok\|^wrong' "$WORK/${2#*:}.out"; then
		bad "${2#*:} is not moved"
		show "$WORK/.move" "$WORK/${2#*:}.out"
		return
	fi
	late="$late ${2#*:}"
	pids=$(echo "$pids" | sed "s/$2\>//")
	wait "${2%%:*}"
}

pause=0.5
every=$("$blocked" list | tr '\n' ' ')
limited=$("$blocked" list limited | tr '\n' ' ')

it 'until what it waits for comes'
moved 1 10 "$every"

it 'until its time is over'
moved 2 10 "$limited" limited

it 'in another thread'
moved 2 10 "$every" thread

it 'in another thread, until its time is over'
moved 1 10 "$limited" limited thread

# They look for the moment themselves, which takes a processor each.
pause=0.3
it 'a signal that is ignored'
moved 1 4 "$every" ignored

it 'a signal with a handler'
moved 2 4 "$every" handled

it 'a signal with a handler, and a time limit'
moved 1 4 "$limited" limited handled
check container rm -f a
