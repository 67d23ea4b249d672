# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# The /dev of run: the usual nodes, and they work; of the host's devices none.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

# nodes OPTION...
nodes()
{
	it "the nodes, with ${*:-a view}"
	for node in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
		name=${node%%:*}
		is "character special file 666 $(echo "${node#*:}" | tr : ' ')" \
			"$(container run "$@" -- stat -L -c '%F %a %Hr %Lr' "/dev/$name")" "$name"
	done
	for link in ptmx fd stdin stdout stderr; do
		check container run "$@" -- sh -c "test -L /dev/$link"
	done
	for dir in pts shm; do
		check container run "$@" -- sh -c "test -d /dev/$dir"
	done
	is 'console fd full null ptmx pts random shm stderr stdin stdout tty urandom zero' \
		"$(container run "$@" -- ls /dev | paste -s -d ' ')" 'all of them'
}

nodes_work()
{
	is 5 "$(container run "$@" -- head -c 5 /dev/zero | wc -c)" zero
	is 5 "$(container run "$@" -- head -c 5 /dev/urandom | wc -c)" urandom
	is 5 "$(container run "$@" -- head -c 5 /dev/random | wc -c)" random
	check container run "$@" -- sh -c 'echo x >/dev/null && test -z "$(cat /dev/null)"'
	fails_with 1 'No space left' container run "$@" -- cp /bin/sh /dev/full
	is out "$(container run "$@" -- sh -c 'echo out >/dev/stdout; echo err >/dev/stderr' 2>"$WORK/err")"
	is err "$(cat "$WORK/err")"
	is in "$(echo in | container run "$@" -- cat /dev/stdin)"
	check container run "$@" -- sh -c 'echo x >/dev/shm/x && test -s /dev/shm/x'
	check_not test -e /dev/shm/x
}

nodes
it 'they work, in a view'
nodes_work
make_root "$WORK/root" stat head cp
nodes --root "$WORK/root"
it 'they work, in a given root'
nodes_work --root "$WORK/root"
is '' "$(ls "$WORK/root/dev")" 'the directory itself'

it 'terminals'
is '/dev/pts/0' "$(container run -- script -qec tty /dev/null </dev/null | tr -d '\r')"
# The host's terminals are not to be opened by number.
is ptmx "$(container run -- ls /dev/pts | paste -s -d ' ')"

it 'the terminal of the caller'
# shellcheck disable=SC2016
is 'yes' "$(script -qec 'container run -- sh -c "test -t 0 && test -t 1 && echo yes"' /dev/null </dev/null | tr -d '\r')"
is '/dev/console' "$(script -qec 'container run -- tty' /dev/null </dev/null | tr -d '\r')"
is '24 80' "$(script -qec 'stty rows 24 cols 80; container run -- stty size' /dev/null </dev/null | tr -d '\r')"
lists
