# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# kill, freeze, thaw, wait.
#
#	/
#	├── web          tasks
#	│   └── db       tasks
#	├── mail         tasks
#	└── idle         none
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

counting='trap "echo TERM; exit 40" TERM; trap "echo USR1" USR1; echo up; while :; do sleep 0.05; done'

check container create web
check container create web/db --own pid
check container create mail
check container create idle

# count FILE: whether a task that counts goes on.
goes_on()
{
	size=$(stat -c %s "$1")
	sleep 0.4
	[ "$(stat -c %s "$1")" -gt "$size" ]
}

it 'kill'
task web
web=$started
task web/db
db=$started
task mail
mail=$started
check container kill web
ends 137 "$web"
ends 137 "$db"
gone "$mail" && bad 'a container beside it was killed'
is 0 "$(field web tasks)"
is 0 "$(field web/db tasks)"
is 1 "$(field mail tasks)"
check container kill /mail
ends 137 "$mail"

it 'after a kill a container is as good as before'
is 'again' "$(container enter web -- echo again)"
is 'again' "$(container enter web/db -- echo again)"
is 'again' "$(container enter mail -- echo again)"
is 'again' "$(container run -n mail/x -- echo again)"
check container create mail/new
is 'again' "$(container enter mail/new -- echo again)"
check container rm mail/new
check container rm -r web
check container rm mail
check container create web
check container create web/db --own pid
check container create mail

it 'kill -s'
for signal in TERM SIGTERM term sigterm 15; do
	start "$WORK/out" container enter web -- sh -c "$counting"
	check container kill -s $signal web
	ends 40 "$started"
	is TERM "$(tail -n 1 "$WORK/out")" "-s $signal"
done
start "$WORK/out" container enter web -- sh -c "$counting"
check container kill --signal=USR1 web
wait_for grep -qx USR1 "$WORK/out"
check container kill -s 0 web
gone "$started" && bad 'it ended'
check container kill -s TERM web
ends 40 "$started"
start "$WORK/out" container enter web/db -- sh -c "$counting"
check container kill -s TERM web
ends 40 "$started"

it 'not a signal'
for signal in BOGUS SIG 65 999 -1 1x '' 99999999999999999999 TERM1; do
	fails_with 125 'not a signal' container kill -s "$signal" web
done
fails_with 125 'option needs a value' container kill -s
fails_with 125 'which container' container kill
fails_with 125 'which container' container kill -s TERM

it 'no task'
fails_with 125 '^container: idle: it has no task.*No such process' container kill idle
fails_with 125 'no task' container kill -s TERM idle
fails_with 125 'No such file' container kill none
fails_with 125 'init container.*Operation not permitted' container kill /

it 'several, with partial failure'
task web
web=$started
task mail
fails_with 125 '^container: idle: ' container kill web idle none mail
matches '^container: none: ' "$(cat "$WORK/.err")"
is 2 "$(wc -l <"$WORK/.err")"
ends 137 "$web"
ends 137 "$started"

it 'tasks that fork all the time'
check container create bomb
start "$WORK/out" container enter bomb -- sh -c 'echo up; while :; do sh -c : & sleep 0.001; done'
check container kill bomb
ends 137 "$started"
check container wait --timeout 10 bomb
is 0 "$(field bomb tasks)"
check container rm bomb

it 'freeze and thaw'
start "$WORK/out" container enter mail -- sh -c 'echo up; while :; do echo x; sleep 0.05; done'
mail=$started
check goes_on "$WORK/out"
check container freeze mail
is frozen "$(field mail state)"
check_not goes_on "$WORK/out"
check container freeze mail
check container thaw mail
is running "$(field mail state)"
check goes_on "$WORK/out"
check container thaw mail
check container pause mail
is frozen "$(field mail state)" 'the alias'
check container unpause mail
is running "$(field mail state)"

