# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# timeout: 120
#
# The end of tasks is seen, not believed: who says that they have ended has waited for it, also where the kernel's own
# cgroup.kill does not reach. A process whose first thread has ended ("leaderless") is one of those.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

leaderless=$BUILD/tests/shell/leaderless

# leaderless_in NAME [ARG]: $started, and $pid: the process.
leaderless_in()
{
	name=$1
	shift
	start "$WORK/out" container enter "$name" "$leaderless" "$@" || return 1
	pid=$(cat "$(cgroup_of_hierarchy)"/*/cgroup.procs 2>/dev/null | sort -n | head -n 1)
}

# dead PID WHAT
dead()
{
	gone "$1" || {
		bad "$2: process $1 is alive"
		kill -KILL "$1"
	}
}

for own in uts pid; do
	it "without its first thread, own $own"
	check container create c --own $own
	check container set c stop_signal=HUP
	for how in kill 'stop -t 0.2'; do
		leaderless_in c || continue
		# shellcheck disable=SC2086
		check container $how c
		dead "$pid" "$how"
		ends 137 "$started"
		is 0 "$(field c tasks)"
		is stopped "$(field c state)"
	done
	check container set c stop_signal=TERM
	leaderless_in c
	check container stop -t 20 c
	is '' "$(cat "$WORK/.err")"
	ends 40 "$started"
	leaderless_in c
	check container rm -f c
	dead "$pid" rm
	ends 137 "$started"
	check container create c --own $own
	check container create c/d
	leaderless_in c
	check container rm -f -r c
	dead "$pid" 'rm -r'
	ends 137 "$started"
done

it 'signals, each once'
check container create c
leaderless_in c
check container kill -s HUP c
wait_for grep -qx HUP "$WORK/out"
check container freeze c
check container kill -s HUP c
is frozen "$(field c state)"
is 1 "$(grep -c HUP "$WORK/out")"
check container thaw c
wait_for sh -c "[ 2 = \$(grep -c HUP '$WORK/out') ]"
exits 124 timeout 0.3 container wait c
check container freeze c
check container kill c
ends 137 "$started"
check container thaw c

it 'one that forks without end'
leaderless_in c children
sleep 0.1
check container kill c
dead "$pid" kill
is 0 "$(field c tasks)"
wait_for gone "$started"

it 'moved after its first thread has ended: in no listing of processes'
"$leaderless" >"$WORK/out" 2>&1 &
pid=$!
wait_for grep -qx up "$WORK/out"
task c
in_c=$started
cgroup=$(dirname "$(grep -lx "$(container ps --json c | sed -n 's/.*"pid": \([0-9]*\).*/\1/p' | head -n 1)" \
	"$(cgroup_of_hierarchy)"/*/cgroup.procs)")
echo $pid >"$cgroup/cgroup.procs"
is 0 "$(grep -cx $pid "$cgroup/cgroup.procs")"
check container kill -s HUP c
wait_for grep -qx HUP "$WORK/out"
ends 129 "$in_c"
check container kill c
wait_for gone $pid
wait $pid
is 137 $?
check container rm c

it 'a container whose fd is closed'
start "$WORK/out" container run -n r --inherit pid -- "$(shown "$leaderless")"
pid=$(cat "$(cgroup_of_hierarchy)"/*/cgroup.procs 2>/dev/null | sort -n | head -n 1)
kill -KILL "$started"
check container create x
wait_for gone "$pid"
fails_with 125 'No such' container show r
check container rm x

it 'in the tree'
mount_tree
check mkdir "$T/c"
leaderless_in c
put KILL "$T/c/kill"
dead "$pid" 'echo KILL >kill'
ends 137 "$started"
leaderless_in c
put HUP "$T/c/kill"
wait_for grep -qx HUP "$WORK/out"
check rm "$T/c/tasks"
dead "$pid" 'rm tasks'
ends 137 "$started"

# Its end has to tell a file server that a file is closed, and that one does not answer.
it 'what does not end is told, and where it waits'
mount_tree_on "$WORK/silent"
start "$WORK/out" container enter c -- sh -c "exec 3<$WORK/silent/c/state; echo up; exec sleep 1000"
pid=$(cat "$(cgroup_of_hierarchy)"/*/cgroup.procs 2>/dev/null | sort -n | head -n 1)
server=$(server_of "$WORK/silent")
kill -STOP "$server"
begin=$(date +%s%N)
fails_with 125 "c: tasks do not die: $pid [A-Z]( [a-z_]+)?: (Resource|Device or resource) busy" container kill c
took=$((($(date +%s%N) - begin) / 1000000))
if [ $took -lt 1900 ] || [ $took -gt $((4000 * TESTS_SLOW)) ]; then
	bad "it took $took ms"
fi
fails_with 125 "tasks do not die: $pid [A-Z]( [a-z_]+)?: " container stop -t 0 c
fails_with 125 "tasks do not die: $pid [A-Z]( [a-z_]+)?: " container rm -f c
fails_with 125 'No such' container show c
check container create c
kill -CONT "$server"
wait_for gone "$pid"
wait_for gone "$started"
check container rm c
