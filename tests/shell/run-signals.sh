# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# Signals to run and enter reach the command; a command that is init ends by those that end others.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

# A command that tells of each signal, and exits with 40.
trapping='trap "echo INT; exit 40" INT; trap "echo TERM; exit 40" TERM; trap "echo HUP; exit 40" HUP
	trap "echo QUIT; exit 40" QUIT; trap "echo USR1; exit 40" USR1; trap "echo USR2; exit 40" USR2
	trap "echo WINCH; exit 40" WINCH
	echo up; while :; do sleep 0.05; done'

check container create box

it 'passed on'
for signal in INT TERM HUP QUIT USR1 USR2 WINCH; do
	start "$WORK/out" container run -- sh -c "$trapping" || continue
	kill -$signal "$started"
	ends 40 "$started"
	is $signal "$(tail -n 1 "$WORK/out")"
	start "$WORK/out" container enter box -- sh -c "$trapping" || continue
	kill -$signal "$started"
	ends 40 "$started"
	is $signal "$(tail -n 1 "$WORK/out")"
done
lists box

it 'an init that does not handle it is ended nevertheless'
for signal in TERM:143 INT:130 HUP:129 QUIT:131; do
	start "$WORK/out" container run -- sh -c 'ulimit -c 0; echo up; exec sleep 1000' || continue
	kill -"${signal%:*}" "$started"
	ends "${signal#*:}" "$started"
	start "$WORK/out" container run --inherit pid -- sh -c 'ulimit -c 0; echo up; exec sleep 1000' || continue
	kill -"${signal%:*}" "$started"
	ends "${signal#*:}" "$started"
done
lists box

it 'and its children with it'
start "$WORK/out" container run -n two -- sh -c 'sleep 1000 & sleep 1000 & echo up; exec sleep 1000'
is 3 "$(field two tasks)"
kill -TERM "$started"
ends 143 "$started"
lists box

it 'what ends nobody does not end init'
start "$WORK/out" container run -n two -- sh -c 'echo up; exec sleep 1000'
kill -WINCH "$started"
kill -CONT "$started"
kill -USR1 "$started"
sleep 0.3
lists box two
kill -TERM "$started"
ends 143 "$started"

it 'one that ignores it goes on, and can be killed'
start "$WORK/out" container run -n two -- sh -c 'trap "" TERM; echo up; while :; do sleep 1; done'
kill -TERM "$started"
sleep 0.3
lists box two
check container kill two
ends 137 "$started"

it 'stopped and continued'
start "$WORK/out" container enter box -- sh -c 'echo up; exec sleep 1000'
pid=$(container ps --json box | jq '.[0].pid')
check container kill -s STOP box
wait_for grep -q '^State:.*T' "/proc/$pid/status"
kill -0 "$started" || bad 'the CLI ended'
check container kill -s CONT box
wait_for grep -q '^State:.*S' "/proc/$pid/status"
check container kill -s TERM box
ends 143 "$started"

it 'a caller that ignores SIGCHLD'
exits 3 env --ignore-signal=CHLD container run -- sh -c 'exit 3'
exits 3 env --block-signal container run -- sh -c 'exit 3'

it 'what the caller blocks and ignores is as it would be without us'
ignored='grep -E "^Sig(Blk|Ign):" /proc/self/status'
is "$(sh -c "$ignored")" "$(container run -- sh -c "$ignored")"
is "$(env --ignore-signal=USR1 --block-signal=USR2 sh -c "$ignored")" \
	"$(env --ignore-signal=USR1 --block-signal=USR2 container run -- sh -c "$ignored")"

it 'Ctrl-C of a terminal'
# script(1) gives what it reads to the terminal; 3 is Ctrl-C. exec: no shell between that would feel it too.
{
	wait_for grep -q up "$WORK/typescript" >&2
	printf '\003'
	sleep 1
} | script -qefc "exec container run -n tty -- sh -c 'trap \"echo got; exit 40\" INT; echo up; while :; do sleep 0.05; done'" \
	"$WORK/typescript" >"$WORK/out"
is 40 $?
is 1 "$(grep -c got "$WORK/out")"
lists box
check container rm box
