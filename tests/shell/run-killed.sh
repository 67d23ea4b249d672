# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# kill -9 of the CLI: the container of a killed run is gone after the next operation by anyone.
#
#	/
#	├── doomed       run without --keep
#	│   └── below    made while it runs
#	└── stays
#	    └── a        own network, shared with doomed for a while
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

check container create stays
check container create stays/a --own network

# killed WHAT OPTION...: run with these, kill, and look.
killed()
{
	it "killed: $1"
	shift
	start "$WORK/out" container run -n doomed "$@" -- sh -c 'sleep 1000 & sleep 1000 & echo up; exec sleep 1000' ||
		return
	tasks=$(container ps doomed --json | jq '.[].pid')
	is true "$(field doomed transient)"
	matches '^transient: true$' "$(container show doomed)"
	kill -KILL "$started"
	wait "$started" 2>/dev/null
	check container create probe
	check container rm probe
	lists stays stays/a
	for pid in $tasks; do
		wait_for gone "$pid"
	done
}

killed 'by default'
killed 'no own pid namespace' --inherit pid
killed 'own network' --own network
killed 'the whole host' --root /
make_root "$WORK/root" sleep
killed 'a given root' --root "$WORK/root"
killed 'a shared network' --share network=stays/a

it 'with a nested container in it'
start "$WORK/out" container run -n doomed -- sh -c 'echo up; exec sleep 1000'
doomed=$started
check container create doomed/below --own uts,network
task doomed/below
below=$started
start "$WORK/out" container run -n doomed/run --inherit mount -- sh -c 'echo up; exec sleep 1000'
lists stays stays/a doomed doomed/below doomed/run
kill -KILL "$doomed"
wait "$doomed" 2>/dev/null
check container create probe
check container rm probe
lists stays stays/a
wait_for gone "$below"
wait_for gone "$started"
check container rm stays/a

it 'renamed before'
start "$WORK/out" container run -n doomed -- sh -c 'echo up; exec sleep 1000'
check container rename doomed renamed
kill -KILL "$started"
wait "$started" 2>/dev/null
check container create probe
check container rm probe
lists stays

it 'below a container that was renamed before'
check container create p
start "$WORK/out" container run -n p/doomed -- sh -c 'echo up; exec sleep 1000'
check container rename p q
kill -KILL "$started"
wait "$started" 2>/dev/null
check container create probe
check container rm probe
lists stays q
check container rm q

it 'each operation that changes something sweeps'
check container create old
for operation in 'create new' 'set stays network=inherit' 'rename old older' 'rm new' 'run -- true'; do
	start "$WORK/out" container run -n doomed -- sh -c 'echo up; exec sleep 1000'
	kill -KILL "$started"
	wait "$started" 2>/dev/null
	# shellcheck disable=SC2086
	check container $operation
	is '' "$(container ls -q | grep doomed)" "after $operation"
done
check container rm older

it 'the name is free again at once'
start "$WORK/out" container run -n doomed -- sh -c 'echo up; exec sleep 1000'
kill -KILL "$started"
wait "$started" 2>/dev/null
exits 3 container run -n doomed -- sh -c 'exit 3'

it 'killed: enter; its container stays, and so may its task'
start "$WORK/out" container enter stays -- sh -c 'echo up; exec sleep 1000'
kill -KILL "$started"
wait "$started" 2>/dev/null
lists stays
check container rm -f stays

it 'no init of its own ends with it: all is removed without another operation'
check container create up --own pid
task up
up=$started
for how in '--inherit pid' '--share pid=up'; do
	# shellcheck disable=SC2086
	start "$WORK/out" container run -n up/doomed $how -- sh -c 'sleep 1000 & echo up; exec sleep 1000'
	tasks=$(container ps up/doomed --json | jq '.[].pid')
	kill -KILL "$started"
	wait "$started" 2>/dev/null
	for pid in $tasks; do
		wait_for gone "$pid"
	done
	wait_for sh -c 'test "$(container ls -q up | wc -l)" = 0'
done
check container rm -f up
# Its init is gone when all in its pid namespace are reaped, some of them by process 1 of the machine.
wait "$up" 2>/dev/null

it 'killed: run --keep'
start "$WORK/out" container run --keep -n kept -- sh -c 'echo up; exec sleep 1000'
kill -KILL "$started"
wait "$started" 2>/dev/null
lists kept
check container enter kept -- true
check container rm -f kept

it 'many at once'
for i in 1 2 3 4 5 6 7 8 9 10; do
	env --default-signal=INT container run -n "m$i" -- sleep 1000 </dev/null >/dev/null 2>&1 &
	pids="${pids:-} $!"
done
wait_for sh -c 'test "$(container ls --json | jq "map(select(.tasks == 1)) | length")" = 10'
# shellcheck disable=SC2086
kill -KILL $pids
# shellcheck disable=SC2086
wait $pids 2>/dev/null
check container create probe
check container rm probe
lists