it 'frozen with those in it'
start "$WORK/out2" container enter web/db -- sh -c 'echo up; while :; do echo x; sleep 0.05; done'
db=$started
check container freeze web
is frozen "$(field web/db state)"
check_not goes_on "$WORK/out2"
fails_with 125 'container above is frozen.*busy' container thaw web/db
check_not goes_on "$WORK/out2"
check container thaw web
check goes_on "$WORK/out2"

it 'killed while frozen'
check container freeze mail
check container kill mail
ends 137 "$mail"
check container thaw mail
check container freeze web
check container rm -f web/db
ends 137 "$db"
lists idle mail web
check container thaw web
check container create web/db --own pid

it 'frozen without a task'
check container freeze idle
is frozen "$(field idle state)"
check container thaw idle
is created "$(field idle state)"

it 'a task for a frozen container: refused, or it waits for the thaw; nothing hangs for ever'
for name in idle web/db; do
	check container freeze $name
	container enter $name -- true >"$WORK/out" 2>"$WORK/err" &
	entering=$!
	sleep 0.3
	check timeout "$(seconds 8)" container ls
	check timeout "$(seconds 8)" container show $name
	check timeout "$(seconds 8)" container thaw $name
	wait_for gone $entering || kill -KILL $entering
	wait $entering
	status=$?
	[ $status = 0 ] || [ $status = 125 ] || bad "enter of the frozen $name: $status"
	check timeout "$(seconds 8)" container enter $name -- true
done
check container freeze idle
container enter idle -- true >"$WORK/out" 2>"$WORK/err" &
entering=$!
sleep 0.3
check timeout "$(seconds 8)" container rm -f idle || container thaw idle
wait_for gone $entering || kill -KILL $entering
wait $entering
lists mail web web/db
container create idle 2>/dev/null

it 'errors of freeze and thaw'
fails_with 125 'No such file' container freeze none
fails_with 125 'No such file' container thaw none
fails_with 125 'init container.*Operation not permitted' container freeze /
fails_with 125 'which container' container freeze
fails_with 125 'which container' container thaw
fails_with 125 '^container: none: ' container freeze idle none
check container thaw idle

it 'wait'
check container wait idle
check container wait --timeout 0 idle mail web/db
task web
fails_with 124 '^container: web: wait: there still are tasks' container wait --timeout 0.2 web
fails_with 124 'there still are tasks' container wait -t 0 web
begin=$(date +%s%3N)
exits 124 container wait --timeout 1 web
took=$(($(date +%s%3N) - begin))
[ $took -ge 1000 ] || bad "it waited for $took ms only"
[ $took -lt "$(seconds 3)000" ] || bad "it waited for $took ms"
fails_with 124 'there still are tasks' container wait --timeout 0.1 idle web mail
container wait web &
waiting=$!
sleep 0.2
gone $waiting && bad 'it did not wait'
check container kill web
ends 0 $waiting
is 0 "$(field web tasks)"

it 'wait for those in it'
task web/db
fails_with 124 'there still are tasks' container wait --timeout 0.2 web
check container kill web/db
check container wait --timeout 10 web

it 'a container removed while it is waited for'
check container create short
task short
container wait short >"$WORK/out" 2>&1 &
waiting=$!
sleep 0.2
check container rm -f short
wait_for gone $waiting
wait $waiting
status=$?
[ $status = 0 ] || matches 'No such file|removed' "$(cat "$WORK/out")" "wait: $status"

it 'errors of wait'
fails_with 125 'not a number of seconds: x' container wait --timeout x web
fails_with 125 'not a number of seconds: -1' container wait --timeout -1 web
fails_with 125 'not a number of seconds: nan' container wait --timeout nan web
fails_with 125 'not a number of seconds: 1e300' container wait --timeout 1e300 web
fails_with 125 'not a number of seconds: ' container wait --timeout '' web
fails_with 125 'not a number of seconds: 0x5' container wait --timeout 0x5 web
fails_with 125 'not a number of seconds: 1.2.3' container wait --timeout 1.2.3 web
fails_with 125 'No such file' container wait none
fails_with 125 'init container.*Operation not permitted' container wait /
fails_with 125 'which container' container wait
check container rm -r web mail
container rm -f idle
