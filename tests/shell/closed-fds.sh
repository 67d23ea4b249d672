# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# Callers whose standard fds are closed: nothing of ours gets into their place, what cannot be read or
# written is told, and commands find them closed.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

check container create web --own mount,uts

# looks OPEN: a script that ends with 7 if of error, output and input these are open: "011" without error.
looks()
{
	cat <<'END'
[ -e /proc/$$/fd/0 ] && s=1 || s=0
[ -e /proc/$$/fd/1 ] && s=1$s || s=0$s
[ -e /proc/$$/fd/2 ] && s=1$s || s=0$s
case $s in
END
	echo "$1) exit 7 ;; *) exit 8 ;; esac"
}

it 'a command finds them closed'
for verb in 'run --' 'enter web --' 'run --root / --'; do
	# shellcheck disable=SC2086
	{
		container $verb sh -c "$(looks 000)" <&- >&- 2>&-
		is 7 $? "$verb, all"
		container $verb sh -c "$(looks 110)" <&-
		is 7 $? "$verb, input"
		container $verb sh -c "$(looks 101)" >&-
		is 7 $? "$verb, output"
		container $verb sh -c "$(looks 011)" 2>&-
		is 7 $? "$verb, error"
		container $verb true <&- >&- 2>&-
		is 0 $? "$verb, status"
		container $verb /no/such <&- >&- 2>&-
		is 127 $? "$verb, no such command"
		container $verb /etc <&- >&- 2>&-
		is 126 $? "$verb, no command"
	}
done

it 'output that cannot be written'
for call in 'ls' 'ls -q' 'ls --tree' 'ls --json' 'show web' 'ps web --json' 'mounts web' 'of --self' 'stats' '--help' 'ls --help'; do
	# shellcheck disable=SC2086
	container $call >&- 2>"$WORK/err"
	is 125 $? "status of $call"
	is 'container: write output: Bad file descriptor' "$(cat "$WORK/err")" "$call"
done
for call in 'show none' 'ls --bogus' 'rm none' ''; do
	# shellcheck disable=SC2086
	container $call <&- >&- 2>&-
	is 125 $? "status of $call"
done
container freeze web <&- >&- 2>&-
is 0 $? 'status of what has no output'
check container thaw web

it 'events'
container events / >&- 2>"$WORK/err1" &
first=$!
container events / <&- >&- 2>"$WORK/err2" &
second=$!
probe()
{
	container create probe && container rm probe && gone $first && gone $second
}
wait_for probe
ends 125 $first
ends 125 $second
is 'container: write output: Bad file descriptor' "$(cat "$WORK/err1")"
is 'container: write output: Bad file descriptor' "$(cat "$WORK/err2")"

it 'input'
container key add web user x - <&- >"$WORK/out" 2>"$WORK/err"
is 125 $? 'status of key add'
matches '^container: web: read the payload: Bad file descriptor$' "$(cat "$WORK/err")"

check container rm web
